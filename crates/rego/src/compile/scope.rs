//! The scopes of names within a rule or query: what is declared where, what a name means, and what nothing uses.

use super::ir::Slot;
use super::lower::Lower;
use super::members::Meaning;
use super::names::Global;
use super::stage::Stage;
use crate::ast::{self, Location, Name};
use crate::error::Code;
use std::collections::{HashMap, HashSet};

/// Names declared in one body (or by arguments).
#[derive(Default)]
pub(super) struct Scope {
    pub declared: HashMap<Name, (Slot, How)>,
    /// Named by what the body declares: not what they mean outside, even before or if they are not declared.
    pub own: HashSet<Name>,
    /// Used before being declared.
    pub seen: HashSet<Name>,
    /// By `some` (when strict, by `:=` too), and where; not used yet.
    pub unused: Vec<(Name, Location, How)>,
}

/// How a name was declared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Argument,
    Assigned,
    /// By `some`.
    Declared,
    /// By `every`, for its body.
    Each,
}

impl Lower<'_> {
    /// Enters the scope of arguments.
    pub fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Leaves a scope.
    pub fn leave(&mut self) {
        let unused = self.scopes.pop().map(|scope| scope.unused).unwrap_or_default();
        if self.errors.until(Stage::Locals) {
            return;
        }
        let assigned = unused.iter().any(|(_, _, how)| *how == How::Assigned);
        for (name, location, how) in unused {
            let what = match how {
                How::Assigned => "assigned",
                // Said only where there is nothing else to say.
                _ if assigned => continue,
                _ => "declared",
            };
            self.error(Stage::Locals, Code::Compile, format!("{what} var {name} unused"), location);
        }
    }

    /// The variables of a query, after its body: those with names, each once.
    pub fn query_vars(&self) -> Vec<(Name, Slot)> {
        let declared = self.scopes.iter().flat_map(|scope| &scope.declared).map(|(name, (slot, _))| (name, slot));
        let mut vars: Vec<_> = declared
            .chain(&self.free)
            .filter(|(name, _)| !name.starts_with('$'))
            .map(|(name, slot)| (name.clone(), *slot))
            .collect();
        vars.sort();
        vars
    }

    /// Declares a name in the innermost scope.
    pub fn declare(&mut self, name: &Name, how: How) -> Slot {
        if let Some((slot, _)) = self.scopes.last().and_then(|scope| scope.declared.get(name)) {
            return *slot;
        }
        self.slots.push(name.clone());
        let slot = self.slots.len() - 1;
        self.places.declared.insert(slot);
        if let Some(scope) = self.scopes.last_mut() {
            scope.declared.insert(name.clone(), (slot, how));
        }
        slot
    }

    /// Whether a name is declared in a body (or by arguments).
    pub fn is_local(&self, name: &Name) -> bool {
        self.scopes.iter().any(|scope| scope.declared.contains_key(name))
    }

    /// Why a name cannot be declared in the innermost scope.
    pub(super) fn declared_above(&self, name: &Name) -> Option<String> {
        let (last, outer) = self.scopes.split_last()?;
        // Arguments are of the body's own scope, and so is what an `every` declares.
        let around = outer.last().and_then(|scope| scope.declared.get(name));
        let around = around.filter(|(_, how)| *how == How::Each || *how == How::Argument && outer.len() == 1);
        match last.declared.get(name).or(around) {
            Some((_, How::Argument)) => Some(format!("arg {name} redeclared")),
            Some((_, How::Assigned)) => Some(format!("var {name} assigned above")),
            Some((_, How::Declared | How::Each)) => Some(format!("var {name} declared above")),
            None if self.is_referenced(last, name) => Some(format!("var {name} referenced above")),
            None => None,
        }
    }

    /// Whether a body has named something that was not declared, a root by what is below it too.
    fn is_referenced(&self, scope: &Scope, name: &Name) -> bool {
        let below = |seen: &Name| self.global(seen).is_some_and(|global| global.parts().0 == &**name);
        scope.seen.contains(name) || super::declared::is_root(name) && scope.seen.iter().any(below)
    }

    /// Declares each variable of a pattern.
    pub fn declare_pattern(&mut self, term: &ast::Term, how: How) {
        super::declared::pattern(term, &mut |name| {
            if name.starts_with('$') {
                return;
            }
            if how != How::Argument
                && let Some(message) = self.declared_above(name)
            {
                self.error(Stage::Locals, Code::Compile, message, term.location);
            }
            self.declare(name, how);
        });
    }

    /// What a name means here: a slot, or what it leads to outside.
    pub(super) fn name(&mut self, name: &Name) -> Result<Slot, Global> {
        for scope in self.scopes.iter_mut().rev() {
            if let Some((slot, how)) = scope.declared.get(name) {
                if *how == How::Argument && self.strict {
                    self.used_args.insert(name.clone());
                }
                scope.unused.retain(|(unused, ..)| unused != name);
                return Ok(*slot);
            }
        }
        self.mention(name);
        if let Some(global) = self.global(name) {
            return Err(global);
        }
        if let Some(slot) = self.free.get(name) {
            return Ok(*slot);
        }
        self.slots.push(name.clone());
        self.free.insert(name.clone(), self.slots.len() - 1);
        Ok(self.slots.len() - 1)
    }

    /// Notes that a body names what it has not declared.
    pub(super) fn mention(&mut self, name: &Name) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.seen.insert(name.clone());
        }
    }

    /// What a name that is not declared leads to outside.
    pub(super) fn global(&self, name: &Name) -> Option<Global> {
        let own = self.scopes.iter().any(|scope| scope.own.contains(name));
        if own { None } else { self.names.global(name) }
    }

    /// What a name means, without having used it; variables that are declared have OPA's names, so far as they are compared.
    pub(super) fn meaning(&self, name: &Name) -> Meaning {
        let declared = self.scopes.iter().rev().find_map(|scope| scope.declared.get(name));
        match (declared, self.global(name)) {
            (Some((slot, _)), _) => Meaning::Var(format!("__local{slot:06}__")),
            (None, Some(global)) => Meaning::Document(global),
            (None, None) => Meaning::Var(name.to_string()),
        }
    }

    /// Notes that nothing uses the variables of a pattern yet.
    pub(super) fn assigned(&mut self, pattern: &ast::Term, location: Location) {
        let Some(scope) = self.scopes.last_mut() else { return };
        super::declared::pattern(pattern, &mut |name| {
            if !name.starts_with('$') {
                scope.unused.push((name.clone(), location, How::Assigned));
            }
        });
    }
}
