//! Which rules of modules are tests. Pure.

use sluice_rego::Value;
use sluice_rego::ast::{HeadKind, Location, Module, Ref, Rule, Term, TermKind};
use sluice_rego::builtins::{self, Context};
use std::collections::BTreeMap;

/// A test.
#[derive(Clone, Debug)]
pub struct Found {
    pub file: String,
    pub location: Location,
    /// With its root: `data.a.b`.
    pub package: String,
    pub name: String,
    /// What is asked to run it.
    pub query: String,
    /// Named `todo_test_..`: not run.
    pub todo: bool,
    /// One result for each key.
    pub cases: bool,
}

/// How much of a rule's ref names its test, if it is one, and whether it is only to do.
pub fn named(rule: &Rule) -> Option<(usize, bool)> {
    let ground = rule.head.reference.iter().enumerate().take_while(|(i, term)| *i == 0 || term.is_ground());
    ground.into_iter().find_map(|(i, term)| {
        let name = term.as_var().map(|name| &**name).or_else(|| term.as_str())?;
        let todo = name.starts_with("todo_test_");
        (todo || name.starts_with("test_")).then_some((i + 1, todo))
    })
}

/// Whether a rule gives a value for each of some keys, e.g. `test_x[name]`.
pub fn has_cases(rule: &Rule) -> bool {
    let open = |term: &Term| !matches!(term.kind, TermKind::Scalar(_));
    matches!(rule.head.kind, HeadKind::Complete | HeadKind::PartialObject)
        && rule.head.reference.iter().skip(1).any(open)
}

/// Gives tests of the same name in a package a number each, so that each is a rule of its own.
pub fn number_duplicates(modules: &mut [Module]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for module in modules {
        let package = package(module);
        for rule in &mut module.rules {
            let Some((length, false)) = named(rule) else { continue };
            let key = full_name(&package, &rule.head.reference[..length]);
            let count = seen.entry(key).or_default();
            if *count > 0
                && let Some(last) = rule.head.reference.get_mut(length - 1)
            {
                let renamed =
                    format!("{}#{count:02}", last.as_var().map(|name| &**name).or(last.as_str()).unwrap_or(""));
                *last = match last.as_var() {
                    Some(_) => Term::var(last.location, &renamed),
                    None => Term::scalar(last.location, renamed.as_str()),
                };
            }
            *count += 1;
        }
    }
}

/// The tests of modules, in order, whose full names fit a regular expression.
///
/// # Errors
/// What is wrong with the expression.
pub fn tests(modules: &[Module], filter: Option<&str>) -> Result<Vec<Found>, String> {
    let mut tests = Vec::new();
    for module in modules {
        let package = package(module);
        for rule in &module.rules {
            let Some((length, todo)) = named(rule) else { continue };
            let name = rule.head.reference.get(..length).unwrap_or_default();
            // The filter is for the whole of the ref's constant part up to the test's name.
            if let Some(filter) = filter
                && !fits(filter, &full_name(&package, name))?
            {
                continue;
            }
            tests.push(Found {
                file: module.source.name.to_string(),
                location: rule.location,
                package: shown(&package, &[]),
                name: own_name(name),
                query: full_name(&package, name),
                todo,
                cases: has_cases(rule),
            });
        }
    }
    Ok(tests)
}

fn package(module: &Module) -> Vec<Term> {
    module.package.path.iter().map(|part| Term::scalar(Location::default(), &**part)).collect()
}

/// `data.a.b`, and more.
fn shown(package: &[Term], rest: &[Term]) -> String {
    let head = Box::new(Term::var(Location::default(), "data"));
    Ref { head, path: package.iter().chain(rest).cloned().collect() }.to_string()
}

/// A ref's terms below a package; its first, a variable there, is a name here.
fn full_name(package: &[Term], name: &[Term]) -> String {
    let constant = |term: &Term| match &term.kind {
        TermKind::Var(name) => Term::scalar(term.location, &**name),
        _ => term.clone(),
    };
    shown(package, &name.iter().map(constant).collect::<Vec<_>>())
}

fn own_name(name: &[Term]) -> String {
    let Some((head, path)) = name.split_first() else { return String::new() };
    Ref { head: Box::new(head.clone()), path: path.to_vec() }.to_string()
}

/// Whether a regular expression, of the engine's own syntax, fits somewhere in a name.
fn fits(pattern: &str, name: &str) -> Result<bool, String> {
    let Some(builtin) = builtins::lookup("regex.match") else { return Ok(false) };
    match (builtin.call)(&[Value::string(pattern), Value::string(name)], &mut Context::default()) {
        Ok(answer) => Ok(answer == Some(Value::Bool(true))),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{number_duplicates, tests};
    use sluice_rego::ast::{Module, Source};
    use sluice_rego::parse::{Options, parse_module};

    fn module(index: u32, text: &str) -> Module {
        parse_module(&Source::new(index, "t.rego", text), &Options::default()).unwrap()
    }

    fn queries(modules: &[Module], filter: Option<&str>) -> Vec<String> {
        tests(modules, filter).unwrap().into_iter().map(|found| found.query).collect()
    }

    #[test]
    fn rules_are_tests_by_their_names() {
        let text = "package a[\"b-c\"]\ntest_one if true\nx.test_two if true\ntodo_test_three if true\nnot_test if true\n\
                    test_cases[x] if some x in [1]\ntest_set contains 1\nf(test_x) := 1\n";
        let modules = [module(0, text)];
        let found = tests(&modules, None).unwrap();
        let names: Vec<_> = found.iter().map(|t| (t.name.as_str(), t.query.as_str(), t.todo, t.cases)).collect();
        assert_eq!(
            names,
            [
                ("test_one", "data.a[\"b-c\"].test_one", false, false),
                ("x.test_two", "data.a[\"b-c\"].x.test_two", false, false),
                ("todo_test_three", "data.a[\"b-c\"].todo_test_three", true, false),
                ("test_cases", "data.a[\"b-c\"].test_cases", false, true),
                ("test_set", "data.a[\"b-c\"].test_set", false, false),
            ]
        );
        assert_eq!(queries(&modules, Some("one$|two")), ["data.a[\"b-c\"].test_one", "data.a[\"b-c\"].x.test_two"]);
        assert!(tests(&modules, Some("(")).unwrap_err().contains("missing closing )"));
    }

    #[test]
    fn tests_of_the_same_name_get_numbers() {
        let text = "package a\ntest_x if true\ntest_x if false\nb.test_y if true\nb.test_y if true\n";
        let mut modules = [module(0, text), module(1, "package a\ntest_x if true\n")];
        number_duplicates(&mut modules);
        assert_eq!(
            queries(&modules, None),
            [
                "data.a.test_x",
                "data.a[\"test_x#01\"]",
                "data.a.b.test_y",
                "data.a.b[\"test_y#01\"]",
                "data.a[\"test_x#02\"]"
            ]
        );
    }
}
