//! Refs: into values, and into `data`, where rules and base documents stand side by side.

use super::frame::Frame;
use super::{Eval, Res};
use crate::compile::ir::{NodeId, Ref, Root, Term};
use crate::compile::tree::ROOT;
use crate::error::Code;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What takes each value of a ref.
pub(super) type Each<'k, 'p> = &'k mut dyn FnMut(&mut Eval<'p>, &mut Frame, &Value) -> Res;

/// A value's member at a key.
pub(super) fn member<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match value {
        Value::Array(items) => match key {
            Value::Number(n) => n.as_i64().and_then(|i| usize::try_from(i).ok()).and_then(|i| items.get(i)),
            _ => None,
        },
        Value::Object(map) => map.get(key),
        Value::Set(items) => items.get(key),
        _ => None,
    }
}

/// Base documents take digits for an integer, and an integer for its digits: `data.list["1"]` is `data.list[1]`.
fn stored(key: &Value) -> Option<Value> {
    match key {
        Value::Number(n) => n.as_i64().map(|n| Value::string(n.to_string())),
        Value::String(text) => text.parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}

/// Two documents as one: what both have and no object is stays as the first has it.
fn merged(first: &Value, second: &Value) -> Value {
    let (Value::Object(a), Value::Object(b)) = (first, second) else { return first.clone() };
    let mut map = (**a).clone();
    for (key, value) in b.iter() {
        let value = map.get(key).map_or_else(|| value.clone(), |other| merged(other, value));
        map.insert(key.clone(), value);
    }
    Value::Object(Arc::new(map))
}

impl<'p> Eval<'p> {
    /// Each value of a ref.
    pub(super) fn reference(&mut self, r: &Ref, frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        match r.root {
            Root::Input => match self.scope.input.clone() {
                Some(input) => self.in_value(&input, &r.path, frame, next),
                None => Ok(()),
            },
            Root::Var(slot) => match frame.get(slot).cloned() {
                Some(value) => self.in_value(&value, &r.path, frame, next),
                None => Err(self.fail(Code::EvalInternal, "unbound variable", self.location)),
            },
            Root::Data => {
                let base = self.scope.data.clone();
                let root = (!self.scope.hidden.contains(&ROOT)).then_some(ROOT);
                self.in_data(root, base.as_ref(), &r.path, frame, next)
            }
        }
    }

    /// Each value below a value.
    fn in_value(&mut self, value: &Value, path: &[Term], frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        let Some((part, rest)) = path.split_first() else { return next(self, frame, value) };
        if let Some(key) = self.value(part, frame)? {
            return match member(value, &key) {
                Some(inner) => self.in_value(inner, rest, frame, next),
                None => Ok(()),
            };
        }
        match value {
            Value::Array(items) => {
                for (index, item) in (0_i64..).zip(items.iter()) {
                    self.below(part, &Value::from(index), item, rest, frame, next)?;
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter() {
                    self.below(part, key, item, rest, frame, next)?;
                }
            }
            Value::Set(items) => {
                for item in items.iter() {
                    self.below(part, item, item, rest, frame, next)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Each value below one member, if its key is what the path asks for.
    fn below(
        &mut self,
        part: &Term,
        key: &Value,
        item: &Value,
        rest: &[Term],
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        self.step(|eval| {
            let mark = frame.mark();
            if eval.matches(part, key, frame)? {
                eval.in_value(item, rest, frame, next)?;
            }
            frame.undo(mark);
            Ok(())
        })
    }

    /// Each value below a node of the tree and the base document beside it.
    fn in_data(
        &mut self,
        node: Option<NodeId>,
        base: Option<&Value>,
        path: &[Term],
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        let Some(node) = node else {
            let Some(base) = base else { return Ok(()) };
            if let (Value::Object(_) | Value::Array(_), Some((part, rest))) = (base, path.split_first())
                && let Some(key) = self.value(part, frame)?
            {
                return match member(base, &key).or_else(|| member(base, &stored(&key)?)) {
                    Some(inner) => self.in_data(None, Some(inner), rest, frame, next),
                    None => Ok(()),
                };
            }
            let (Value::Object(_) | Value::Array(_), Some((part, rest))) = (base, path.split_first()) else {
                return self.in_value(base, path, frame, next);
            };
            let mut one = |eval: &mut Self, key: &Value, item: &Value| {
                eval.step(|eval| {
                    let mark = frame.mark();
                    if eval.matches(part, key, frame)? {
                        eval.in_data(None, Some(item), rest, frame, next)?;
                    }
                    frame.undo(mark);
                    Ok(())
                })
            };
            match base {
                Value::Object(map) => {
                    for (key, item) in map.iter() {
                        one(self, key, item)?;
                    }
                }
                Value::Array(items) => {
                    for (index, item) in (0_i64..).zip(items.iter()) {
                        one(self, &Value::from(index), item)?;
                    }
                }
                _ => {}
            }
            return Ok(());
        };
        let policy = self.policy;
        let at = &policy.tree.nodes[node];
        if at.defined() {
            if at.arity.is_some() {
                return Ok(());
            }
            return match self.document(node)? {
                Some(value) => self.in_value(&value, path, frame, next),
                None => Ok(()),
            };
        }
        let Some((part, rest)) = path.split_first() else {
            return match self.whole(node, base)? {
                Some(value) => next(self, frame, &value),
                None => Ok(()),
            };
        };
        if let Some(key) = self.value(part, frame)? {
            let child = self.child(node, &key);
            let inner = base.and_then(|base| member(base, &key).or_else(|| member(base, &stored(&key)?)));
            return self.in_data(child, inner, rest, frame, next);
        }
        let mut keys: BTreeSet<Value> = at.children.keys().cloned().collect();
        match base {
            Some(Value::Object(map)) => keys.extend(map.keys().cloned()),
            Some(Value::Array(items)) => keys.extend((0_i64..).zip(items.iter()).map(|(i, _)| Value::from(i))),
            _ => {}
        }
        for key in keys {
            let mark = frame.mark();
            if self.matches(part, &key, frame)? {
                let child = self.child(node, &key);
                let inner = base.and_then(|base| member(base, &key));
                self.step(|eval| eval.in_data(child, inner, rest, frame, next))?;
            }
            frame.undo(mark);
        }
        Ok(())
    }

    /// A node's child, unless data has taken its place.
    fn child(&self, node: NodeId, key: &Value) -> Option<NodeId> {
        let child = self.policy.tree.nodes[node].children.get(key).copied()?;
        (!self.scope.hidden.contains(&child)).then_some(child)
    }

    /// A node's whole document: what its rules make, merged into the base document.
    fn whole(&mut self, node: NodeId, base: Option<&Value>) -> Res<Option<Value>> {
        let at = &self.policy.tree.nodes[node];
        if at.defined() {
            return if at.arity.is_some() { Ok(None) } else { self.document(node) };
        }
        let mut map = match base {
            Some(Value::Object(map)) => (**map).clone(),
            _ => BTreeMap::new(),
        };
        for key in at.children.keys() {
            let Some(child) = self.child(node, key) else { continue };
            let inner = base.and_then(|base| member(base, key)).cloned();
            if let Some(value) = self.step(|eval| eval.whole(child, inner.as_ref()))? {
                let value = inner.map_or_else(|| value.clone(), |inner| merged(&inner, &value));
                map.insert(key.clone(), value);
            }
        }
        Ok(Some(Value::Object(Arc::new(map))))
    }
}
