//! Which rules a policy asks for: Conforma's include and exclude criteria with their scores, the volatile ones with their
//! dates and targets, and the rules that a selected rule depends on. Pure.

use crate::rego::RuleInfo;
use serde::Deserialize;
use sluice_api::konflux::{PolicySource, PolicySpec};
use std::collections::BTreeSet;

/// A criterion that cannot be understood; a policy with one is refused, since leaving it out could open the gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy `{field}`: {reason}")]
pub struct SelectionError {
    field: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Applies {
    Always,
    /// To an image by its digest, its repository, or its reference.
    Image(String),
    Component(String),
}

#[derive(Clone, Debug)]
struct Criterion {
    value: String,
    applies: Applies,
}

/// The criteria of one policy source.
#[derive(Clone, Debug)]
pub struct Selection {
    include: Vec<Criterion>,
    exclude: Vec<Criterion>,
}

/// The criteria that hold for one image.
#[derive(Clone, Debug, Default)]
pub struct Criteria {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Volatile {
    include: Vec<VolatileCriterion>,
    exclude: Vec<VolatileCriterion>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct VolatileCriterion {
    value: String,
    effective_on: String,
    effective_until: String,
    image_ref: String,
    image_url: String,
    image_digest: String,
    component_names: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Deprecated {
    include: Vec<String>,
    exclude: Vec<String>,
    collections: Vec<String>,
}

impl Selection {
    /// The criteria of a source at the effective time. Without any, everything is selected.
    pub fn new(spec: &PolicySpec, source: &PolicySource, at: jiff::Timestamp) -> Result<Self, SelectionError> {
        let mut selection = Self { include: Vec::new(), exclude: Vec::new() };
        if let Some(config) = &source.config {
            selection.include.extend(config.include.iter().map(|value| Criterion::always(value)));
            selection.exclude.extend(config.exclude.iter().map(|value| Criterion::always(value)));
        }
        if let Some(value) = source.extra.get("volatileConfig") {
            let volatile: Volatile = serde_json::from_value(value.clone()).map_err(|error| SelectionError {
                field: "spec.sources[].volatileConfig".into(),
                reason: error.to_string(),
            })?;
            selection.include.extend(in_force(volatile.include, at)?);
            selection.exclude.extend(in_force(volatile.exclude, at)?);
        }
        if selection.include.is_empty()
            && selection.exclude.is_empty()
            && let Some(value) = spec.extra.get("configuration")
        {
            let old: Deprecated = serde_json::from_value(value.clone())
                .map_err(|error| SelectionError { field: "spec.configuration".into(), reason: error.to_string() })?;
            selection.include.extend(old.include.iter().map(|value| Criterion::always(value)));
            selection.include.extend(old.collections.iter().map(|name| Criterion::always(&format!("@{name}"))));
            selection.exclude.extend(old.exclude.iter().map(|value| Criterion::always(value)));
        }
        if selection.include.is_empty() {
            selection.include.push(Criterion::always("*"));
        }
        Ok(selection)
    }

    /// The criteria that hold for an image of that repository and digest, as that component.
    pub fn for_image(&self, repository: &str, digest: &str, component: &str) -> Criteria {
        let reference = format!("{repository}@{digest}");
        let holds = |criterion: &&Criterion| match &criterion.applies {
            Applies::Always => true,
            Applies::Image(image) => [digest, repository, reference.as_str()].contains(&image.as_str()),
            Applies::Component(name) => name == component,
        };
        let values = |list: &[Criterion]| list.iter().filter(holds).map(|criterion| criterion.value.clone()).collect();
        Criteria { include: values(&self.include), exclude: values(&self.exclude) }
    }
}

impl Criterion {
    fn always(value: &str) -> Self {
        Self { value: value.to_owned(), applies: Applies::Always }
    }
}

fn in_force(list: Vec<VolatileCriterion>, at: jiff::Timestamp) -> Result<Vec<Criterion>, SelectionError> {
    let mut out = Vec::new();
    for item in list {
        let from = date(&item, &item.effective_on, "effectiveOn")?.unwrap_or(at);
        let until = date(&item, &item.effective_until, "effectiveUntil")?.unwrap_or(at);
        if from > at || until < at {
            continue;
        }
        let image = [item.image_ref, item.image_url, item.image_digest].into_iter().find(|text| !text.is_empty());
        match image {
            Some(image) => out.push(Criterion { value: item.value, applies: Applies::Image(image) }),
            None if item.component_names.is_empty() => out.push(Criterion::always(&item.value)),
            None => out.extend(
                item.component_names
                    .into_iter()
                    .map(|name| Criterion { value: item.value.clone(), applies: Applies::Component(name) }),
            ),
        }
    }
    Ok(out)
}

fn date(item: &VolatileCriterion, text: &str, field: &str) -> Result<Option<jiff::Timestamp>, SelectionError> {
    if text.is_empty() {
        return Ok(None);
    }
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    full.parse().map(Some).map_err(|_| SelectionError {
        field: "spec.sources[].volatileConfig".into(),
        reason: format!("`{field}` of `{}` is `{text}`, which is not an RFC 3339 time", item.value),
    })
}

impl Criteria {
    /// Whether a result or rule is asked for: what includes it is more specific than what excludes it.
    pub fn includes(&self, code: &str, collections: &[String], terms: &[String]) -> bool {
        let matchers = matchers(code, collections, terms);
        total(&matchers, &self.include) > total(&matchers, &self.exclude)
    }

    /// Whether some result of the rule could be asked for, by a term if not by the rule itself.
    pub fn may_include(&self, rule: &RuleInfo) -> bool {
        let matchers = matchers(&rule.code, &rule.collections, &[]);
        let by_term = |value: &String| {
            matchers.iter().any(|m| value.strip_prefix(m.as_str()).is_some_and(|r| r.starts_with(':')))
        };
        self.includes(&rule.code, &rule.collections, &[]) || self.include.iter().any(by_term)
    }

    /// The codes of the rules that are asked for, with those they depend on. A dependency is left out only if it is
    /// excluded: a rule's success says nothing when what it builds on was not looked at.
    pub fn select<'a>(&self, rules: &'a [RuleInfo]) -> Result<BTreeSet<&'a str>, String> {
        let mut selected: BTreeSet<&str> =
            rules.iter().filter(|rule| self.may_include(rule)).map(|rule| rule.code.as_str()).collect();
        let mut todo: Vec<&str> = selected.iter().copied().collect();
        while let Some(code) = todo.pop() {
            let Some(rule) = rules.iter().find(|rule| rule.code == code) else { continue };
            for wanted in &rule.depends_on {
                let dependency = rules
                    .iter()
                    .find(|rule| rule.code == *wanted)
                    .ok_or_else(|| format!("rule `{code}` depends on `{wanted}`, which the policy does not have"))?;
                let excluded = total(&matchers(&dependency.code, &dependency.collections, &[]), &self.exclude) > 0;
                if !excluded && selected.insert(&dependency.code) {
                    todo.push(&dependency.code);
                }
            }
        }
        Ok(selected)
    }

    /// The include criteria that match no rule at all.
    pub fn unmatched<'a>(&'a self, rules: &[RuleInfo]) -> Vec<&'a str> {
        let matched = |value: &&String| {
            let bare = value.split_once(':').map_or(value.as_str(), |(bare, _)| bare).to_owned();
            rules.iter().any(|rule| matchers(&rule.code, &rule.collections, &[]).contains(&bare))
        };
        self.include.iter().filter(|value| !matched(value)).map(String::as_str).collect()
    }
}

/// Every criterion that would match, as Conforma lists them.
fn matchers(code: &str, collections: &[String], terms: &[String]) -> Vec<String> {
    let mut parts = code.rsplit('.');
    let rule = parts.next().unwrap_or_default();
    let mut matchers = match parts.next() {
        Some(package) => vec![package.to_owned(), format!("{package}.*"), format!("{package}.{rule}")],
        None => Vec::new(),
    };
    let by_term: Vec<String> = terms
        .iter()
        .filter(|term| !term.is_empty())
        .flat_map(|term| matchers.iter().map(move |matcher| format!("{matcher}:{term}")))
        .collect();
    matchers.extend(by_term);
    matchers.push("*".to_owned());
    matchers.extend(collections.iter().map(|name| format!("@{name}")));
    matchers
}

fn total(matchers: &[String], criteria: &[String]) -> u32 {
    criteria.iter().filter(|value| matchers.contains(value)).map(|value| score(value)).sum()
}

/// How specific a criterion is.
fn score(name: &str) -> u32 {
    if name.starts_with('@') {
        return 10;
    }
    let (name, term) = name.split_once(':').unwrap_or((name, ""));
    let by_term = if term.is_empty() { 0 } else { 100 };
    let by_name = match name.rsplit_once('.') {
        None if name == "*" => 1,
        None => 10,
        Some((package, rule)) => {
            let depth = u32::try_from(package.split('.').count()).unwrap_or(u32::MAX / 20);
            let by_package = if package == "*" { 1 } else { 10 * depth };
            by_package + if rule.is_empty() || rule == "*" { 0 } else { 100 }
        }
    };
    by_term + by_name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rego::RuleKind;
    use serde_json::json;

    #[test]
    fn scores_are_conformas() {
        let table = [
            ("*", 1),
            ("pkg", 10),
            ("pkg.*", 10),
            ("pkg.rule", 110),
            ("a.pkg.rule", 120),
            ("pkg:term", 110),
            ("pkg.rule:term", 210),
            ("@collection", 10),
            ("@collection:term", 10),
            ("*.rule", 101),
        ];
        for (name, want) in table {
            assert_eq!(score(name), want, "{name}");
        }
    }

    #[test]
    fn the_more_specific_wins_and_a_tie_excludes() {
        let criteria = |include: &[&str], exclude: &[&str]| Criteria {
            include: include.iter().map(ToString::to_string).collect(),
            exclude: exclude.iter().map(ToString::to_string).collect(),
        };
        let redhat = ["redhat".to_owned()];
        let table = [
            (criteria(&["*"], &[]), true),
            (criteria(&["*"], &["pkg"]), false),
            (criteria(&["pkg.rule"], &["pkg"]), true),
            (criteria(&["pkg"], &["pkg.*"]), false),
            (criteria(&["@redhat"], &["pkg.rule"]), false),
            (criteria(&["@redhat"], &["other"]), true),
            (criteria(&["@redhat"], &["pkg.rule:term"]), false),
            (criteria(&["@minimal"], &[]), false),
        ];
        for (criteria, want) in table {
            assert_eq!(criteria.includes("pkg.rule", &redhat, &["term".to_owned()]), want, "{criteria:?}");
        }
        assert!(criteria(&["@redhat"], &["pkg.rule:term"]).includes("pkg.rule", &redhat, &[]));
    }

    fn rule(code: &str, depends_on: &[&str]) -> RuleInfo {
        RuleInfo {
            code: code.into(),
            package: code.split('.').next().unwrap().into(),
            kind: RuleKind::Deny,
            title: String::new(),
            description: String::new(),
            solution: String::new(),
            collections: vec![],
            depends_on: depends_on.iter().map(ToString::to_string).collect(),
            effective_on: None,
            severity: None,
        }
    }

    #[test]
    fn dependencies_are_selected_too() {
        let rules = [rule("a.one", &["b.two"]), rule("b.two", &["c.three"]), rule("c.three", &[]), rule("d.four", &[])];
        let mut criteria = Criteria { include: vec!["a".into()], exclude: vec![] };
        assert_eq!(criteria.select(&rules).unwrap(), BTreeSet::from(["a.one", "b.two", "c.three"]));
        criteria.exclude.push("b".into());
        assert_eq!(criteria.select(&rules).unwrap(), BTreeSet::from(["a.one"]));
        assert!(criteria.select(&rules[..1]).unwrap_err().contains("`b.two`"));
        criteria.include.extend(["nope".to_owned(), "d.*:term".to_owned()]);
        assert_eq!(criteria.unmatched(&rules), ["nope"]);
    }

    #[test]
    fn volatile_criteria_have_dates_and_targets() {
        let source: PolicySource = serde_json::from_value(json!({
            "policy": [], "config": {"include": ["*"]},
            "volatileConfig": {"exclude": [
                {"value": "a.one", "effectiveUntil": "2026-01-01T00:00:00Z"},
                {"value": "a.two", "effectiveOn": "2026-02-01"},
                {"value": "a.three", "imageDigest": "sha256:x"},
                {"value": "a.four", "componentNames": ["web"]},
            ]},
        }))
        .unwrap();
        let at: jiff::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let selection = Selection::new(&PolicySpec::default(), &source, at).unwrap();
        assert_eq!(selection.for_image("r/n", "sha256:y", "web").exclude, ["a.two", "a.four"]);
        assert_eq!(selection.for_image("r/n", "sha256:x", "db").exclude, ["a.two", "a.three"]);
        let bad: PolicySource = serde_json::from_value(
            json!({"policy": [], "volatileConfig": {"include": [{"value": "x", "effectiveOn": "soon"}]}}),
        )
        .unwrap();
        assert!(Selection::new(&PolicySpec::default(), &bad, at).unwrap_err().to_string().contains("`soon`"));
    }
}
