//! What is no error but hardly meant: bodies that can never hold.

use super::ir::{Callee, Expr, ExprKind, Rule, Term};
use super::tree::Tree;
use crate::ast::Source;
use crate::error::{Code, Error};

/// Looks for them in all rules.
pub fn find(tree: &Tree, rules: &[Rule], sources: &[Source]) -> Vec<Error> {
    let mut found = Vec::new();
    for rule in rules {
        for expr in rule.clauses.iter().flat_map(|clause| &clause.body) {
            let Some(why) = never(expr) else { continue };
            let path = tree.nodes.get(rule.node).map(|node| super::check::shown(&node.path)).unwrap_or_default();
            let message = format!("rule {path} can never be true here: {why}");
            found.push(match sources.iter().find(|source| source.index == rule.location.file) {
                Some(source) => Error::at(Code::Compile, message, expr.location, source),
                None => Error::new(Code::Compile, message),
            });
        }
    }
    found
}

/// Why an expression never holds.
fn never(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Holds(Term::Const(value)) if !value.is_true() => Some("`false` stands alone".to_owned()),
        ExprKind::Not(inner) => match &inner.kind {
            ExprKind::Holds(Term::Const(value)) if value.is_true() => Some(format!("`not {value}`")),
            _ => None,
        },
        ExprKind::Eq(Term::Const(a), Term::Const(b)) if a != b => Some(format!("{a} is not {b}")),
        ExprKind::Call { callee: Callee::Builtin(builtin), args, out: None } => match (builtin.name, args.as_slice()) {
            ("equal", [Term::Const(a), Term::Const(b)]) if a != b => Some(format!("{a} is not {b}")),
            ("neq", [Term::Const(a), Term::Const(b)]) if a == b => Some(format!("{a} is {b}")),
            ("neq", [Term::Var(a), Term::Var(b)]) if a == b => Some("a variable is itself".to_owned()),
            _ => None,
        },
        _ => None,
    }
}
