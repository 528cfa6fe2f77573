//! Refs: into values, and into `data`, where rules and base documents stand side by side.

use super::frame::Frame;
use super::reads::Origin;
use super::rules::Answer;
use super::{Eval, Res};
use crate::compile::ir::{NodeId, Ref, Root, Term};
use crate::compile::tree::ROOT;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What takes each value of a ref.
pub(super) type Each<'k, 'p> = &'k mut dyn FnMut(&mut Eval<'p>, &mut Frame, &Value) -> Res;

/// Whether there is nothing to go through.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Set(items) => items.is_empty(),
        _ => true,
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
    Value::Object(map.into())
}

impl<'p> Eval<'p> {
    /// Each value of a ref.
    pub(super) fn reference(&mut self, r: &Ref, frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        match r.root {
            Root::Input => {
                self.origin_of_input();
                if self.unknown.is_some() && !self.scope.given_input {
                    return self.in_unknown_input(&r.path, frame, next);
                }
                match self.scope.input.clone() {
                    Some(input) => self.in_value(&input, &r.path, frame, next),
                    None => self.missing(),
                }
            }
            Root::Var(slot) => match frame.get(slot).cloned() {
                Some(value) => {
                    self.record_slot(slot, frame);
                    self.in_value(&value, &r.path, frame, next)
                }
                None => Err(self.unbound()),
            },
            Root::Data => {
                let base = self.scope.data.clone();
                let root = (!self.scope.hidden.contains(&ROOT)).then_some(ROOT);
                if self.record.is_some() {
                    self.record_set(Some(Origin::root("data")));
                }
                self.in_data(root, base.as_ref(), &r.path, frame, next)
            }
        }
    }

    /// The value being handed on is `input`'s.
    pub(super) fn origin_of_input(&mut self) {
        if self.record.is_some() {
            let origin = self.scope.input_origin.clone().unwrap_or_else(|| Origin::root("input"));
            self.record_set(Some(origin));
        }
    }

    /// A value of a ref is reached.
    #[inline]
    fn leaf(&mut self, value: &Value, frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        if self.record.is_none() {
            return next(self, frame, value);
        }
        let before = self.record_read(Some(value));
        let outcome = next(self, frame, value);
        self.record_unread(before);
        outcome
    }

    /// Each value below a value. Of a known key it is no level deeper: what follows is solved within, and a body may have
    /// long refs without end.
    pub(super) fn in_value(&mut self, value: &Value, path: &[Term], frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        let (mut value, mut path) = (value, path);
        while let Some((part, rest)) = path.split_first() {
            let here = self.record_current();
            let Some(key) = self.value(part, frame)? else {
                return self.in_members(value, part, rest, here.as_ref(), frame, next);
            };
            self.record_at(here.as_ref(), &key);
            let Some(inner) = value.at(&key) else { return self.missing() };
            (value, path) = (inner, rest);
        }
        self.leaf(value, frame, next)
    }

    /// Each value below each member of a value.
    fn in_members(
        &mut self,
        value: &Value,
        part: &Term,
        rest: &[Term],
        here: Option<&Origin>,
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        match value {
            Value::Array(items) => {
                for (index, item) in (0_i64..).zip(items.iter()) {
                    self.below(part, &Value::from(index), item, rest, here, frame, next)?;
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter() {
                    self.below(part, key, item, rest, here, frame, next)?;
                }
            }
            Value::Set(items) => {
                for item in items.iter() {
                    self.below(part, item, item, rest, here, frame, next)?;
                }
            }
            _ => {}
        }
        if self.record.is_some() && is_empty(value) {
            self.record_set(here.cloned());
            self.looked_at(Some(value));
        }
        Ok(())
    }

    /// There is no value where one is looked for.
    fn missing(&mut self) -> Res {
        self.looked_at(None);
        Ok(())
    }

    /// A place was looked at, and no way goes on from it.
    fn looked_at(&mut self, found: Option<&Value>) {
        let before = self.record_read(found);
        self.record_unread(before);
    }

    /// Each value below one member, if its key is what the path asks for.
    #[expect(clippy::too_many_arguments, reason = "a step of a loop, apart from it for its three kinds")]
    fn below(
        &mut self,
        part: &Term,
        key: &Value,
        item: &Value,
        rest: &[Term],
        here: Option<&Origin>,
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        self.step(|eval| {
            let mark = frame.mark();
            eval.record_set(None);
            if eval.matches(part, key, frame)? {
                eval.record_at(here, key);
                eval.in_value(item, rest, frame, next)?;
            }
            frame.undo(mark);
            Ok(())
        })
    }

    /// Each value below a node of the tree and the base document beside it; of a known key no level deeper.
    pub(super) fn in_data(
        &mut self,
        node: Option<NodeId>,
        base: Option<&Value>,
        path: &[Term],
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        let (mut node, mut base, mut path) = (node, base, path);
        loop {
            let Some(of) = node else { return self.in_base_document(base, path, frame, next) };
            let policy = self.policy;
            let at = &policy.tree.nodes[of];
            if at.defined() {
                if at.arity.is_some() {
                    return Ok(());
                }
                let answer = self.document(of)?;
                return self.in_document(of, answer, path, frame, next);
            }
            let Some((part, rest)) = path.split_first() else {
                return match self.whole(of, base)? {
                    Some(value) => self.leaf(&value, frame, next),
                    None => Ok(()),
                };
            };
            let here = self.record_current();
            let Some(key) = self.value(part, frame)? else {
                return self.in_children(of, base, part, rest, here.as_ref(), frame, next);
            };
            node = self.child(of, &key);
            base = base.and_then(|base| base.at(&key).or_else(|| base.at(&stored(&key)?)));
            path = rest;
            self.record_at(here.as_ref(), &key);
        }
    }

    /// Each value below a base document.
    fn in_base_document(&mut self, base: Option<&Value>, path: &[Term], frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        let (mut base, mut path) = (base, path);
        loop {
            let Some(value) = base else { return self.missing() };
            let here = self.record_current();
            if let (Value::Object(_) | Value::Array(_), Some((part, rest))) = (value, path.split_first()) {
                if let Some(key) = self.value(part, frame)? {
                    self.record_at(here.as_ref(), &key);
                    base = value.at(&key).or_else(|| value.at(&stored(&key)?));
                    path = rest;
                    continue;
                }
                if !rest.is_empty() && !is_empty(value) {
                    return self.in_base(value, part, rest, here.as_ref(), frame, next);
                }
            }
            self.record_set(here);
            return self.in_value(value, path, frame, next);
        }
    }

    /// Each value below each child of a node, and below what else the base document beside it has.
    #[expect(clippy::too_many_arguments, reason = "a step of a walk, apart from it")]
    fn in_children(
        &mut self,
        node: NodeId,
        base: Option<&Value>,
        part: &Term,
        rest: &[Term],
        here: Option<&Origin>,
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        let mut keys: BTreeSet<Value> = self.policy.tree.nodes[node].children.keys().cloned().collect();
        match base {
            Some(Value::Object(map)) => keys.extend(map.keys().cloned()),
            Some(Value::Array(items)) => keys.extend((0_i64..).zip(items.iter()).map(|(i, _)| Value::from(i))),
            _ => {}
        }
        for key in keys {
            let mark = frame.mark();
            self.record_set(None);
            if self.matches(part, &key, frame)? {
                let child = self.child(node, &key);
                let inner = base.and_then(|base| base.at(&key));
                self.record_at(here, &key);
                self.step(|eval| eval.in_data(child, inner, rest, frame, next))?;
            }
            frame.undo(mark);
        }
        Ok(())
    }

    /// Each value below the members of a base document, whose own members are base documents, too.
    fn in_base(
        &mut self,
        base: &Value,
        part: &Term,
        rest: &[Term],
        here: Option<&Origin>,
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        let mut one = |eval: &mut Self, key: &Value, item: &Value| {
            eval.step(|eval| {
                let mark = frame.mark();
                eval.record_set(None);
                if eval.matches(part, key, frame)? {
                    eval.record_at(here, key);
                    eval.in_data(None, Some(item), rest, frame, next)?;
                }
                frame.undo(mark);
                Ok(())
            })
        };
        match base {
            Value::Object(map) => map.iter().try_for_each(|(key, item)| one(self, key, item)),
            Value::Array(items) => {
                (0_i64..).zip(items.iter()).try_for_each(|(index, item)| one(self, &Value::from(index), item))
            }
            _ => Ok(()),
        }
    }

    /// Each value below what a rule gave, which may be only a part of what it gives when all is known.
    fn in_document(
        &mut self,
        node: NodeId,
        answer: Answer,
        path: &[Term],
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        if self.record.is_some() {
            let asked = match path.first() {
                Some(part) => self.value(part, frame)?,
                None => None,
            };
            self.record_rule(answer.proof.as_ref(), asked.as_ref());
        }
        let Some(doubts) = answer.doubts else {
            return match answer.value {
                Some(value) => self.in_value(&value, path, frame, next),
                None => self.missing(),
            };
        };
        let at = &self.policy.tree.nodes[node];
        let Some(value) = answer.value else {
            self.holes(doubts.iter().cloned());
            return Ok(());
        };
        if !at.partial && !at.set {
            return self.in_value(&value, path, frame, next);
        }
        if let Some(part) = path.first() {
            let key = self.value(part, frame)?;
            let present = key.as_ref().is_some_and(|key| value.at(key).is_some());
            if present || key.is_none() {
                self.in_value(&value, path, frame, next)?;
            }
            if present {
                return Ok(());
            }
        }
        self.holes(doubts.iter().cloned());
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
            if at.arity.is_some() {
                return Ok(None);
            }
            let answer = self.document(node)?;
            if let Some(doubts) = answer.doubts {
                self.holes(doubts.iter().cloned());
                return Err(super::Halt::Unknown);
            }
            return Ok(answer.value);
        }
        let mut map = match base {
            Some(Value::Object(map)) => (**map).clone(),
            _ => BTreeMap::new(),
        };
        for key in at.children.keys() {
            let Some(child) = self.child(node, key) else { continue };
            let inner = base.and_then(|base| base.at(key)).cloned();
            if let Some(value) = self.step(|eval| eval.whole(child, inner.as_ref()))? {
                let value = inner.map_or_else(|| value.clone(), |inner| merged(&inner, &value));
                map.insert(key.clone(), value);
            }
        }
        self.made(Value::Object(map.into())).map(Some)
    }

    /// Each value below `input` where parts of it are not known.
    fn in_unknown_input(&mut self, path: &[Term], frame: &mut Frame, next: Each<'_, 'p>) -> Res {
        let open: Vec<usize> = (0..self.unknown.as_ref().map_or(0, |unknown| unknown.paths.len())).collect();
        let input = self.scope.input.clone();
        self.in_unknown(input.as_ref(), &open, 0, path, frame, next)
    }

    /// Each value below a value in which, at some depth, unknown places begin (those of `open`).
    fn in_unknown(
        &mut self,
        value: Option<&Value>,
        open: &[usize],
        depth: usize,
        path: &[Term],
        frame: &mut Frame,
        next: Each<'_, 'p>,
    ) -> Res {
        let Some(unknown) = &self.unknown else { return Ok(()) };
        let here = |i: &&usize| unknown.paths.get(**i).is_some_and(|path| path.len() == depth);
        // Either the place itself, or a whole with the place inside.
        let met = open.iter().find(here).or(if path.is_empty() { open.first() } else { None });
        if let Some(place) = met.and_then(|i| unknown.paths.get(*i)) {
            let what = crate::ast::Ref::shown("input", place);
            self.hole(what.into());
            return Ok(());
        }
        let Some((part, rest)) = path.split_first() else {
            return match value {
                Some(value) => self.leaf(value, frame, next),
                None => Ok(()),
            };
        };
        if let Some(key) = self.value(part, frame)? {
            let below = self.unknown.as_ref().map(|unknown| unknown.below(open, depth, &key)).unwrap_or_default();
            let inner = value.and_then(|value| value.at(&key));
            return match inner {
                _ if !below.is_empty() => {
                    self.step(|eval| eval.in_unknown(inner, &below, depth + 1, rest, frame, next))
                }
                Some(inner) => self.in_value(inner, rest, frame, next),
                None => Ok(()),
            };
        }
        let mut keys: BTreeSet<Value> = match value {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(items)) => (0_i64..).zip(items.iter()).map(|(i, _)| Value::from(i)).collect(),
            Some(Value::Set(items)) => items.iter().cloned().collect(),
            _ => BTreeSet::new(),
        };
        if let Some(unknown) = &self.unknown {
            keys.extend(open.iter().filter_map(|i| unknown.paths.get(*i)?.get(depth).cloned()));
        }
        for key in keys {
            let mark = frame.mark();
            if self.matches(part, &key, frame)? {
                let below = self.unknown.as_ref().map(|unknown| unknown.below(open, depth, &key)).unwrap_or_default();
                let inner = value.and_then(|value| value.at(&key));
                self.step(|eval| match inner {
                    _ if !below.is_empty() => eval.in_unknown(inner, &below, depth + 1, rest, frame, next),
                    Some(inner) => eval.in_value(inner, rest, frame, next),
                    None => Ok(()),
                })?;
            }
            frame.undo(mark);
        }
        Ok(())
    }
}
