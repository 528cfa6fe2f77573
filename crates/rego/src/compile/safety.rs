//! Puts the expressions of bodies into an order in which every variable is bound before it is needed, keeping the written
//! order where it can, and names the variables for which there is none.

use super::ir::{Callee, Expr, ExprKind, Head, Ref, Root, Slot, Term};
use super::slots::Slots;
use super::vars::Vars;
use crate::ast::{Location, Name};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The name of the variables that hold what a negated expression looks up, until it is known what is bound: as the
/// expression itself, these bind nothing else.
pub const IDLE: &str = "$idle";

/// A variable that nothing binds.
#[derive(Clone, Debug)]
pub struct Unsafe {
    pub slot: Slot,
    pub location: Location,
}

/// Orders a body and those inside it; `safe` is bound before it and gains what it binds.
pub fn order(body: &mut Vec<Expr>, safe: &mut Slots, names: &[Name], errors: &mut Vec<Unsafe>) {
    let mut own = Vars::default();
    body.iter().for_each(|expr| own.expr(expr));
    let mut left: Vec<Option<(Expr, Vars)>> = std::mem::take(body)
        .into_iter()
        .map(|expr| {
            let mut vars = Vars::default();
            vars.expr(&expr);
            vars.closed.retain(&own.direct);
            Some((expr, vars))
        })
        .collect();
    // Over and over in the written order, as long as that makes something ready. Only what was just bound can make it so:
    // those that wait for it are tried again, those before the expression at hand in the next round.
    let mut waiting: HashMap<Slot, Vec<usize>> = HashMap::new();
    let mut waits = vec![false; left.len()];
    let mut todo: BTreeSet<(usize, usize)> = (0..left.len()).map(|at| (0, at)).collect();
    while let Some((round, at)) = todo.pop_first() {
        let Some((mut expr, vars)) = left[at].take() else { continue };
        let after = if vars.closed.within(safe) { bound(&expr, safe, names) } else { None };
        let Some(after) = after.filter(|after| vars.direct.within(after)) else {
            if !std::mem::replace(&mut waits[at], true) {
                for slot in vars.direct.iter().chain(vars.closed.iter()).filter(|slot| !safe.contains(*slot)) {
                    waiting.entry(slot).or_default().push(at);
                }
            }
            left[at] = Some((expr, vars));
            continue;
        };
        inside(&mut expr, safe, names, errors);
        equation(&mut expr.kind);
        for slot in vars.direct.iter().filter(|slot| !safe.contains(*slot)) {
            let woken = waiting.remove(&slot).into_iter().flatten();
            todo.extend(woken.map(|other| if other > at { (round, other) } else { (round + 1, other) }));
        }
        *safe = after;
        body.push(expr);
    }
    for (expr, vars) in left.into_iter().flatten() {
        // Of an expression that closes over what is not bound, no more is said.
        let mut missing = vars.closed;
        if missing.within(safe) {
            missing.extend(&vars.direct);
        }
        let mut named = false;
        for slot in missing.iter().filter(|slot| !safe.contains(*slot)) {
            if names.get(slot).is_some_and(|name| !name.is_empty() && &**name != IDLE) {
                errors.push(Unsafe { slot, location: expr.location });
                named = true;
            }
        }
        if !named && let Some(slot) = missing.iter().find(|slot| !safe.contains(*slot)) {
            errors.push(Unsafe { slot, location: expr.location });
        }
        body.push(expr);
    }
}

/// A comparison with `==`, all of whose variables are bound, is an equation.
fn equation(kind: &mut ExprKind) {
    match kind {
        ExprKind::Not(inner) => equation(&mut inner.kind),
        ExprKind::Call { callee: Callee::Builtin(builtin), args, out: None } if builtin.name == "eq" => {
            if let [left, right] = args.as_mut_slice() {
                let take = |term: &mut Term| std::mem::replace(term, Term::Const(crate::Value::Null));
                *kind = ExprKind::Eq(take(left), take(right));
            }
        }
        _ => {}
    }
}

/// Orders the bodies inside an expression.
fn inside(expr: &mut Expr, safe: &Slots, names: &[Name], errors: &mut Vec<Unsafe>) {
    let at = expr.location;
    match &mut expr.kind {
        ExprKind::Holds(term) => in_term(term, safe, (names, at), errors),
        ExprKind::Eq(a, b) => {
            in_term(a, safe, (names, at), errors);
            in_term(b, safe, (names, at), errors);
        }
        ExprKind::Call { args, out, .. } => {
            args.iter_mut().chain(out).for_each(|term| in_term(term, safe, (names, at), errors));
        }
        ExprKind::Print(parts) => parts.iter_mut().for_each(|part| in_term(part, safe, (names, at), errors)),
        ExprKind::Not(inner) => inside(inner, safe, names, errors),
        ExprKind::Every { key, value, domain, body } => {
            in_term(domain, safe, (names, at), errors);
            let mut safe = safe.clone();
            safe.insert(*value);
            key.iter().for_each(|key| safe.insert(*key));
            order(body, &mut safe, names, errors);
        }
        ExprKind::With { with, body } => {
            for with in with {
                if let super::ir::With::Input(_, value)
                | super::ir::With::Data(_, _, value)
                | super::ir::With::CallValue(_, value) = with
                {
                    in_term(value, safe, (names, at), errors);
                }
            }
            order(body, &mut safe.clone(), names, errors);
        }
    }
}

fn in_term(term: &mut Term, safe: &Slots, (names, at): (&[Name], Location), errors: &mut Vec<Unsafe>) {
    match term {
        Term::Const(_) | Term::Var(_) => {}
        Term::Array(items) | Term::Set(items) => {
            items.iter_mut().for_each(|item| in_term(item, safe, (names, at), errors));
        }
        Term::Object(items) => items.iter_mut().for_each(|(key, value)| {
            in_term(key, safe, (names, at), errors);
            in_term(value, safe, (names, at), errors);
        }),
        Term::Ref(r) => r.path.iter_mut().for_each(|part| in_term(part, safe, (names, at), errors)),
        Term::Comp(comp) => {
            let mut inner = safe.clone();
            order(&mut comp.body, &mut inner, names, errors);
            let body = &comp.body;
            comp.head.terms_mut().for_each(|head| head_of(head, &inner, (body, names, at), errors));
        }
    }
}

/// Checks that what a body gives is bound by it.
fn head_of(head: &mut Term, safe: &Slots, (body, names, at): (&[Expr], &[Name], Location), errors: &mut Vec<Unsafe>) {
    let mut vars = Vars::default();
    vars.term(head);
    // What the body names without binding it, the body has complained of.
    let mut named = Vars::default();
    named.body(body);
    let missing = vars.direct.iter().filter(|slot| !safe.contains(*slot) && !named.direct.contains(*slot));
    errors.extend(missing.map(|slot| Unsafe { slot, location: at }));
    in_term(head, safe, (names, at), errors);
}

/// What nothing binds of a head's term: its own variables, and those of bodies inside it, which are put in order.
/// As if it were an expression of the rule's body (`names` are its variables), in which OPA moves what has bodies.
pub fn head(
    term: &mut Term,
    safe: &Slots,
    named: &Slots,
    (names, location): (&[Name], Location),
    (own, inner): (&mut Vec<Unsafe>, &mut Vec<Unsafe>),
) {
    let mut vars = Vars::default();
    vars.term(term);
    let missing = |slots: &Slots| -> Vec<Unsafe> {
        slots.iter().filter(|slot| !safe.contains(*slot)).map(|slot| Unsafe { slot, location }).collect()
    };
    own.extend(missing(&vars.direct).into_iter().filter(|missing| !named.contains(missing.slot)));
    let mut closed = vars.closed;
    closed.retain(named);
    match missing(&closed) {
        none if none.is_empty() => in_term(term, safe, (names, location), inner),
        some => inner.extend(some),
    }
}

/// What is bound after an expression, given what is before; none if it cannot be evaluated then.
fn bound(expr: &Expr, safe: &Slots, names: &[Name]) -> Option<Slots> {
    let mut after = safe.clone();
    match &expr.kind {
        ExprKind::Not(_) | ExprKind::Print(_) => {}
        ExprKind::Every { domain, .. } => return ready(domain, safe).then_some(after),
        ExprKind::Holds(term) => {
            if let Term::Ref(r) = term {
                keys(r, &mut after);
            }
        }
        ExprKind::Call { args, out, .. } => {
            for arg in args {
                if let Term::Ref(r) = arg {
                    keys(r, &mut after);
                }
            }
            if !args.iter().all(|arg| ready(arg, &after)) {
                return None;
            }
            if let Some(out) = out {
                binds(out, &mut after);
            }
        }
        ExprKind::Eq(Term::Var(slot), path @ Term::Ref(_)) if names.get(*slot).is_some_and(|name| &**name == IDLE) => {
            after.insert(*slot);
            return ready(path, safe).then_some(after);
        }
        ExprKind::Eq(a, b) => unify(a, b, &mut after),
        ExprKind::With { with, body } => {
            let mut vars = Vars::default();
            with.iter().for_each(|with| vars.with(with));
            if !vars.direct.within(safe) {
                return None;
            }
            let mut left: Vec<&Expr> = body.iter().collect();
            loop {
                let next = left.iter().enumerate().find_map(|(i, expr)| {
                    let mut vars = Vars::default();
                    vars.expr(expr);
                    let more = bound(expr, &after, names)?;
                    vars.direct.within(&more).then_some((i, more))
                });
                let Some((i, more)) = next else { break };
                left.remove(i);
                after = more;
            }
            return left.is_empty().then_some(after);
        }
    }
    Some(after)
}

/// Whether all of a term's own variables are bound.
fn ready(term: &Term, safe: &Slots) -> bool {
    let mut vars = Vars::default();
    vars.term(term);
    vars.direct.within(safe)
}

/// A ref whose root is bound binds what stands in its path.
fn keys(r: &Ref, safe: &mut Slots) -> bool {
    if let Root::Var(slot) = r.root
        && !safe.contains(slot)
    {
        return false;
    }
    r.path.iter().for_each(|part| binds(part, safe));
    r.path.iter().all(|part| ready(part, safe))
}

/// Matching a pattern against a value binds its variables, but for those of sets and of keys.
fn binds(pattern: &Term, safe: &mut Slots) {
    match pattern {
        Term::Var(slot) => safe.insert(*slot),
        Term::Array(items) => items.iter().for_each(|item| binds(item, safe)),
        Term::Object(items) => items.iter().for_each(|(_, value)| binds(value, safe)),
        Term::Const(_) | Term::Set(_) | Term::Ref(_) | Term::Comp(_) => {}
    }
}

/// What an equation binds: to and fro until there is no more. A pair is looked at again when a variable in it was bound.
fn unify(a: &Term, b: &Term, safe: &mut Slots) {
    let mut pairs = Vec::new();
    apart(a, b, &mut pairs);
    let vars: Vec<Slots> = pairs
        .iter()
        .map(|(a, b)| {
            let mut vars = Vars::default();
            vars.term(a);
            vars.term(b);
            vars.direct
        })
        .collect();
    let mut with: HashMap<Slot, Vec<usize>> = HashMap::new();
    for (at, vars) in vars.iter().enumerate() {
        vars.iter().for_each(|slot| with.entry(slot).or_default().push(at));
    }
    let mut todo: BTreeSet<usize> = (0..pairs.len()).collect();
    while let Some(at) = todo.pop_first() {
        let (Some((a, b)), Some(vars)) = (pairs.get(at), vars.get(at)) else { continue };
        let open: Vec<Slot> = vars.iter().filter(|slot| !safe.contains(*slot)).collect();
        pair(a, b, safe);
        let bound = open.into_iter().filter(|slot| safe.contains(*slot));
        todo.extend(bound.filter_map(|slot| with.get(&slot)).flatten());
    }
}

/// Two collections as written bind each other's variables member by member or not at all: the pairs of what is in them.
fn apart<'t>(a: &'t Term, b: &'t Term, pairs: &mut Vec<(&'t Term, &'t Term)>) {
    match (a, b) {
        (Term::Array(a), Term::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| apart(a, b, pairs));
        }
        (Term::Object(a), Term::Object(b)) if a.len() == b.len() => {
            let (mut constants, mut vars) = (BTreeMap::new(), BTreeMap::new());
            for (key, other) in b {
                match key {
                    Term::Const(key) => constants.entry(key).or_insert_with(Vec::new).push(other),
                    Term::Var(slot) => vars.entry(slot).or_insert_with(Vec::new).push(other),
                    _ => {}
                }
            }
            for (key, value) in a {
                let others = match key {
                    Term::Const(key) => constants.get(key),
                    Term::Var(slot) => vars.get(slot),
                    _ => None,
                };
                others.into_iter().flatten().for_each(|other| apart(value, other, pairs));
            }
        }
        _ => pairs.push((a, b)),
    }
}

fn pair(a: &Term, b: &Term, safe: &mut Slots) {
    if let Term::Ref(r) = a
        && !keys(r, safe)
    {
        return;
    }
    if let Term::Ref(r) = b
        && !keys(r, safe)
    {
        return;
    }
    let written = |term: &Term| matches!(term, Term::Array(_) | Term::Object(_) | Term::Set(_) | Term::Const(_));
    if written(a) && written(b) {
        return;
    }
    if ready(a, safe) && takes(b, a, true) {
        binds(b, safe);
    }
    if ready(b, safe) && takes(a, b, false) {
        binds(a, safe);
    }
}

/// Whether a pattern binds its variables from a comprehension, which may stand left of it.
fn takes(pattern: &Term, from: &Term, left: bool) -> bool {
    match (pattern, from) {
        (Term::Array(_), Term::Comp(comp)) => !left || matches!(comp.head, Head::Array(_)),
        (Term::Object(_), Term::Comp(comp)) => left && matches!(comp.head, Head::Object(..)),
        _ => true,
    }
}
