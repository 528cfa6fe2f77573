//! A builtin of the host, whose answers are fetched outside the evaluation: a call without one ends it, the host finds
//! the answer, and evaluates again.

use sluice_rego::builtins::{BuiltinError, HostBuiltin};
use sluice_rego::{Engine, Error, QueryOptions, QueryScope, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

const POLICY: &str = r#"package release

deny contains msg if {
	some ref in input.images
	size := host.size(ref)
	size > 1000
	msg := sprintf("%s has %d bytes", [ref, size])
}
"#;

/// What the host has been asked: with the answer once there is one.
type Asked = Arc<Mutex<BTreeMap<Value, Option<Value>>>>;

fn builtin(asked: Asked) -> Result<HostBuiltin, sluice_rego::types::Malformed> {
    HostBuiltin::new("host.size", 1, move |args, _| {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        match args.first().and_then(|arg| asked.entry(arg.clone()).or_default().clone()) {
            Some(size) => Ok(Some(size)),
            None => Err(BuiltinError::Unprepared),
        }
    })
    .typed("(ref: string) => number")
}

/// Stands for a request over the network. Answers all that is still open; says whether there was any.
fn fetch(asked: &Asked) -> bool {
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    let mut any = false;
    for (reference, answer) in asked.iter_mut().filter(|(_, answer)| answer.is_none()) {
        println!("fetching {}", json::key_text(reference));
        *answer = Some(Value::from(if json::key_text(reference).ends_with("big") { 5000 } else { 10 }));
        any = true;
    }
    any
}

fn main() -> Result<(), Vec<Error>> {
    let asked = Asked::default();
    let mut engine = Engine::default();
    engine.add_builtin(builtin(asked.clone())?);
    engine.add_module("release.rego", POLICY)?;
    let query = engine.compile()?.prepare("data.release.deny", &QueryScope::default())?;
    let input = json::parse(r#"{"images": ["a/small", "a/big"]}"#)?;
    loop {
        match query.eval(Some(input.clone()), &QueryOptions::default()) {
            Ok(answers) => {
                let values = answers.iter().flat_map(|answer| &answer.expressions);
                values.for_each(|expression| println!("{}", json::to_string(&expression.value)));
                return Ok(());
            }
            Err(_) if fetch(&asked) => {}
            Err(errors) => return Err(errors),
        }
    }
}
