//! The type checker: types of rules in the order of their dependencies, and what in their bodies can never be.

mod body;
mod calls;
mod documents;
mod message;
mod refs;
mod told;
mod unify;

pub use body::Checker;
pub use documents::Documents;

use super::ir::{Clause, Expr, Kind, NodeId, Places, Rule, Slot, Term};
use super::tree::Tree;
use crate::ast::{Name, Source};
use crate::error::Error;
use crate::types::Type;

/// Checks rules, those of the nodes that others need first, and gives the types of documents.
pub fn rules(tree: &Tree, rules: &[Rule], order: &[NodeId], sources: &[Source], errors: &mut Vec<Error>) -> Documents {
    let mut documents = Documents::new(tree);
    for node in order {
        let at = &tree.nodes[*node];
        for index in at.rules.iter().chain(&at.default) {
            let Some(rule) = rules.get(*index) else { continue };
            let source = sources.iter().find(|source| source.index == rule.location.file);
            let mut slots = Checker::unknown(tree, &rule.slots, &rule.places);
            for clause in &rule.clauses {
                let of_rule = (rule.slots.as_slice(), &rule.places);
                let mut checker = Checker::again(tree, &documents, source, of_rule, true, slots);
                checker.body(&clause.body);
                if !checker.errors.is_empty() {
                    errors.append(&mut checker.errors);
                    slots = checker.give_back();
                    match rule.suffix.is_empty() {
                        true => documents.unchecked(tree, *node),
                        false => documents.touch(tree, *node),
                    }
                    continue;
                }
                let of = clause_type(&mut checker, rule, clause);
                slots = checker.give_back();
                match of {
                    Type::Unknown => {}
                    // Members of sets at places that are known only when evaluated.
                    Type::Set(_) if !rule.suffix.is_empty() && rule.kind == Kind::Set => documents.touch(tree, *node),
                    of => documents.insert(tree, *node, &of),
                }
            }
        }
    }
    documents
}

/// What one clause of a rule makes of its document.
fn clause_type(checker: &mut Checker<'_>, rule: &Rule, clause: &Clause) -> Type {
    match rule.kind {
        Kind::Function => {
            rule.args.iter().for_each(|arg| checker.unbound_are_any(arg));
            let args = rule.args.iter().map(|arg| checker.of(arg)).collect();
            Type::function(args, checker.of(&clause.value))
        }
        Kind::Set => match checker.of(&clause.value) {
            Type::Unknown => Type::Unknown,
            of => Type::set(of),
        },
        Kind::Value => rule.suffix.iter().rev().fold(checker.of(&clause.value), |of, key| {
            let key = checker.of(key);
            if of == Type::Unknown || key == Type::Unknown {
                return Type::Unknown;
            }
            Type::object(Vec::new(), Some((key, of)))
        }),
    }
}

/// Checks a query.
pub fn query(
    tree: &Tree,
    documents: &Documents,
    body: &[Expr],
    (slots, places): (&[Name], &Places),
    source: &Source,
) -> Vec<Error> {
    let mut checker = Checker::new(tree, documents, Some(source), (slots, places), false);
    checker.body(body);
    checker.errors
}

/// All slots of a term, those of patterns within patterns included.
fn slots_of(term: &Term, each: &mut dyn FnMut(Slot)) {
    match term {
        Term::Var(slot) => each(*slot),
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|item| slots_of(item, each)),
        Term::Object(items) => items.iter().for_each(|(key, value)| {
            slots_of(key, each);
            slots_of(value, each);
        }),
        Term::Const(_) | Term::Ref(_) | Term::Comp(_) => {}
    }
}
