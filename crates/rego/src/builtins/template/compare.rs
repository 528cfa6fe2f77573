//! `eq`, `lt` and the like (`text/template/funcs.go`).

use super::Context;
use super::functions::{Called, cost};
use super::value::{Data, Go, IntType};
use crate::bytes;
use std::cmp::Ordering;

/// What sorts of values compare with one another (`basicKind`).
fn sort(value: &Go) -> Option<u8> {
    match &value.data {
        Data::Bool(_) => Some(0),
        Data::Int(_, IntType::Uint8) => Some(1),
        Data::Int(..) => Some(2),
        Data::Float(_) => Some(3),
        Data::Number(_) | Data::Text(_) => Some(4),
        Data::Nil | Data::List(_) | Data::Map(_) => None,
    }
}

fn incompatible<T>(a: &Go, b: &Go) -> Called<T> {
    let (a, b) = (a.clone().opened(), b.clone().opened());
    Err(format!("incompatible types for comparison: {} and {}", a.static_type(), b.static_type()).into())
}

/// Two values of one sort, or two integers; none where no order is between them.
fn order(a: &Go, b: &Go, context: &mut Context) -> Called<Option<Ordering>> {
    Ok(match (&a.data, &b.data) {
        (Data::Bool(a), Data::Bool(b)) => Some(a.cmp(b)),
        (Data::Int(a, _), Data::Int(b, _)) => Some(a.cmp(b)),
        (Data::Float(a), Data::Float(b)) => a.partial_cmp(b),
        (Data::Number(a) | Data::Text(a), Data::Number(b) | Data::Text(b)) => {
            context.work(a.len().min(b.len()) / 8)?;
            Some(bytes::bytes(a).cmp(&bytes::bytes(b)))
        }
        _ => return incompatible(a, b),
    })
}

/// `eq`: whether the first is equal to one of the others.
pub(super) fn equal(first: &Go, others: &[Go], context: &mut Context) -> Called<bool> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        let same = match (sort(first), sort(other)) {
            _ if first.is_nil() || other.is_nil() => first.is_nil() == other.is_nil(),
            (None, None) => return Err(without_order(first, other, context)?.into()),
            _ => order(first, other, context)? == Some(Ordering::Equal),
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists and maps are equal to nothing but nil.
fn without_order(a: &Go, b: &Go, context: &mut Context) -> Called<String> {
    context.work(cost(a).saturating_add(cost(b)))?;
    let (left, right) = (a.clone().opened().static_type(), b.clone().opened().static_type());
    Ok(match left == right {
        true => format!("non-comparable type {}: {right}", b.formatted('s')),
        false => format!("non-comparable types {}: {left}, {right}: {}", a.formatted('s'), b.shown()),
    })
}

/// `lt` and what is made of it.
pub(super) fn compare(a: &Go, b: &Go, context: &mut Context) -> Called<Ordering> {
    match (sort(a), sort(b)) {
        (None, _) | (_, None) | (Some(0), Some(0)) => Err("invalid type for comparison".into()),
        // Doubles here are never NaN.
        _ => Ok(order(a, b, context)?.unwrap_or(Ordering::Equal)),
    }
}
