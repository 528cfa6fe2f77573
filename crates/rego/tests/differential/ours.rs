//! A request answered by this crate, in the form in which OPA answers.

use serde_json::{Value as Json, json};
use sluice_rego::Limits;
use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine, Error, QueryOptions, Value, json as rego_json};

/// Evaluations stop here; such answers are not compared.
const STEPS: u64 = 300_000;

/// The answer to a request.
pub fn answer(request: &Json) -> Json {
    let version = if request["v0"] == Json::Bool(true) { Version::V0 } else { Version::V1 };
    let mut engine = Engine::new(version);
    let mut errors = Vec::new();
    for (name, text) in request["modules"].as_object().into_iter().flatten() {
        if let Err(found) = engine.add_module(name, text.as_str().unwrap_or_default()) {
            errors.extend(found);
        }
    }
    if !errors.is_empty() {
        return json!({"errors": problems(&errors)});
    }
    if let Some(data) = request.get("data") {
        engine.set_data(value(data));
    }
    let policy = match engine.compile() {
        Ok(policy) => policy,
        Err(errors) => return json!({"errors": problems(&errors)}),
    };
    let queries: Vec<Json> = request["queries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|query| {
            let options = QueryOptions {
                strict_builtin_errors: query["strict"] == Json::Bool(true),
                limits: Limits { steps: STEPS, ..Limits::default() },
                now_ns: query["now"].as_i64().unwrap_or_default(),
                ..QueryOptions::default()
            };
            match policy.eval_query(
                query["query"].as_str().unwrap_or_default(),
                query.get("input").map(value),
                &options,
            ) {
                Ok(found) => {
                    let result: Vec<Json> = found
                        .iter()
                        .map(|bindings| {
                            Json::Object(bindings.iter().map(|(name, value)| (name.clone(), encode(value))).collect())
                        })
                        .collect();
                    json!({"result": result})
                }
                Err(errors) => json!({"errors": problems(&errors)}),
            }
        })
        .collect();
    json!({"queries": queries})
}

fn value(json: &Json) -> Value {
    rego_json::parse(&json.to_string()).expect("JSON of a request is read")
}

/// Loses nothing: arrays as they are, one member that names the type for numbers (their text), objects and sets.
fn encode(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::String(text) => json!(&*sluice_rego::bytes::shown(text)),
        Value::Number(n) => json!({"number": n.to_string()}),
        Value::Array(items) => items.iter().map(encode).collect(),
        Value::Object(map) => {
            let pairs: Vec<Json> = map.iter().map(|(key, value)| json!([encode(key), encode(value)])).collect();
            json!({"object": pairs})
        }
        Value::Set(items) => {
            let items: Vec<Json> = items.iter().map(encode).collect();
            json!({"set": items})
        }
    }
}

fn problems(errors: &[Error]) -> Vec<Json> {
    errors
        .iter()
        .map(|error| {
            let code = match error.code {
                Code::EvalCancel => "limit",
                code => code.as_str(),
            };
            json!({
                "code": code,
                "message": error.message,
                "file": error.file.as_deref().unwrap_or_default(),
                "row": error.location.row,
                "col": error.location.col,
            })
        })
        .collect()
}
