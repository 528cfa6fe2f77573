//! What `with` replaces, and with what.

use super::ir::{Callee, Expr, With};
use super::lower::Lower;
use super::names::Global;
use super::stages::Stage;
use crate::ast::{self, TermKind};
use crate::error::Code;

impl Lower<'_> {
    /// A `with`; its value is found before.
    pub fn with(&mut self, with: &ast::With, out: &mut Vec<Expr>) -> Option<With> {
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
                    self.error(Stage::With, Code::Compile, "with keyword target must be ground", with.location);
                    return None;
                }
            }
        }
        let target =
            ast::Ref { head: Box::new(ast::Term::new(with.target.location, TermKind::Var(head.clone()))), path: rest };
        if let Ok(callee) = self.callee(&target) {
            if let Some(why) = irreplaceable(&callee) {
                let message = format!("with keyword replacing built-in function: {why}");
                self.error(Stage::With, Code::Compile, message, with.target.location);
            }
            let replacement = match &with.value.kind {
                TermKind::Var(name) => Some(ast::Ref {
                    head: Box::new(ast::Term::new(with.location, TermKind::Var(name.clone()))),
                    path: Vec::new(),
                }),
                TermKind::Ref(r) => Some(r.clone()),
                _ => None,
            };
            if let Some(Ok(other)) = replacement.map(|r| self.callee(&r)) {
                return Some(With::CallOther(callee.key(), other));
            }
            let value = self.term(&with.value, false, out);
            return Some(With::CallValue(callee.key(), value));
        }
        let value = self.term(&with.value, false, out);
        match self.names.global(&head) {
            Some(Global::Input(mut whole)) => {
                whole.extend(path);
                Some(With::Input(whole, value))
            }
            Some(Global::Data(mut whole)) => {
                whole.extend(path);
                let node = self.tree.find(&whole);
                Some(With::Data(whole, node, value))
            }
            None => {
                let message = "with keyword target must reference existing input, data, or a function";
                self.error(Stage::With, Code::Type, message, with.location);
                None
            }
        }
    }
}

/// Why a builtin cannot be replaced.
fn irreplaceable(callee: &Callee) -> Option<String> {
    match callee {
        Callee::Walk => Some("target must not be a relation".to_owned()),
        Callee::Builtin(builtin) if builtin.name == "eq" || builtin.name.starts_with("rego.metadata.") => {
            Some(format!("replacement of \"{}\" invalid", builtin.name))
        }
        Callee::Builtin(builtin) if builtin.name.starts_with("internal.") => {
            Some(format!("replacement of internal function \"{}\" invalid", builtin.name))
        }
        _ => None,
    }
}
