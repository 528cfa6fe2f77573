//! Values of terms, and terms matched against values and one another.

use super::frame::Frame;
use super::{Eval, Halt, Next, Res};
use crate::compile::ir::{Comp, Expr, Head, Term};
use crate::error::Code;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

impl<'p> Eval<'p> {
    /// The value of a term that is no ref; none where a variable of it is unbound.
    pub(super) fn value(&mut self, term: &Term, frame: &mut Frame) -> Res<Option<Value>> {
        Ok(match term {
            Term::Const(value) => Some(value.clone()),
            Term::Var(slot) => {
                if self.record.is_some() {
                    self.record_use(*slot, frame);
                }
                frame.get(*slot).cloned()
            }
            Term::Array(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    let Some(value) = self.value(item, frame)? else { return Ok(None) };
                    values.push(value);
                }
                Some(self.made(Value::Array(values.into()))?)
            }
            Term::Set(items) => {
                let mut values = BTreeSet::new();
                for item in items {
                    let Some(value) = self.value(item, frame)? else { return Ok(None) };
                    values.insert(value);
                }
                Some(self.made(Value::Set(values.into()))?)
            }
            Term::Object(items) => {
                let mut values = BTreeMap::new();
                for (key, value) in items {
                    let Some(key) = self.value(key, frame)? else { return Ok(None) };
                    let Some(value) = self.value(value, frame)? else { return Ok(None) };
                    values.insert(key, value);
                }
                Some(self.made(Value::Object(values.into()))?)
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
            None => Err(self.unbound()),
        }
    }

    fn comprehension(&mut self, comp: &Comp, frame: &mut Frame) -> Res<Value> {
        let body = &comp.body;
        let value = match &comp.head {
            Head::Array(head) => {
                let mut items = Vec::new();
                self.gathered(body, frame, &mut |eval, frame| {
                    items.push(eval.bound(head, frame)?);
                    eval.room(items.len())
                })?;
                Value::Array(items.into())
            }
            Head::Set(head) => {
                let mut items = BTreeSet::new();
                self.gathered(body, frame, &mut |eval, frame| {
                    items.insert(eval.bound(head, frame)?);
                    eval.room(items.len())
                })?;
                Value::Set(items.into())
            }
            Head::Object(key, value) => {
                let mut items: BTreeMap<Value, Value> = BTreeMap::new();
                let location = self.location;
                self.gathered(body, frame, &mut |eval, frame| {
                    let key = eval.bound(key, frame)?;
                    let value = eval.bound(value, frame)?;
                    match items.get(&key) {
                        Some(other) if *other != value => {
                            Err(eval.fail(Code::EvalConflict, "object keys must be unique", location))
                        }
                        Some(_) => Ok(()),
                        None => {
                            items.insert(key, value);
                            eval.room(2 * items.len())
                        }
                    }
                })?;
                Value::Object(items.into())
            }
        };
        self.made(value)
    }

    /// All solutions of a comprehension's body. Where there may be more, the whole of it is not known.
    fn gathered(&mut self, body: &[Expr], frame: &mut Frame, emit: Next<'_, 'p>) -> Res {
        if !self.watched {
            return self.body(body, frame, emit);
        }
        let (mark, doubts) = (self.record_mark(), self.doubts());
        let outcome = self.solve(body, frame, emit);
        self.record_reset(mark);
        self.record_within(mark);
        outcome?;
        if self.doubted(doubts) { Err(Halt::Unknown) } else { Ok(()) }
    }

    /// Whether two values are equal; of collections that takes long.
    #[inline]
    pub(super) fn same(&mut self, a: &Value, b: &Value) -> Res<bool> {
        if matches!(a, Value::Array(_) | Value::Object(_) | Value::Set(_)) {
            let spent = self.context.budget.long();
            self.within(spent)?;
        }
        Ok(a == b)
    }

    /// Whether a pattern matches a value, binding its variables; the caller takes back bindings, of failures too.
    pub(super) fn matches(&mut self, pattern: &Term, value: &Value, frame: &mut Frame) -> Res<bool> {
        match pattern {
            Term::Const(constant) => self.same(constant, value),
            Term::Var(slot) => {
                if let Some(bound) = frame.get(*slot) {
                    let equal = self.same(bound, value)?;
                    if self.record.is_some() {
                        self.record_use(*slot, frame);
                    }
                    return Ok(equal);
                }
                frame.bind(*slot, value.clone());
                if self.record.is_some() {
                    frame.set_origin(*slot, self.record_origin_of(value));
                }
                Ok(true)
            }
            Term::Array(items) => {
                let Value::Array(values) = value else { return Ok(false) };
                if values.len() != items.len() {
                    return Ok(false);
                }
                let whole = self.record_current();
                for (i, (item, value)) in (0_i64..).zip(items.iter().zip(values.iter())) {
                    if whole.is_some() {
                        self.record_at(whole.as_ref(), &Value::from(i));
                    }
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
                let whole = self.record_current();
                for (key, item) in items {
                    let key = self.bound(key, frame)?;
                    let Some(value) = map.get(&key) else { return Ok(false) };
                    self.record_at(whole.as_ref(), &key);
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
                let mark = self.record_mark();
                if let Some(value) = self.value(a, frame)? {
                    self.record_term(a, mark, frame);
                    if !self.matches(b, &value, frame)? {
                        return Ok(false);
                    }
                } else if let Some(value) = self.value(b, frame)? {
                    self.record_term(b, mark, frame);
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
                return Err(self.unbound());
            }
            pairs = left;
        }
    }
}
