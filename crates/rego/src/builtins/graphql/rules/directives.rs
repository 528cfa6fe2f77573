//! Rules of directives: KnownDirectives, UniqueDirectivesPerLocation.

use super::super::ast::Directive;
use super::super::walk::{DirectiveAt, Walk};
use super::super::work::Step;
use std::collections::HashSet;

/// Directives in wrong places that are told already, by name, line and column.
#[derive(Default)]
pub struct State<'a> {
    misplaced: HashSet<(&'a str, i64, i64)>,
}

/// KnownDirectives: they are defined, and for where they stand.
pub fn known<'a>(walk: &mut Walk<'a>, at: DirectiveAt<'a>) -> Step {
    let name = at.directive.name.as_str();
    let Some(definition) = at.definition else {
        return walk.fault(at.directive.place, format!("Unknown directive \"@{name}\"."));
    };
    walk.work.spend(definition.locations.len())?;
    if definition.locations.iter().any(|location| location == at.location) {
        return Ok(());
    }
    let first = match at.directive.place {
        Some(place) => walk.state.directives.misplaced.insert((name, place.line, place.column)),
        None => true,
    };
    if first {
        let message = format!("Directive \"@{name}\" may not be used on {}.", at.location);
        walk.fault(at.directive.place, message)?;
    }
    Ok(())
}

/// UniqueDirectivesPerLocation. The library excepts a directive that is called `repeatable`, not those that are.
pub fn unique(walk: &mut Walk<'_>, directives: &[Directive]) -> Step {
    let mut seen = HashSet::new();
    for of in directives {
        if !seen.insert(of.name.as_str()) && of.name != "repeatable" {
            let message = format!("The directive \"@{}\" can only be used once at this location.", of.name);
            walk.fault(of.place, message)?;
        }
    }
    Ok(())
}
