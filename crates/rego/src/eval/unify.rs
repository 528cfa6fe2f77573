//! Values of terms, and terms matched against values and one another.

use super::frame::Frame;
use super::{Eval, Res};
use crate::compile::ir::{Comp, Term};
use crate::error::Code;
use crate::shared::Shared;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Eval<'_> {
    /// The value of a term that is no ref; none where a variable of it is unbound.
    pub(super) fn value(&mut self, term: &Term, frame: &mut Frame) -> Res<Option<Value>> {
        Ok(match term {
            Term::Const(value) => Some(value.clone()),
            Term::Var(slot) => frame.get(*slot).cloned(),
            Term::Array(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    let Some(value) = self.value(item, frame)? else { return Ok(None) };
                    values.push(value);
                }
                Some(Value::Array(Shared::from(values)))
            }
            Term::Set(items) => {
                let mut values = BTreeSet::new();
                for item in items {
                    let Some(value) = self.value(item, frame)? else { return Ok(None) };
                    values.insert(value);
                }
                Some(Value::Set(Shared::from(values)))
            }
            Term::Object(items) => {
                let mut values = BTreeMap::new();
                for (key, value) in items {
                    let Some(key) = self.value(key, frame)? else { return Ok(None) };
                    let Some(value) = self.value(value, frame)? else { return Ok(None) };
                    values.insert(key, value);
                }
                Some(Value::Object(Shared::from(values)))
            }
            Term::Comp(comp) => Some(self.comprehension(comp, frame)?),
            Term::Ref(_) => {
                let message = "a ref where only a value can be";
                return Err(self.fail(Code::EvalInternal, message, self.location));
            }
        })
    }

    /// The value of a term that the compiler has seen to be bound.
    pub(super) fn bound(&mut self, term: &Term, frame: &mut Frame) -> Res<Value> {
        match self.value(term, frame)? {
            Some(value) => Ok(value),
            None => Err(self.fail(Code::EvalInternal, "unbound variable", self.location)),
        }
    }

    fn comprehension(&mut self, comp: &Comp, frame: &mut Frame) -> Res<Value> {
        match comp {
            Comp::Array(head, body) => {
                let mut items = Vec::new();
                self.body(body, frame, &mut |eval, frame| {
                    items.push(eval.bound(head, frame)?);
                    Ok(())
                })?;
                Ok(Value::Array(Shared::from(items)))
            }
            Comp::Set(head, body) => {
                let mut items = BTreeSet::new();
                self.body(body, frame, &mut |eval, frame| {
                    items.insert(eval.bound(head, frame)?);
                    Ok(())
                })?;
                Ok(Value::Set(Shared::from(items)))
            }
            Comp::Object(key, value, body) => {
                let mut items: BTreeMap<Value, Value> = BTreeMap::new();
                let location = self.location;
                self.body(body, frame, &mut |eval, frame| {
                    let key = eval.bound(key, frame)?;
                    let value = eval.bound(value, frame)?;
                    match items.get(&key) {
                        Some(other) if *other != value => {
                            Err(eval.fail(Code::EvalConflict, "object keys must be unique", location))
                        }
                        Some(_) => Ok(()),
                        None => {
                            items.insert(key, value);
                            Ok(())
                        }
                    }
                })?;
                Ok(Value::Object(Shared::from(items)))
            }
        }
    }

    /// Whether a pattern matches a value, binding its variables; the caller takes back bindings, of failures too.
    pub(super) fn matches(&mut self, pattern: &Term, value: &Value, frame: &mut Frame) -> Res<bool> {
        match pattern {
            Term::Const(constant) => Ok(constant == value),
            Term::Var(slot) => {
                if let Some(bound) = frame.get(*slot) {
                    return Ok(bound == value);
                }
                frame.bind(*slot, value.clone());
                Ok(true)
            }
            Term::Array(items) => {
                let Value::Array(values) = value else { return Ok(false) };
                if values.len() != items.len() {
                    return Ok(false);
                }
                for (item, value) in items.iter().zip(values.iter()) {
                    if !self.matches(item, value, frame)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Term::Object(items) => {
                let Value::Object(map) = value else { return Ok(false) };
                if map.len() != items.len() {
                    return Ok(false);
                }
                for (key, item) in items {
                    let key = self.bound(key, frame)?;
                    let Some(value) = map.get(&key) else { return Ok(false) };
                    if !self.matches(item, value, frame)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Term::Set(_) | Term::Comp(_) | Term::Ref(_) => Ok(self.value(pattern, frame)?.as_ref() == Some(value)),
        }
    }

    /// Whether two terms that are no refs are equal, binding the variables of both; the caller takes back bindings.
    pub(super) fn unify(&mut self, a: &Term, b: &Term, frame: &mut Frame) -> Res<bool> {
        let mut pairs = vec![(a, b)];
        loop {
            let before = pairs.len();
            let mut left = Vec::new();
            let mut split = false;
            for (a, b) in pairs {
                if let Some(value) = self.value(a, frame)? {
                    if !self.matches(b, &value, frame)? {
                        return Ok(false);
                    }
                } else if let Some(value) = self.value(b, frame)? {
                    if !self.matches(a, &value, frame)? {
                        return Ok(false);
                    }
                } else {
                    match (a, b) {
                        (Term::Array(a), Term::Array(b)) => {
                            if a.len() != b.len() {
                                return Ok(false);
                            }
                            left.extend(a.iter().zip(b));
                            split = true;
                        }
                        (Term::Object(a), Term::Object(b)) => {
                            if a.len() != b.len() {
                                return Ok(false);
                            }
                            for (key, value) in a {
                                let key = self.bound(key, frame)?;
                                let mut found = None;
                                for (other, item) in b {
                                    if self.bound(other, frame)? == key {
                                        found = Some(item);
                                    }
                                }
                                let Some(item) = found else { return Ok(false) };
                                left.push((value, item));
                            }
                            split = true;
                        }
                        (Term::Var(_), _) | (_, Term::Var(_)) => left.push((a, b)),
                        _ => return Ok(false),
                    }
                }
            }
            if left.is_empty() {
                return Ok(true);
            }
            if !split && left.len() == before {
                return Err(self.fail(Code::EvalInternal, "variables bound to one another only", self.location));
            }
            pairs = left;
        }
    }
}
