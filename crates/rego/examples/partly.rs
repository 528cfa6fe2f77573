//! What a rule can tell before all of its input exists: yes, no, or what has to be known first.

use sluice_rego::{Engine, Error, QueryOptions, QueryScope, Value, json};

const POLICY: &str = r#"package release

named if input.task.name == "build"

privileged if {
	some step in input.task.steps
	step.privileged
}

signed if {
	input.task.name == "build"
	input.image.signatures[0].verified
}
"#;

fn main() -> Result<(), Vec<Error>> {
    let input = r#"{"task": {"name": "build", "steps": [{"privileged": false}]}}"#;
    let input = json::parse(input)?;
    let mut engine = Engine::default();
    engine.add_module("release.rego", POLICY)?;
    let policy = engine.compile()?;

    for rule in ["data.release.named", "data.release.privileged", "data.release.signed"] {
        let query = policy.prepare(rule, &QueryScope::default())?;
        let found = query.eval_partly(Some(input.clone()), &["input.image"], &QueryOptions::default())?;
        let holds = found.answers.iter().flat_map(|answer| &answer.expressions).any(|e| e.value == Value::Bool(true));
        match (holds, found.perhaps.first()) {
            (true, _) => println!("{rule}: yes"),
            (false, None) => println!("{rule}: no"),
            (false, Some(reason)) => {
                println!("{rule}: not before {} is known (line {})", reason.what, reason.location.row);
            }
        }
    }
    Ok(())
}
