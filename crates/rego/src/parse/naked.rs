//! Rules without a body, read as expressions: `p := 1`, `p.q`, `f(x) = y`.

use super::rule::{parts, shown, truth};
use crate::ast::{Body, Call, Expr, ExprKind, Head, Location, Rule, Term, TermKind};

/// The rule that a statement is, or why it is none.
pub(super) fn rule_from_body(body: Body) -> Result<Rule, String> {
    let mut exprs = body.into_iter();
    let (Some(expr), None) = (exprs.next(), exprs.next()) else {
        return Err("multiple expressions cannot be used for rule head".into());
    };
    rule_from_expr(expr)
}

fn rule_from_expr(expr: Expr) -> Result<Rule, String> {
    if !expr.with.is_empty() {
        return Err("expressions using with keyword cannot be used for rule head".into());
    }
    if expr.negated {
        return Err("negated expressions cannot be used for rule head".into());
    }
    let location = expr.location;
    let operator = expr.operator();
    match (expr.kind, operator.as_deref()) {
        (ExprKind::Some(_), _) => Err("'some' declarations cannot be used for rule head".into()),
        (ExprKind::Every(_), _) => Err("expression cannot be used for rule head".into()),
        (ExprKind::Term(term), _) => from_term(*term),
        (ExprKind::Call(call), Some(name @ ("eq" | "assign"))) => {
            let assign = name == "assign";
            let mut args = call.args.into_iter();
            let (Some(lhs), Some(rhs)) = (args.next(), args.next()) else {
                return Err("assignment requires two operands".into());
            };
            let mut rule = from_equation(location, lhs, rhs)?;
            rule.head.assign = assign;
            Ok(rule)
        }
        (ExprKind::Call(_), Some(name)) if is_builtin(name) => Err("rule name conflicts with built-in function".into()),
        (ExprKind::Call(call), _) => from_call(*call),
    }
}

/// `p.a.b` is true; `p.a` and `p["a"]` are sets of one member, of the days before ref heads.
fn from_term(term: Term) -> Result<Rule, String> {
    let (location, name) = (term.location, term.kind_name());
    let TermKind::Ref(r) = term.kind else {
        return Err(format!("{name} cannot be used for rule name"));
    };
    let mut reference = parts(*r.head, r.path);
    if reference.len() == 1 {
        return Err("refs cannot be used for rule head".into());
    }
    check_head(&reference)?;
    let mut head = if reference.len() == 2 {
        let key = reference.pop();
        Head::new(location, reference, Vec::new(), key, None)
    } else {
        Head::new(location, reference, Vec::new(), None, Some(Term::scalar(location, true)))
    };
    head.generated_value = head.value.is_some();
    Ok(Rule::new(location, head, truth(location), true))
}

fn from_equation(location: Location, lhs: Term, rhs: Term) -> Result<Rule, String> {
    let name = lhs.kind_name();
    let (reference, args) = match lhs.kind {
        TermKind::Var(_) => (vec![lhs], Vec::new()),
        TermKind::Ref(r) => (parts(*r.head, r.path), Vec::new()),
        TermKind::Call(call) if call.operator.head.as_var().is_some() => {
            (parts(*call.operator.head, call.operator.path), call.args)
        }
        _ => return Err(format!("{name} cannot be used for rule name")),
    };
    check_head(&reference)?;
    let body = truth(rhs.location);
    Ok(Rule::new(location, Head::new(location, reference, args, None, Some(rhs)), body, true))
}

/// `f(x)` is true for all `x`.
fn from_call(call: Call) -> Result<Rule, String> {
    if call.args.is_empty() {
        return Err("rule argument list must take at least one argument".into());
    }
    let location = call.location;
    let reference = parts(*call.operator.head, call.operator.path);
    check_head(&reference)?;
    let head = Head::new(location, reference, call.args, None, Some(Term::scalar(location, true)));
    Ok(Rule::new(location, head, truth(location), true))
}

fn check_head(reference: &[Term]) -> Result<(), String> {
    match reference.first().and_then(Term::as_var) {
        Some(_) => Ok(()),
        None => Err(format!("invalid rule head: {}", shown(reference))),
    }
}

/// Whether a call is one of a builtin rather than of a function of the policy.
fn is_builtin(name: &str) -> bool {
    const OPERATORS: [&str; 17] = [
        "plus",
        "minus",
        "mul",
        "div",
        "rem",
        "and",
        "or",
        "equal",
        "neq",
        "gt",
        "lt",
        "gte",
        "lte",
        "internal.member_2",
        "internal.member_3",
        "walk",
        "print",
    ];
    OPERATORS.contains(&name) || crate::builtins::lookup(name).is_some()
}
