//! Documents and functions that rules define.

use super::build::Build;
use super::frame::Frame;
use super::scope::Found;
use super::{Eval, Halt, Res};
use crate::compile::ir::{Clause, Kind, NodeId, Rule, Term};
use crate::error::Code;
use crate::shared::Shared;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

const COMPLETE: &str = "complete rules must not produce multiple outputs";
const FUNCTION: &str = "functions must not produce multiple outputs for same inputs";
const OBJECT: &str = "object keys must be unique";

impl<'p> Eval<'p> {
    /// The document of a node with rules.
    pub(super) fn document(&mut self, node: NodeId) -> Res<Option<Value>> {
        let known = self.scope.documents.borrow().get(&node).cloned();
        match known {
            Some(Found::Done(value)) => return Ok(value),
            Some(Found::Busy) => {
                return Err(self.fail(Code::Recursion, "a rule depends on itself", self.location));
            }
            None => {}
        }
        let scope = self.scope.clone();
        scope.documents.borrow_mut().insert(node, Found::Busy);
        let outcome = self.step(|eval| eval.find(node));
        match &outcome {
            Ok(value) => scope.documents.borrow_mut().insert(node, Found::Done(value.clone())),
            Err(_) => scope.documents.borrow_mut().remove(&node),
        };
        outcome
    }

    fn find(&mut self, node: NodeId) -> Res<Option<Value>> {
        let at = &self.policy.tree.nodes[node];
        if at.partial {
            let mut build = Build::Object(BTreeMap::new());
            self.collect(node, at.path.len(), &mut build)?;
            return Ok(Some(build.finish()));
        }
        if at.set {
            let mut items = BTreeSet::new();
            for index in &at.rules {
                self.solutions(self.rule(*index), None, &mut |_, _, _, value| {
                    items.insert(value);
                    Ok(())
                })?;
            }
            return Ok(Some(Value::Set(Shared::from(items))));
        }
        let mut found: Option<Value> = None;
        for index in &at.rules {
            self.single(self.rule(*index), None, COMPLETE, &mut found)?;
        }
        if found.is_none()
            && let Some(default) = at.default
        {
            self.single(self.rule(default), None, COMPLETE, &mut found)?;
        }
        Ok(found)
    }

    /// What the rules of a node and those below it put into an object.
    fn collect(&mut self, node: NodeId, depth: usize, build: &mut Build) -> Res {
        let at = &self.policy.tree.nodes[node];
        if at.arity.is_some() {
            return Ok(());
        }
        let prefix = &at.path[depth..];
        if at.defined() && !at.partial && !at.set {
            if let Some(value) = self.document(node)? {
                let location = at.rules.first().or(at.default.as_ref()).map(|rule| self.rule(*rule).location);
                if build.put(prefix, value, false).is_err() {
                    return Err(self.fail(Code::EvalConflict, OBJECT, location.unwrap_or_default()));
                }
            }
        } else {
            for index in &at.rules {
                let rule = self.rule(*index);
                self.solutions(rule, None, &mut |eval, frame, _, value| {
                    let mut path = prefix.to_vec();
                    for part in &rule.suffix {
                        path.push(eval.bound(part, frame)?);
                    }
                    build
                        .put(&path, value, rule.kind == Kind::Set)
                        .map_err(|_| eval.fail(Code::EvalConflict, OBJECT, rule.location))
                })?;
            }
        }
        for child in at.children.values() {
            if !self.scope.hidden.contains(child) {
                self.collect(*child, depth, build)?;
            }
        }
        Ok(())
    }

    /// The value of a call of a function.
    pub(super) fn function(&mut self, node: NodeId, args: &[Value]) -> Res<Option<Value>> {
        let key = (node, args.to_vec());
        if let Some(known) = self.scope.calls.borrow().get(&key) {
            return Ok(known.clone());
        }
        let scope = self.scope.clone();
        let at = &self.policy.tree.nodes[node];
        let found = self.step(|eval| {
            let mut found = None;
            for index in &at.rules {
                eval.single(eval.rule(*index), Some(args), FUNCTION, &mut found)?;
            }
            if found.is_none()
                && let Some(default) = at.default
            {
                eval.single(eval.rule(default), Some(args), FUNCTION, &mut found)?;
            }
            Ok(found)
        })?;
        scope.calls.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    /// The one value that a rule gives, agreeing with what others gave.
    fn single(&mut self, rule: &'p Rule, args: Option<&[Value]>, conflict: &str, found: &mut Option<Value>) -> Res {
        self.solutions(rule, args, &mut |eval, _, clause, value| {
            match found {
                Some(other) if *other != value => {
                    return Err(eval.fail(Code::EvalConflict, conflict, rule.location));
                }
                Some(_) => {}
                None => *found = Some(value),
            }
            // A constant stays the same whatever else the body finds.
            if matches!(clause.value, Term::Const(_)) { Err(Halt::Enough) } else { Ok(()) }
        })
    }

    /// Each solution of a rule: of its first clause that has any.
    fn solutions(
        &mut self,
        rule: &'p Rule,
        args: Option<&[Value]>,
        each: &mut dyn FnMut(&mut Self, &mut Frame, &'p Clause, Value) -> Res,
    ) -> Res {
        let mut frame = Frame::new(rule.slots.len());
        for (pattern, value) in rule.args.iter().zip(args.unwrap_or_default()) {
            if !self.matches(pattern, value, &mut frame)? {
                return Ok(());
            }
        }
        for clause in &rule.clauses {
            let mark = frame.mark();
            let mut any = false;
            let outcome = self.body(&clause.body, &mut frame, &mut |eval, frame| {
                any = true;
                let value = eval.bound(&clause.value, frame)?;
                each(eval, frame, clause, value)
            });
            match outcome {
                Err(Halt::Error(error)) => return Err(Halt::Error(error)),
                Err(Halt::Enough) => return Ok(()),
                Ok(()) => frame.undo(mark),
            }
            if any {
                break;
            }
        }
        Ok(())
    }
}
