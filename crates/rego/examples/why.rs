//! A denial, with the lines of the policy and the places of the input that decided it.

use sluice_rego::why::place;
use sluice_rego::{Engine, Error, QueryOptions, QueryScope, json};

const POLICY: &str = r#"package release

deny contains msg if {
	some task in input.tasks
	hermetic(task)
	some step in task.steps
	step.network != "none"
	msg := sprintf("step %q of %q had the network %q", [step.name, task.name, step.network])
}

hermetic(task) if task.params.HERMETIC == "true"

hermetic(task) if task.name in data.always_hermetic
"#;

const INPUT: &str = r#"{"tasks": [
    {"name": "clone", "params": {}, "steps": [{"name": "fetch", "network": "egress"}]},
    {"name": "build", "params": {"HERMETIC": "true"}, "steps": [
        {"name": "unpack", "network": "none"}, {"name": "compile", "network": "egress"}]}
]}"#;

fn main() -> Result<(), Vec<Error>> {
    let input = json::parse(INPUT)?;
    let mut engine = Engine::default();
    engine.add_module("release.rego", POLICY)?;
    let policy = engine.compile()?;
    let query = policy.prepare("some msg in data.release.deny", &QueryScope::default())?;
    let (answers, proof) = query.explain(Some(input), &QueryOptions::default())?;

    for answer in &answers {
        answer.bindings.values().for_each(|message| println!("denied: {}", json::key_text(message)));
    }
    let decided = proof.decided();
    let mut lines: Vec<_> = decided.lines.iter().collect();
    lines.dedup_by_key(|at| (at.file, at.row));
    for at in lines {
        // The query's own expressions are of no module.
        if let Some(source) = policy.source(at.file) {
            println!("  {}:{}  {}", source.name, at.row, source.line(*at).trim());
        }
    }
    decided.places.iter().for_each(|path| println!("  read {}", place(path)));
    Ok(())
}
