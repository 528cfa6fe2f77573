//! What the gate asks of a policy's rules: which there are, what each package says of an input, and why. Stands on the
//! engine `sluice-rego`, which no other file names but `annotations` and `ec`; where Rego is laxer than a gate may be (data
//! that shadows rules, undefined where a set was expected), it is made an error here. Knows nothing of images or
//! attestations.

use crate::annotations;
use crate::ec;
use serde::Serialize;
use serde_json::Value;
use sluice_rego::ast::{Ref, Source, Version};
use sluice_rego::builtins::HostBuiltin;
use sluice_rego::parse::{self, Options};
use sluice_rego::why::{Decided, Proof, Source as Origin, Step};
use sluice_rego::{Compiled, Deadline, Engine, Error, Limits, QueryOptions, QueryScope};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The longest one input may take, all packages together.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Bytes that it may make of values, and that its findings may take.
const MEMORY_LIMIT: u64 = 4 << 30;
const OUTPUT_LIMIT: u64 = 256 << 20;

/// Bytes of source that a policy may have, all modules together: seven times conforma/policy with its tests.
const SOURCE_LIMIT: usize = 16 << 20;

/// One Rego source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Where it came from, for messages.
    pub name: String,
    pub text: String,
}

/// What a rule's members mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Each member is a violation.
    Deny,
    /// Each member is a warning.
    Warn,
}

/// One rule of a policy, as its annotations describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// `package.short_name`, unique in a policy.
    pub code: String,
    /// Package without the leading `data.`.
    pub package: String,
    pub kind: RuleKind,
    pub title: String,
    pub description: String,
    pub solution: String,
    pub collections: Vec<String>,
    pub depends_on: Vec<String>,
    /// RFC 3339; before it, a violation is only a warning.
    pub effective_on: Option<String>,
    /// `failure` or `warning`, if the annotation overrides the kind.
    pub severity: Option<String>,
}

/// What one package said of one input.
#[derive(Debug)]
pub struct PackageOutcome {
    pub package: String,
    /// The members of each deny and warn set, in the engine's order; an error means that nothing is known of the package.
    pub members: Result<Vec<Member>, RegoError>,
}

/// A member of a deny or warn set.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub kind: RuleKind,
    pub value: Value,
    /// Name of the rule's document, e.g. `deny`.
    pub head: String,
}

/// Why modules could not be compiled or a package not be evaluated. Every such error is a denial to the caller.
#[derive(Debug, thiserror::Error)]
pub enum RegoError {
    #[error(
        "policy file `{module}` cannot be compiled: {reason}\n\ncorrect the file, or remove it from the policy source"
    )]
    Compile { module: String, reason: String },
    #[error("policy file `{module}`, line {line}: annotation is not valid: {reason}")]
    Annotation { module: String, line: usize, reason: String },
    #[error(
        "two rules have the code `{code}`: in `{first}` and in `{second}`; give one of them another custom.short_name"
    )]
    DuplicateCode { code: String, first: String, second: String },
    #[error("data defines `{path}`, which is a package of the policy; rename the key in the data source")]
    DataShadowsPolicy { path: String },
    #[error("policy data cannot be loaded: {0}")]
    Data(String),
    #[error("package `{package}` could not be evaluated: {reason}")]
    Evaluate { package: String, reason: String },
}

/// A compiled policy with its data; evaluating does not change it.
#[derive(Debug)]
pub struct Rules {
    compiled: Compiled,
    rules: Vec<RuleInfo>,
    /// Package to the names of its deny and warn rules.
    heads: BTreeMap<String, BTreeMap<String, RuleKind>>,
}

impl Rules {
    /// Compiles the modules with the data they see. Any fault of any module fails the whole policy.
    pub fn compile(modules: &[Module], data: &Value) -> Result<Self, RegoError> {
        let mut engine = Engine::new(Version::V1);
        engine.limit_source(SOURCE_LIMIT);
        ec::builtins().into_iter().chain([times()]).for_each(|builtin| engine.add_builtin(builtin));
        let mut rules: Vec<RuleInfo> = Vec::new();
        let mut origin: BTreeMap<String, String> = BTreeMap::new();
        let mut heads: BTreeMap<String, BTreeMap<String, RuleKind>> = BTreeMap::new();
        for (index, module) in (0..).zip(modules) {
            let options = Options { annotations: true, ..Options::default() };
            let parsed = parse::parse_module(&Source::new(index, &module.name, &module.text), &options)
                .map_err(|errors| RegoError::Compile { module: module.name.clone(), reason: shown(&errors) })?;
            let package = annotations::package(&parsed);
            if parsed.package.path.iter().any(|part| part.contains('.')) {
                // Elsewhere a package is its parts joined by dots: this one would be taken for another.
                let reason = format!("a part of the package's name has a dot in it: `{package}`");
                return Err(RegoError::Compile { module: module.name.clone(), reason });
            }
            shadowed(data, &package)?;
            for (name, rule) in annotations::rules(&parsed)? {
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
            engine.add_parsed(parsed);
        }
        if !data.is_object() {
            return Err(RegoError::Data("the data is not an object".into()));
        }
        engine.set_data(sluice_rego::Value::from_json(data));
        let compiled = engine.compile().map_err(|errors| {
            let file = errors.iter().find_map(|error| error.file.clone());
            let module = file.map_or_else(|| "(the policy)".to_owned(), |file| file.to_string());
            RegoError::Compile { module, reason: shown(&errors) }
        })?;
        Ok(Self { compiled, rules, heads })
    }

    /// Every deny and warn rule of the policy.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }

    /// Evaluates the deny and warn sets of the packages at a time (nanoseconds since 1970). One outcome for each package
    /// asked for, known or not: a package that does not exist, a rule that is undefined, or anything but a set is an error
    /// of that package.
    pub fn evaluate(&self, input: &Value, packages: &BTreeSet<String>, now_ns: i64) -> Vec<PackageOutcome> {
        let input = sluice_rego::Value::from_json(input);
        let options = &options(now_ns);
        let known: Vec<&str> =
            packages.iter().map(String::as_str).filter(|name| self.heads.contains_key(*name)).collect();
        // All together, what they have in common is found once; by themselves, an error is of one package.
        let mut found = self.members(&known, &input, options).unwrap_or_default();
        let outcome = |package: &String| {
            let members = match found.remove(package) {
                Some(members) => members,
                None if self.heads.contains_key(package) => self
                    .members(&[package], &input, options)
                    .and_then(|mut found| found.remove(package).unwrap_or_else(|| Err("it has no answer".to_owned()))),
                None => Err("the policy has no such package, or it has no deny or warn rule".to_owned()),
            };
            let members = members
                .map_err(|reason| RegoError::Evaluate { package: package.clone(), reason: reason.trim().into() });
            PackageOutcome { package: package.clone(), members }
        };
        packages.iter().map(outcome).collect()
    }

    /// The members of each package's sets; the error is one of them all.
    fn members(
        &self,
        packages: &[&str],
        input: &sluice_rego::Value,
        options: &QueryOptions,
    ) -> Result<BTreeMap<String, Result<Vec<Member>, String>>, String> {
        let heads: Vec<(&str, &String, RuleKind)> = packages
            .iter()
            .filter_map(|package| Some((package, self.heads.get(*package)?)))
            .flat_map(|(package, heads)| heads.iter().map(|(name, kind)| (*package, name, *kind)))
            .collect();
        if heads.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = heads
            .iter()
            .enumerate()
            .map(|(i, (package, name, _))| format!("x{i} := [x | x := {}]", document(package, name)));
        let query = self.compiled.prepare(&asked.collect::<Vec<_>>().join("\n"), &QueryScope::default());
        let answers =
            query.and_then(|query| query.eval(Some(input.clone()), options)).map_err(|errors| shown(&errors))?;
        let bindings = answers.into_iter().next().map(|answer| answer.bindings).unwrap_or_default();
        let mut found: BTreeMap<String, Result<Vec<Member>, String>> = BTreeMap::new();
        for (i, (package, name, kind)) in heads.into_iter().enumerate() {
            let value = match bindings.get(&format!("x{i}")) {
                Some(sluice_rego::Value::Array(items)) => items.first(),
                _ => None,
            };
            let of_package = found.entry(package.to_owned()).or_insert_with(|| Ok(Vec::new()));
            match (members_of(name, kind, value), of_package) {
                (Ok(members), Ok(all)) => all.extend(members),
                (Err(reason), of_package) => *of_package = Err(reason),
                (Ok(_), Err(_)) => {}
            }
        }
        Ok(found)
    }

    /// Why members are in a package's sets: for each of them the lines of the policy and the places of the input and data
    /// that decided it. What cannot be explained has no lines.
    pub fn why(&self, input: &Value, package: &str, members: &[&Member], now_ns: i64) -> Vec<Why> {
        let input = sluice_rego::Value::from_json(input);
        let heads: BTreeSet<&str> = members.iter().map(|member| member.head.as_str()).collect();
        let mut proofs: BTreeMap<&str, Proof> = BTreeMap::new();
        for head in heads {
            let proof = self
                .compiled
                .prepare(&format!("x := {}", document(package, head)), &QueryScope::default())
                .and_then(|query| query.explain(Some(input.clone()), &options(now_ns)));
            if let Ok((_, proof)) = proof {
                proofs.insert(head, proof);
            }
        }
        members
            .iter()
            .map(|member| {
                let proof = proofs.get(member.head.as_str());
                let decided = proof.and_then(|proof| self.of_member(proof, &member.value));
                decided.map(|(file, decided)| self.shown_why(file, &decided, &input)).unwrap_or_default()
            })
            .collect()
    }

    /// What decided that a member is in the set that the one solution of a proof reads; not what its message is made of.
    fn of_member(&self, proof: &Proof, member: &Value) -> Option<(u32, Decided)> {
        let member = sluice_rego::Value::from_json(member);
        let mut sources = proof.solutions.iter().flat_map(|solution| &solution.steps).flat_map(|step| &step.sources);
        let solution = sources.find_map(|source| match source {
            Origin::Rule { proof, .. } => proof.of(&member).next(),
            _ => None,
        })?;
        let makes_message = |step: &&Step| {
            let source = self.compiled.source(step.location.file);
            source.is_some_and(|source| source.at(step.location).contains(annotations::CHAIN_CALL))
        };
        let messages: Vec<Range<u32>> = solution.steps.iter().filter(makes_message).map(covered).collect();
        let decides = |step: &&Step| !messages.iter().any(|message| message.contains(&step.location.offset));
        let mut decided = Decided::by(solution.steps.iter().filter(decides));
        decided.lines.insert(solution.location);
        Some((solution.location.file, decided))
    }

    fn shown_why(&self, file: u32, decided: &Decided, input: &sluice_rego::Value) -> Why {
        let mut lines: Vec<Line> = decided
            .lines
            .iter()
            .filter_map(|location| {
                let source = self.compiled.source(location.file)?;
                let text = source.line(*location).trim().to_owned();
                Some(Line { file: source.name.to_string(), row: location.row as usize, text })
            })
            .collect();
        lines.dedup();
        let places = decided.places.iter().filter(|path| path.first().and_then(|root| root.as_str()) == Some("input"));
        let places = places.map(|path| {
            let (_, keys) = path.split_at(1.min(path.len()));
            let found = keys.iter().try_fold(input, |at, key| at.at(key));
            Place { path: sluice_rego::why::place(path), value: found.and_then(|value| to_json(value).ok()) }
        });
        let file = self.compiled.source(file).map(|source| source.name.to_string()).unwrap_or_default();
        Why { file, lines, places: places.collect() }
    }
}

/// What decided that a set has a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Why {
    /// That of the rule itself.
    pub file: String,
    /// Of the policy, in the order of its files.
    pub lines: Vec<Line>,
    pub places: Vec<Place>,
}

/// A line of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub file: String,
    /// From 1.
    pub row: usize,
    pub text: String,
}

/// A place of the input, e.g. `input.image.ref`, and what stands there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    pub path: String,
    /// Absent where nothing stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The text that an expression covers, in bytes of its file.
fn covered(step: &Step) -> Range<u32> {
    step.location.offset..step.location.offset.saturating_add(step.location.len)
}

/// `data.PACKAGE.NAME`.
fn document(package: &str, name: &str) -> String {
    let path: Vec<sluice_rego::Value> = package.split('.').chain([name]).map(sluice_rego::Value::from).collect();
    Ref::shown("data", &path)
}

fn members_of(name: &str, kind: RuleKind, value: Option<&sluice_rego::Value>) -> Result<Vec<Member>, String> {
    match value {
        Some(sluice_rego::Value::Set(set)) => set
            .iter()
            .map(|member| {
                let value = to_json(member).map_err(|reason| format!("`{name}`: {reason}"))?;
                Ok(Member { kind, value, head: name.to_owned() })
            })
            .collect(),
        None => Err(format!("`{name}` is undefined where a set is expected")),
        Some(other) => Err(format!("`{name}` is not a set but {}", article(other.type_name()))),
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// A value as JSON: sets are arrays, and keys have to be strings.
fn to_json(value: &sluice_rego::Value) -> Result<Value, String> {
    serde_json::from_str(&sluice_rego::json::to_string(value)).map_err(|error| error.to_string())
}

fn options(now_ns: i64) -> QueryOptions {
    let deadline = Deadline { clock: elapsed, at: elapsed() + TIME_LIMIT };
    let limits = Limits { deadline: Some(deadline), memory: MEMORY_LIMIT, output: OUTPUT_LIMIT, ..Limits::default() };
    QueryOptions { strict_builtin_errors: true, limits, now_ns, ..QueryOptions::default() }
}

/// Time since the first call.
fn elapsed() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// What is wrong, an error a line.
fn shown(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// `time.parse_rfc3339_ns`, whose rules ask by it whether a text is a time: no time is no value, where other builtins'
/// errors end the evaluation.
fn times() -> HostBuiltin {
    HostBuiltin::new("time.parse_rfc3339_ns", 1, |args, context| {
        let outcome = sluice_rego::builtins::lookup("time.parse_rfc3339_ns").map(|found| (found.call)(args, context));
        Ok(outcome.and_then(Result::ok).flatten())
    })
}

/// What data says would stand beside what the rules of that name say.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_700_000_000_000_000_000;

    fn module(text: &str) -> Module {
        Module { name: "test.rego".into(), text: text.into() }
    }

    fn eval(text: &str, input: Value) -> Result<Vec<Member>, RegoError> {
        let rules = Rules::compile(&[module(text)], &json!({})).unwrap();
        rules.evaluate(&input, &BTreeSet::from(["p".to_owned()]), NOW).pop().unwrap().members
    }

    #[test]
    fn an_empty_set_is_a_defined_answer_and_undefined_is_not() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tinput.bad\n\tmsg := \"bad\"\n}\n";
        assert_eq!(eval(text, json!({})).unwrap(), vec![]);
        let members = eval(text, json!({"bad": true})).unwrap();
        assert_eq!(members, vec![Member { kind: RuleKind::Deny, value: json!("bad"), head: "deny".into() }]);
        let complete = "package p\n\nimport rego.v1\n\ndeny := true if input.bad\n";
        let error = eval(complete, json!({})).unwrap_err();
        assert!(error.to_string().contains("undefined where a set is expected"), "{error}");
        let error = eval(complete, json!({"bad": true})).unwrap_err();
        assert!(error.to_string().contains("not a set but a boolean"), "{error}");
    }

    #[test]
    fn an_error_in_a_rule_and_an_unknown_package_are_errors() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tsome x in input.items\n\tto_number(x) > 1\n\tmsg := \"bad\"\n}\n";
        let error = eval(text, json!({"items": ["nine"]})).unwrap_err();
        assert!(error.to_string().contains("package `p` could not be evaluated"), "{error}");
        let rules = Rules::compile(&[module(text)], &json!({})).unwrap();
        let error =
            rules.evaluate(&json!({}), &BTreeSet::from(["q".to_owned()]), NOW).pop().unwrap().members.unwrap_err();
        assert!(error.to_string().contains("no such package"), "{error}");
    }

    #[test]
    fn an_error_in_one_package_leaves_the_others() {
        let bad = "package bad\n\ndeny contains msg if {\n\tto_number(input.x) > 1\n\tmsg := \"bad\"\n}\n";
        let good = "package good\n\ndeny contains \"no\" if input.x\n";
        let modules = [module(bad), Module { name: "good.rego".into(), text: good.into() }];
        let rules = Rules::compile(&modules, &json!({})).unwrap();
        let outcomes =
            rules.evaluate(&json!({"x": "nine"}), &BTreeSet::from(["bad".to_owned(), "good".to_owned()]), NOW);
        assert!(outcomes[0].members.is_err());
        assert_eq!(outcomes[1].members.as_ref().unwrap().len(), 1);
    }

    #[test]
    fn a_package_is_not_taken_for_another() {
        let hidden = "package p[\"q.r\"]\n\ndeny contains \"always\"\n";
        let other =
            Module { name: "other.rego".into(), text: "package p.q.r\n\ndeny contains \"never\" if false\n".into() };
        let error = Rules::compile(&[module(hidden), other], &json!({})).unwrap_err();
        assert!(error.to_string().contains("has a dot in it"), "{error}");
    }

    #[test]
    fn data_cannot_answer_for_a_rule() {
        let text = "package p.q\n\nimport rego.v1\n\ndeny contains \"always\" if true\n";
        let error = Rules::compile(&[module(text)], &json!({"p": {"q": {"deny": []}}})).unwrap_err();
        assert!(error.to_string().contains("data defines `p.q`"), "{error}");
        Rules::compile(&[module(text)], &json!({"p": {"other": 1}})).unwrap();
    }

    #[test]
    fn a_policy_has_so_much_source_and_no_more() {
        let text = format!("package p\n\ndeny contains \"never\" if false\n#{}\n", " ".repeat(SOURCE_LIMIT));
        let error = Rules::compile(&[module(&text)], &json!({})).unwrap_err();
        assert!(error.to_string().contains("at most 16777216 are compiled together"), "{error}");
    }

    #[test]
    fn times_are_read_as_opa_reads_them() {
        let text = "package p\n\nimport rego.v1\n\ndeny contains msg if {\n\tn := time.parse_rfc3339_ns(input.at)\n\tmsg := sprintf(\"%d\", [n])\n}\n";
        let members = eval(text, json!({"at": "1970-01-01T00:00:01Z"})).unwrap();
        assert_eq!(members[0].value, json!("1000000000"));
        assert_eq!(eval(text, json!({"at": "yesterday"})).unwrap(), vec![]);
    }
}
