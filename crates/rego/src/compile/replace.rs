//! `with`: what may be replaced, and by what.

use super::ir::{Callee, Expr, With};
use super::lower::Lower;
use super::names::Global;
use super::stage::Stage;
use super::tree::ROOT;
use crate::ast::{self, TermKind};
use crate::error::Code;
use crate::value::Value;

const REPLACING: &str = "with keyword replacing built-in function:";

impl Lower<'_> {
    /// Notes that a body names what a `with` replaces.
    pub(super) fn mention_target(&mut self, with: &ast::With) {
        match &with.target.kind {
            TermKind::Var(name) => self.mention(name),
            TermKind::Ref(r) => self.mention_operator(r),
            _ => {}
        }
    }

    /// A `with`, or none if it is wrong; what its value looks up comes after the calls in those of all `with`s of the
    /// expression.
    pub(super) fn with(&mut self, with: &ast::With, out: &mut Vec<Expr>) -> Option<With> {
        let (head, rest) = match &with.target.kind {
            TermKind::Var(name) => (name.clone(), Vec::new()),
            TermKind::Ref(r) => (r.head.as_var()?.clone(), r.path.clone()),
            _ => return None,
        };
        let mut path = Vec::new();
        for term in &rest {
            match &term.kind {
                TermKind::Scalar(value) => path.push(value.clone()),
                _ => {
                    self.error(Stage::With, Code::Compile, "with keyword target must be ground", with.target.location);
                    return None;
                }
            }
        }
        let target =
            ast::Ref { head: Box::new(ast::Term::new(with.target.location, TermKind::Var(head.clone()))), path: rest };
        if let Some(name @ ("eq" | "rego.metadata.chain" | "rego.metadata.rule")) = target.dotted().as_deref() {
            let message = format!("{REPLACING} replacement of \"{name}\" invalid");
            self.error(Stage::With, Code::Compile, message, with.target.location);
            return None;
        }
        if target.dotted().as_deref() == Some("print") {
            let message = format!("{REPLACING} target must not be a void function");
            self.error(Stage::With, Code::Compile, message, with.target.location);
            return None;
        }
        if let Ok(callee) = self.callee(&target) {
            if let Some(message) = irreplaceable(&callee) {
                self.error(Stage::With, Code::Compile, message, with.target.location);
                return None;
            }
            let replacement = match &with.value.kind {
                TermKind::Var(name) => Some(ast::Ref {
                    head: Box::new(ast::Term::new(with.location, TermKind::Var(name.clone()))),
                    path: Vec::new(),
                }),
                TermKind::Ref(r) => Some(r.clone()),
                _ => None,
            };
            if let Some(operator) = replacement
                && let Ok(other) = self.callee(&operator)
            {
                self.mention_operator(&operator);
                return Some(With::CallOther(callee.key(), other));
            }
            let value = self.head(&with.value, out);
            return Some(With::CallValue(callee.key(), value));
        }
        let value = self.head(&with.value, out);
        match self.global(&head) {
            Some(Global::Input(mut whole)) => {
                whole.extend(path);
                Some(With::Input(whole, value))
            }
            Some(Global::Data(mut whole)) => {
                whole.extend(path);
                if self.below_rule(&whole) {
                    let message = "with keyword cannot partially replace virtual document(s)";
                    self.error(Stage::With, Code::Compile, message, with.target.location);
                    return None;
                }
                let node = self.tree.find(&whole);
                Some(With::Data(whole, node, value))
            }
            None => {
                let message = "with keyword target must reference existing input, data, or a function";
                self.error(Stage::With, Code::Type, message, with.target.location);
                None
            }
        }
    }

    /// Whether a rule stands above a path.
    fn below_rule(&self, path: &[Value]) -> bool {
        let mut node = ROOT;
        for key in path.iter().take(path.len().saturating_sub(1)) {
            match self.tree.nodes[node].children.get(key) {
                Some(child) if self.tree.nodes[*child].ruled => return true,
                Some(child) => node = *child,
                None => return false,
            }
        }
        false
    }
}

/// Why a builtin cannot be replaced.
fn irreplaceable(callee: &Callee) -> Option<String> {
    match callee {
        Callee::Function(_) | Callee::Host(_) => None,
        Callee::Walk => Some(format!("{REPLACING} target must not be a relation")),
        Callee::Builtin(builtin) if builtin.name.starts_with("internal.") => {
            Some(format!("{REPLACING} replacement of internal function \"{}\" invalid", builtin.name))
        }
        Callee::Builtin(_) => None,
    }
}
