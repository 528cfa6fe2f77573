//! Cases of tests: a rule `test_x[name] if { .. }` is a test for each name. So that those that fail are known too, the rule
//! prints each name as soon as it has one. Pure.

use super::find::{has_cases, named};
use crate::commands::policy::watch::CASE;
use sluice_rego::ast::{Call, Expr, ExprKind, Module, Rule, Term, TermKind};
use std::collections::BTreeSet;

/// Lets all tests with cases say when they begin one.
pub fn announce(modules: &mut [Module]) {
    for module in modules {
        for rule in &mut module.rules {
            if has_cases(rule)
                && let Some((length, false)) = named(rule)
            {
                announce_in(rule, length);
            }
        }
    }
}

fn announce_in(rule: &mut Rule, length: usize) {
    let keys: Vec<Term> = rule.head.reference.iter().skip(length).cloned().collect();
    let mut wanted = BTreeSet::new();
    keys.iter().for_each(|key| names(key, &mut wanted));
    let mut seen = BTreeSet::new();
    let mut at = 0;
    for (i, expr) in rule.body.iter().enumerate() {
        let before = seen.len();
        expr_names(expr, &mut |name| {
            if wanted.contains(name) {
                seen.insert(name.to_owned());
            }
        });
        if seen.len() > before {
            at = i + 1;
        }
    }
    let location = rule.location;
    let args = vec![Term::scalar(location, CASE), Term::new(location, TermKind::Array(keys))];
    let print = ExprKind::Call(Box::new(Call::builtin(location, "print", args)));
    rule.body.insert(at, Expr::new(location, print));
}

/// The variables of a term, outside of comprehensions.
fn names(term: &Term, found: &mut BTreeSet<String>) {
    term_names(term, &mut |name| {
        found.insert(name.to_owned());
    });
}

fn expr_names(expr: &Expr, found: &mut dyn FnMut(&str)) {
    match &expr.kind {
        ExprKind::Term(term) => term_names(term, found),
        ExprKind::Call(call) => call.args.iter().for_each(|arg| term_names(arg, found)),
        ExprKind::Some(decl) => match &**decl {
            sluice_rego::ast::SomeDecl::Vars(_) => {}
            sluice_rego::ast::SomeDecl::In { key, value, domain } => {
                key.iter().chain([value, domain]).for_each(|term| term_names(term, found));
            }
        },
        ExprKind::Every(every) => term_names(&every.domain, found),
    }
}

fn term_names(term: &Term, found: &mut dyn FnMut(&str)) {
    match &term.kind {
        TermKind::Var(name) => found(name),
        TermKind::Ref(r) => {
            term_names(&r.head, found);
            r.path.iter().for_each(|part| term_names(part, found));
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| term_names(item, found)),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            term_names(key, found);
            term_names(value, found);
        }),
        TermKind::Call(call) => call.args.iter().for_each(|arg| term_names(arg, found)),
        TermKind::Scalar(_)
        | TermKind::ArrayComp(_)
        | TermKind::SetComp(_)
        | TermKind::ObjectComp(_)
        | TermKind::TemplateString(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::announce;
    use sluice_rego::ast::Source;
    use sluice_rego::parse::{Options, parse_module};

    #[test]
    fn a_case_is_announced_once_its_keys_are_known() {
        let text = "package a\ntest_x[n] if {\n\ttrue\n\tsome n, tc in {\"a\": 1}\n\ttc == 2\n}\n\
                    test_y[g][tc.n] if {\n\tsome g in [1]\n\tsome tc in [{\"n\": 1}]\n\tg == 1\n}\ntest_z if true\n";
        let mut modules = [parse_module(&Source::new(0, "a.rego", text), &Options::default()).unwrap()];
        announce(&mut modules);
        let prints: Vec<_> = modules[0]
            .rules
            .iter()
            .map(|rule| rule.body.iter().position(|expr| expr.operator().as_deref() == Some("print")))
            .collect();
        assert_eq!(prints, [Some(2), Some(2), None]);
    }
}
