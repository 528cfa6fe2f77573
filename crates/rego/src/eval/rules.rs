//! Documents and functions that rules define.

use super::build::Build;
use super::frame::Frame;
use super::reads::Origin;
use super::scope::Found;
use super::unknown::Reason;
use super::{Eval, Halt, Res};
use crate::compile::ir::{Clause, Kind, Node, NodeId, Rule, Term};
use crate::error::Code;
use crate::trace::Happening;
use crate::value::Value;
use crate::why::Proof;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const COMPLETE: &str = "complete rules must not produce multiple outputs";
const FUNCTION: &str = "functions must not produce multiple outputs for same inputs";
const OBJECT: &str = "object keys must be unique";

/// What keeping a call takes besides its arguments, in parts of values.
const KEPT: usize = 4;

/// What rules gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub value: Option<Value>,
    /// Why they may give more, or something, when all is known.
    pub doubts: Option<Rc<[Reason]>>,
    pub proof: Option<Arc<Proof>>,
}

impl<'p> Eval<'p> {
    /// The document of a node with rules.
    pub(super) fn document(&mut self, node: NodeId) -> Res<Answer> {
        let known = self.scope.documents.borrow().get(&node).cloned();
        match known {
            Some(Found::Done(answer)) => return Ok(answer),
            Some(Found::Busy) => {
                return Err(self.fail(Code::Recursion, "a rule depends on itself", self.location));
            }
            None => {}
        }
        let scope = self.scope.clone();
        scope.documents.borrow_mut().insert(node, Found::Busy);
        let outcome = self.answer(node, |eval, at| eval.find(node, at));
        match &outcome {
            Ok(answer) => scope.documents.borrow_mut().insert(node, Found::Done(answer.clone())),
            Err(_) => scope.documents.borrow_mut().remove(&node),
        };
        outcome
    }

    /// What a node's rules give, with doubts and proof.
    fn answer(&mut self, node: NodeId, work: impl FnOnce(&mut Self, &'p Node) -> Res<Option<Value>>) -> Res<Answer> {
        let policy = self.policy;
        let at = &policy.tree.nodes[node];
        if !self.watched {
            let value = self.step(|eval| work(eval, at))?;
            return Ok(Answer { value, ..Answer::default() });
        }
        let location = self.location;
        let doubts = self.doubts();
        let (value, proof) = self.record_apart(|eval| eval.step(|eval| work(eval, at)));
        self.location = location;
        let value = value?;
        let doubts = self.take_doubts(doubts);
        // One value that is there stays, whatever else becomes known.
        let settled = value.is_some() && !at.partial && !at.set;
        let doubts = doubts.filter(|_| !settled).map(Rc::from);
        let rule = || std::iter::once(Value::string("data")).chain(at.path.iter().cloned()).collect();
        let proof = proof.map(|proof| Arc::new(Proof { rule: rule(), ..proof }));
        Ok(Answer { value, doubts, proof })
    }

    fn find(&mut self, node: NodeId, at: &'p Node) -> Res<Option<Value>> {
        if at.partial {
            let mut build = Build::Object(BTreeMap::new());
            self.collect(node, at.path.len(), &mut build)?;
            return self.made(build.finish()).map(Some);
        }
        if at.set {
            let mut items = BTreeSet::new();
            for index in &at.rules {
                self.solutions(self.rule(*index), None, &mut |eval, _, _, value| {
                    items.insert(value);
                    eval.room(items.len())
                })?;
            }
            return self.made(Value::Set(items.into())).map(Some);
        }
        self.one(at, None, &[], COMPLETE)
    }

    /// The one value that a node's rules give, or else its default.
    fn one(
        &mut self,
        at: &'p Node,
        args: Option<&[Value]>,
        origins: &[Option<Origin>],
        conflict: &str,
    ) -> Res<Option<Value>> {
        let doubts = self.doubts();
        let mut found = None;
        for index in &at.rules {
            self.single(self.rule(*index), args, origins, (conflict, at.settled), &mut found)?;
            if at.settled && found.is_some() {
                return Ok(found);
            }
        }
        if found.is_none()
            && self.doubts() == doubts
            && let Some(default) = at.default
        {
            self.single(self.rule(default), args, origins, (conflict, true), &mut found)?;
        }
        Ok(found)
    }

    /// What the rules of a node and those below it put into an object.
    fn collect(&mut self, node: NodeId, depth: usize, build: &mut Build) -> Res {
        let policy = self.policy;
        let at = &policy.tree.nodes[node];
        if at.arity.is_some() {
            return Ok(());
        }
        let prefix = &at.path[depth..];
        if at.defined() && !at.partial && !at.set {
            let answer = self.document(node)?;
            if let Some(doubts) = answer.doubts
                && let Some(unknown) = &mut self.unknown
            {
                unknown.doubt(doubts.iter().cloned());
            }
            if let Some(value) = answer.value {
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
                    eval.used(2 * path.len())?;
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

    /// The value of a call of a function; what was not found because of something unknown is a hole.
    pub(super) fn function(
        &mut self,
        node: NodeId,
        args: Vec<Value>,
        origins: &[Option<Origin>],
    ) -> Res<Option<Value>> {
        let key = (node, args);
        let known = self.scope.calls.borrow().get(&key).cloned();
        let answer = match known {
            Some((of, answer)) if self.record.is_none() || same_origins(&of, origins) => answer,
            _ => {
                let scope = self.scope.clone();
                let answer = self.answer(node, |eval, at| eval.one(at, Some(&key.1), origins, FUNCTION))?;
                self.used(KEPT + key.1.len())?;
                scope.calls.borrow_mut().insert(key, (origins.to_vec(), answer.clone()));
                answer
            }
        };
        if self.watched {
            if let Some(doubts) = &answer.doubts {
                self.holes(doubts.iter().cloned());
            }
            self.record_rule(answer.proof.as_ref(), None);
            self.record_read(answer.value.as_ref());
        }
        Ok(answer.value)
    }

    /// The one value that a rule gives, agreeing with what others gave.
    fn single(
        &mut self,
        rule: &'p Rule,
        args: Option<&[Value]>,
        origins: &[Option<Origin>],
        (conflict, settled): (&str, bool),
        found: &mut Option<Value>,
    ) -> Res {
        let enough = settled || !self.strict;
        self.solutions_of(rule, args, origins, &mut |eval, _, clause, value| {
            match found {
                Some(other) if *other != value => {
                    return Err(eval.fail(Code::EvalConflict, conflict, rule.location));
                }
                Some(_) => {}
                None => *found = Some(value),
            }
            // A constant stays the same whatever else the body finds; but where errors are, as in OPA they are met, unless all
            // rules have this value.
            if enough && matches!(clause.value, Term::Const(_)) { Err(Halt::Enough) } else { Ok(()) }
        })
    }

    /// Each solution of a rule without arguments' origins.
    fn solutions(
        &mut self,
        rule: &'p Rule,
        args: Option<&[Value]>,
        each: &mut dyn FnMut(&mut Self, &mut Frame, &'p Clause, Value) -> Res,
    ) -> Res {
        self.solutions_of(rule, args, &[], each)
    }

    /// Each solution of a rule: of its first clause that has any.
    fn solutions_of(
        &mut self,
        rule: &'p Rule,
        args: Option<&[Value]>,
        origins: &[Option<Origin>],
        each: &mut dyn FnMut(&mut Self, &mut Frame, &'p Clause, Value) -> Res,
    ) -> Res {
        let mut frame = Frame::new(rule.slots.len());
        for (i, (pattern, value)) in rule.args.iter().zip(args.unwrap_or_default()).enumerate() {
            if self.record.is_some() {
                self.record_set(origins.get(i).cloned().flatten());
            }
            if !self.matches(pattern, value, &mut frame)? {
                return Ok(());
            }
        }
        self.tell(Happening::Enter, rule.location);
        for clause in &rule.clauses {
            let mark = frame.mark();
            let doubts = self.doubts();
            let way = self.record_mark();
            let mut any = false;
            let outcome = self.solve(&clause.body, &mut frame, &mut |eval, frame| {
                any = true;
                let made = eval.record_mark();
                let value = eval.bound(&clause.value, frame)?;
                eval.record_solution(Some(clause), &value, made);
                eval.tell(Happening::Exit, clause.location);
                each(eval, frame, clause, value)
            });
            self.record_reset_way(way);
            match outcome {
                Err(Halt::Error(error)) => return Err(Halt::Error(error)),
                Err(Halt::Enough) => return Ok(()),
                Ok(()) | Err(Halt::Unknown) => frame.undo(mark),
            }
            // In doubt, nobody knows whether an `else` is reached.
            if any || self.doubts() != doubts {
                break;
            }
        }
        Ok(())
    }
}

fn same_origins(a: &[Option<Origin>], b: &[Option<Origin>]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            _ => false,
        })
}
