//! A policy, an input, the answer: `eval [POLICY INPUT QUERY]`.

use sluice_rego::{Engine, Error, QueryOptions, QueryScope, json};

const POLICY: &str = r#"package release

deny contains msg if {
	some task in input.tasks
	task.network != "none"
	msg := sprintf("task %q had the network %q", [task.name, task.network])
}
"#;

const INPUT: &str = r#"{"tasks": [{"name": "clone", "network": "none"}, {"name": "build", "network": "egress"}]}"#;

fn answer(policy: &str, input: &str, query: &str) -> Result<String, Vec<Error>> {
    let input = json::parse(input)?;
    let mut engine = Engine::default();
    engine.add_module("release.rego", policy)?;
    let query = engine.compile()?.prepare(query, &QueryScope::default())?;
    let answers = query.eval(Some(input), &QueryOptions::default())?;
    let values = answers.iter().flat_map(|answer| &answer.expressions);
    Ok(values.map(|expression| format!("{} = {}\n", expression.text, json::to_string(&expression.value))).collect())
}

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let answer = match args.as_slice() {
        [policy, input, query] => answer(&std::fs::read_to_string(policy)?, &std::fs::read_to_string(input)?, query),
        _ => answer(POLICY, INPUT, "data.release.deny"),
    };
    match answer {
        Ok(text) => print!("{text}"),
        Err(errors) => errors.iter().for_each(|error| eprintln!("{error}")),
    }
    Ok(())
}
