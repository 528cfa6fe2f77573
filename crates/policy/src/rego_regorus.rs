//! `RegoEngine` on the regorus interpreter; no other file of the crate names it. What regorus does not have (annotations,
//! time) is added here; where it is laxer than a gate may be (data that shadows rules, undefined where a set was
//! expected), it is made an error.

use crate::annotations::{self, CHAINS};
use crate::rego::{Module, PackageOutcome, RegoEngine, RegoError, RuleInfo, RuleKind};
use regorus::utils::limits::{ExecutionTimerConfig, PolicyLengthConfig};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// The longest one input may take, all packages together.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A compiled policy. Evaluation works on a clone of the prepared interpreter, so inputs do not see each other.
pub struct Regorus {
    engine: regorus::Engine,
    rules: Vec<RuleInfo>,
    /// Package to the names of its deny and warn rules.
    heads: BTreeMap<String, BTreeMap<String, RuleKind>>,
}

impl std::fmt::Debug for Regorus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Regorus").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Regorus {
    /// Compiles the modules with the data they see. Any fault of any module fails the whole policy.
    pub fn compile(modules: &[Module], data: &Value) -> Result<Self, RegoError> {
        let mut engine = regorus::Engine::new();
        engine.set_strict_builtin_errors(true);
        engine.set_policy_length_config(PolicyLengthConfig {
            max_col: NonZeroU32::new(8192).unwrap_or(NonZeroU32::MIN),
            max_file_bytes: NonZeroUsize::new(4 << 20).unwrap_or(NonZeroUsize::MIN),
            max_lines: NonZeroUsize::new(100_000).unwrap_or(NonZeroUsize::MIN),
        });
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN),
        });
        let fault = |module: &Module, error: String| RegoError::Compile { module: module.name.clone(), reason: error };
        engine
            .add_extension(
                "time.parse_rfc3339_ns".into(),
                1,
                Box::new(|args: Vec<regorus::Value>| Ok(parse_time(&args))),
            )
            .map_err(|error| RegoError::Data(error.to_string()))?;
        let mut rules: Vec<RuleInfo> = Vec::new();
        let mut origin: BTreeMap<String, String> = BTreeMap::new();
        let mut heads: BTreeMap<String, BTreeMap<String, RuleKind>> = BTreeMap::new();
        let mut chains = Map::new();
        for module in modules {
            let read = annotations::read(module)?;
            shadowed(data, &read.package)?;
            engine.add_policy(module.name.clone(), read.expanded).map_err(|error| fault(module, error.to_string()))?;
            for name in ["deny", "warn", "violation"] {
                let declared = engine
                    .has_declared_rule_rooted_at(&module.name, name)
                    .map_err(|error| fault(module, error.to_string()))?;
                if declared && !read.rules.iter().any(|(found, _)| found == name) {
                    let reason =
                        format!("its `{name}` rule does not begin a line (see `opa fmt`), so it would be missed");
                    return Err(RegoError::Compile { module: module.name.clone(), reason });
                }
            }
            for (name, rule) in read.rules {
                let unnamed = rule.code == format!("{}.{name}", rule.package);
                heads.entry(rule.package.clone()).or_default().insert(name, rule.kind);
                match origin.insert(rule.code.clone(), module.name.clone()) {
                    None => rules.push(rule),
                    // Bodies of one rule set that nobody named are one rule.
                    Some(_) if unnamed => {}
                    Some(first) => {
                        return Err(RegoError::DuplicateCode { code: rule.code, first, second: module.name.clone() });
                    }
                }
            }
            chains.extend(read.chains);
        }
        let mut all = data.as_object().cloned().ok_or_else(|| RegoError::Data("the data is not an object".into()))?;
        if all.insert(CHAINS.into(), Value::Object(chains)).is_some() {
            return Err(RegoError::DataShadowsPolicy { path: CHAINS.into() });
        }
        engine.add_data_json(&Value::Object(all).to_string()).map_err(|error| RegoError::Data(error.to_string()))?;
        // Analyses all modules, so that what is wrong with them shows now and not as an error of every package later.
        engine
            .eval_query("true".into(), false)
            .map_err(|error| RegoError::Compile { module: "(the policy)".into(), reason: error.to_string() })?;
        Ok(Self { engine, rules, heads })
    }

    fn package(&self, engine: &mut regorus::Engine, package: &str) -> Result<Vec<(RuleKind, Value)>, String> {
        let heads = self.heads.get(package).ok_or("the policy has no such package, or it has no deny or warn rule")?;
        let mut members = Vec::new();
        for (name, kind) in heads {
            match engine.eval_rule(format!("data.{package}.{name}")).map_err(|error| error.to_string())? {
                regorus::Value::Set(set) => {
                    for member in set.iter() {
                        members.push((*kind, to_json(member).map_err(|reason| format!("`{name}`: {reason}"))?));
                    }
                }
                regorus::Value::Undefined => return Err(format!("`{name}` is undefined where a set is expected")),
                other => return Err(format!("`{name}` is not a set but {}", kind_name(&other))),
            }
        }
        Ok(members)
    }
}

impl RegoEngine for Regorus {
    fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }

    fn evaluate(&self, input: &Value, packages: &BTreeSet<String>) -> Vec<PackageOutcome> {
        let mut engine = self.engine.clone();
        let ready = engine.set_input_json(&input.to_string()).map_err(|error| error.to_string());
        packages
            .iter()
            .map(|package| {
                let members = ready.clone().and_then(|()| self.package(&mut engine, package));
                let members = members
                    .map_err(|reason| RegoError::Evaluate { package: package.clone(), reason: reason.trim().into() });
                PackageOutcome { package: package.clone(), members }
            })
            .collect()
    }
}

/// regorus prefers a value found in data to the rule of that name, so a data source could answer for a rule.
fn shadowed(data: &Value, package: &str) -> Result<(), RegoError> {
    let mut at = data;
    let mut path = String::new();
    for part in package.split('.') {
        match at.get(part) {
            None => return Ok(()),
            Some(next) => at = next,
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(part);
    }
    Err(RegoError::DataShadowsPolicy { path })
}

/// As OPA's builtin, whose error is undefined in a rule.
fn parse_time(args: &[regorus::Value]) -> regorus::Value {
    let nanos = match args {
        [regorus::Value::String(text)] => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond),
        _ => None,
    };
    nanos.and_then(|n| i64::try_from(n).ok()).map_or(regorus::Value::Undefined, regorus::Value::from)
}

fn to_json(value: &regorus::Value) -> Result<Value, String> {
    Ok(match value {
        regorus::Value::Null => Value::Null,
        regorus::Value::Bool(b) => Value::Bool(*b),
        regorus::Value::String(text) => Value::String(text.to_string()),
        regorus::Value::Number(_) => {
            let text = value.to_json_str().map_err(|error| error.to_string())?;
            serde_json::from_str(&text).map_err(|error| error.to_string())?
        }
        regorus::Value::Array(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        regorus::Value::Set(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        regorus::Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map.iter() {
                let regorus::Value::String(key) = key else { return Err("an object key is not a string".into()) };
                out.insert(key.to_string(), to_json(value)?);
            }
            Value::Object(out)
        }
        regorus::Value::Undefined => return Err("a member is undefined".into()),
    })
}

fn kind_name(value: &regorus::Value) -> &'static str {
    match value {
        regorus::Value::Array(_) => "an array",
        regorus::Value::Object(_) => "an object",
        regorus::Value::String(_) => "a string",
        regorus::Value::Bool(_) => "a boolean",
        _ => "another value",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn module(text: &str) -> Module {
        Module { name: "test.rego".into(), text: text.into() }
    }

    fn eval(text: &str, input: Value) -> Vec<PackageOutcome> {
        let engine = Regorus::compile(&[module(text)], &json!({})).unwrap();
        engine.evaluate(&input, &BTreeSet::from(["p".to_owned()]))
    }

    #[test]
    fn an_empty_set_is_a_defined_answer_and_undefined_is_not() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tinput.bad\n\tmsg := \"bad\"\n}\n";
        assert_eq!(eval(text, json!({})).pop().unwrap().members.unwrap(), vec![]);
        let members = eval(text, json!({"bad": true})).pop().unwrap().members.unwrap();
        assert_eq!(members, vec![(RuleKind::Deny, json!("bad"))]);
        let complete = "package p\n\nimport rego.v1\n\ndeny := true if input.bad\n";
        let error = eval(complete, json!({})).pop().unwrap().members.unwrap_err();
        assert!(error.to_string().contains("undefined where a set is expected"), "{error}");
        let error = eval(complete, json!({"bad": true})).pop().unwrap().members.unwrap_err();
        assert!(error.to_string().contains("not a set but a boolean"), "{error}");
    }

    #[test]
    fn an_error_in_a_rule_and_an_unknown_package_are_errors() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tsome x in input.items\n\tto_number(x) > 1\n\tmsg := \"bad\"\n}\n";
        let error = eval(text, json!({"items": ["nine"]})).pop().unwrap().members.unwrap_err();
        assert!(error.to_string().contains("package `p` could not be evaluated"), "{error}");
        let engine = Regorus::compile(&[module(text)], &json!({})).unwrap();
        let error = engine.evaluate(&json!({}), &BTreeSet::from(["q".to_owned()])).pop().unwrap().members.unwrap_err();
        assert!(error.to_string().contains("no such package"), "{error}");
    }

    #[test]
    fn data_cannot_answer_for_a_rule() {
        let text = "package p.q\n\nimport rego.v1\n\ndeny contains \"always\" if true\n";
        let error = Regorus::compile(&[module(text)], &json!({"p": {"q": {"deny": []}}})).unwrap_err();
        assert!(error.to_string().contains("data defines `p.q`"), "{error}");
        Regorus::compile(&[module(text)], &json!({"p": {"other": 1}})).unwrap();
    }

    #[test]
    fn times_are_read_as_opa_reads_them() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tn := time.parse_rfc3339_ns(input.at)\n\tmsg := sprintf(\"%d\", [n])\n}\n";
        let members = eval(text, json!({"at": "1970-01-01T00:00:01Z"})).pop().unwrap().members.unwrap();
        assert_eq!(members[0].1, json!("1000000000"));
        assert_eq!(eval(text, json!({"at": "yesterday"})).pop().unwrap().members.unwrap(), vec![]);
    }
}
