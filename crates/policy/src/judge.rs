//! The decision on one input: which rules are asked for, what each of them said, and what that comes to. Success is
//! positive: an image passes only if rules were selected, every one of them was evaluated, none objects and at least one
//! succeeded. Pure but for the engine behind its port.

use crate::rego::{Member, RuleInfo, RuleKind, Rules};
use crate::report::{Finding, Metadata};
use crate::selection::{Criteria, Selection};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Violations of one package whose proof is looked for.
const MAX_EXPLAINED: usize = 20;

/// A compiled policy source with its criteria.
#[derive(Debug)]
pub struct Policy {
    pub engine: Rules,
    pub selection: Selection,
}

/// Which image and component the input is about, for criteria that name one.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub repository: &'a str,
    pub digest: &'a str,
    pub component: &'a str,
}

/// What the rules of all sources came to.
#[derive(Debug, Default)]
pub struct Verdict {
    pub violations: Vec<Finding>,
    pub warnings: Vec<Finding>,
    pub successes: Vec<Finding>,
    /// Code to the codes it depends on, of every rule there is.
    dependencies: BTreeMap<String, Vec<String>>,
}

impl Verdict {
    /// The gate may open: nothing objects, and something succeeded.
    pub fn passes(&self) -> bool {
        self.violations.is_empty() && !self.successes.is_empty()
    }
}

/// Evaluates every policy source on the input.
pub fn judge(policies: &[Policy], input: &Value, target: Target<'_>, at: jiff::Timestamp) -> Verdict {
    let mut verdict = Verdict::default();
    for policy in policies {
        let criteria = policy.selection.for_image(target.repository, target.digest, target.component);
        one_source(&policy.engine, &criteria, input, at, &mut verdict);
    }
    if verdict.violations.is_empty() && verdict.successes.is_empty() {
        verdict.violations.push(nothing_selected("no rule has succeeded"));
    }
    trim(&mut verdict);
    for list in [&mut verdict.violations, &mut verdict.warnings, &mut verdict.successes] {
        sort(list);
    }
    verdict
}

/// Orders findings as ec does: by code, term and message.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (a.code(), a.terms(), &a.message).cmp(&(b.code(), b.terms(), &b.message)));
}

fn one_source(engine: &Rules, criteria: &Criteria, input: &Value, at: jiff::Timestamp, verdict: &mut Verdict) {
    verdict.dependencies.extend(engine.rules().iter().map(|rule| (rule.code.clone(), rule.depends_on.clone())));
    for criterion in criteria.unmatched(engine.rules()) {
        verdict.violations.push(Finding::builtin(
            "builtin.policy.include",
            "Include criteria match rules",
            "Every include criterion of the policy matches a rule of its source.",
            format!("Include criterion '{criterion}' doesn't match any policy rule"),
        ));
    }
    let selected = match criteria.select(engine.rules()) {
        Ok(selected) => selected,
        Err(reason) => return verdict.violations.push(nothing_selected(&reason)),
    };
    if selected.is_empty() {
        return verdict.violations.push(nothing_selected("the policy's criteria select no rule"));
    }
    let rules: BTreeMap<&str, &RuleInfo> = engine.rules().iter().map(|rule| (rule.code.as_str(), rule)).collect();
    let packages: BTreeSet<String> =
        selected.iter().filter_map(|code| rules.get(code)).map(|rule| rule.package.clone()).collect();
    let mut evaluated = BTreeSet::new();
    let mut reported = BTreeSet::new();
    let now_ns = i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX);
    for outcome in engine.evaluate(input, &packages, now_ns) {
        let members = match outcome.members {
            Ok(members) => members,
            Err(error) => {
                verdict.violations.push(Finding::builtin(
                    "builtin.policy.evaluation",
                    "Policy rules can be evaluated",
                    "Every selected rule was evaluated without an error.",
                    error.to_string(),
                ));
                continue;
            }
        };
        let mut violated: Vec<(usize, Member)> = Vec::new();
        for member in members {
            let kind = member.kind;
            let mut finding = finding(member.value.clone());
            let rule = rules.get(finding.code()).copied();
            if let Some(rule) = rule
                && !asked_for(criteria, &selected, rule, &finding.terms())
            {
                continue;
            }
            let kind = describe(&mut finding, rule, kind, at);
            reported.insert(finding.code().to_owned());
            match kind {
                RuleKind::Deny => {
                    violated.push((verdict.violations.len(), member));
                    verdict.violations.push(finding);
                }
                RuleKind::Warn => verdict.warnings.push(finding),
            }
        }
        let explained: Vec<&Member> = violated.iter().map(|(_, member)| member).take(MAX_EXPLAINED).collect();
        let whys = engine.why(input, &outcome.package, &explained, now_ns);
        for ((place, _), why) in violated.iter().zip(whys) {
            if let Some(violation) = verdict.violations.get_mut(*place) {
                violation.why = Some(why);
            }
        }
        evaluated.insert(outcome.package);
    }
    for rule in selected.iter().filter_map(|code| rules.get(code)) {
        if evaluated.contains(&rule.package)
            && !reported.contains(&rule.code)
            && asked_for(criteria, &selected, rule, &[])
        {
            verdict.successes.push(success(rule));
        }
    }
}

/// A result that carries no code of the policy is never filtered out: nobody could have meant to.
fn asked_for(criteria: &Criteria, selected: &BTreeSet<&str>, rule: &RuleInfo, terms: &[String]) -> bool {
    let alone = Criteria { include: criteria.include.clone(), exclude: Vec::new() };
    if alone.includes(&rule.code, &rule.collections, terms) {
        return criteria.includes(&rule.code, &rule.collections, terms);
    }
    // Selected because another rule depends on it: only an exclusion takes it out.
    let everything = Criteria { include: vec!["*".into()], exclude: criteria.exclude.clone() };
    selected.contains(rule.code.as_str())
        && !by_term_only(criteria, rule)
        && everything.includes(&rule.code, &rule.collections, terms)
}

/// Selected for some of its terms alone.
fn by_term_only(criteria: &Criteria, rule: &RuleInfo) -> bool {
    criteria.may_include(rule) && !criteria.includes(&rule.code, &rule.collections, &[])
}

fn nothing_selected(reason: &str) -> Finding {
    Finding::builtin(
        "builtin.policy.rules_selected",
        "Policy rules are selected",
        "The policy selects at least one rule, and has those that its rules depend on.",
        format!("no successes, warnings, or failures, check input: {reason}"),
    )
}

/// A member of a deny or warn set as a finding: a text, or an object with `msg`.
fn finding(member: Value) -> Finding {
    match member {
        Value::String(message) => Finding { message, metadata: Metadata::new(), evidence: None, why: None },
        Value::Object(mut metadata) => {
            let evidence = metadata.remove("evidence");
            let message = match metadata.remove("msg") {
                Some(Value::String(message)) => message,
                other => format!("the rule gave no message but {}", other.unwrap_or_default()),
            };
            Finding { message, metadata, evidence, why: None }
        }
        other => {
            Finding { message: format!("the rule gave {other}"), metadata: Metadata::new(), evidence: None, why: None }
        }
    }
}

/// Adds what the annotations say, and decides between violation and warning.
fn describe(finding: &mut Finding, rule: Option<&RuleInfo>, kind: RuleKind, at: jiff::Timestamp) -> RuleKind {
    if let Some(rule) = rule {
        let note = format!(
            "{}. To exclude this rule add {} to the `exclude` section of the policy configuration.",
            rule.description.trim_end_matches('.'),
            exclusion(finding)
        );
        let description = if kind == RuleKind::Deny { note } else { rule.description.clone() };
        annotate(&mut finding.metadata, rule, &description);
        finding.metadata.insert("solution".into(), json!(rule.solution));
        if let Some(severity) = &rule.severity {
            finding.metadata.insert("severity".into(), json!(severity));
        }
        if let Some(date) = &rule.effective_on {
            finding.metadata.insert("effective_on".into(), json!(date));
        }
    }
    let kind = match finding.text("severity") {
        "failure" => RuleKind::Deny,
        "warning" => RuleKind::Warn,
        _ => kind,
    };
    // A date that cannot be read does not put a violation off.
    let effective = finding.text("effective_on").parse::<jiff::Timestamp>().map_or(true, |on| on < at);
    if effective {
        finding.metadata.remove("effective_on");
    }
    if kind == RuleKind::Deny && !effective { RuleKind::Warn } else { kind }
}

fn annotate(metadata: &mut Metadata, rule: &RuleInfo, description: &str) {
    for (key, text) in [("title", rule.title.as_str()), ("description", description)] {
        if !text.is_empty() {
            metadata.insert(key.into(), json!(text));
        }
    }
    for (key, list) in [("collections", &rule.collections), ("depends_on", &rule.depends_on)] {
        if !list.is_empty() {
            metadata.insert(key.into(), json!(list));
        }
    }
}

fn exclusion(finding: &Finding) -> String {
    let terms: Vec<String> =
        finding.terms().iter().filter(|t| !t.is_empty()).map(|term| format!("\"{}:{term}\"", finding.code())).collect();
    if terms.is_empty() { format!("\"{}\"", finding.code()) } else { terms.join(", ") }
}

fn success(rule: &RuleInfo) -> Finding {
    let mut metadata = Metadata::from_iter([("code".to_owned(), json!(rule.code))]);
    annotate(&mut metadata, rule, &rule.description);
    Finding { message: "Pass".into(), metadata, evidence: None, why: None }
}

/// Leaves out what follows from another violation, at whatever distance: it says nothing new, and a success that builds
/// on a failure says nothing at all. Never leaves out the last violation.
fn trim(verdict: &mut Verdict) {
    let violated: BTreeSet<&str> = verdict.violations.iter().map(Finding::code).collect();
    let mut implied: BTreeSet<String> = BTreeSet::new();
    loop {
        let follows = |on: &[String]| on.iter().any(|code| violated.contains(code.as_str()) || implied.contains(code));
        let more: Vec<String> = verdict
            .dependencies
            .iter()
            .filter(|(code, on)| !implied.contains(*code) && follows(on))
            .map(|(code, _)| code.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        implied.extend(more);
    }
    let follows = |finding: &Finding| implied.contains(finding.code());
    if verdict.violations.iter().any(|finding| !follows(finding)) {
        verdict.violations.retain(|finding| !follows(finding));
    }
    verdict.warnings.retain(|finding| !follows(finding));
    verdict.successes.retain(|finding| !follows(finding));
}
