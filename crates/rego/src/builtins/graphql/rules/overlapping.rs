//! OverlappingFieldsCanBeMerged: fields of one selection with the same name in the answer mean the same, through fragments
//! and all levels. Every two fields are compared, and every selection with every fragment that is spread in the other;
//! pairs of fragments are remembered. What this leaves of repetition (it can be exponential) the steps bound.

use super::super::ast::{Argument, Definition, DefinitionKind, FragmentSpread, Selection, Type};
use super::super::fault::Place;
use super::super::walk::{FieldAt, Walk};
use super::super::work::{Step, Stop};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What is compared already.
#[derive(Default)]
pub struct State<'a> {
    /// Pairs of fragments; whether the comparison took their fields to exclude each other.
    pairs: HashMap<(&'a str, &'a str), bool>,
    /// Fragments that the fields at hand are compared with.
    compared: HashSet<&'a str>,
    /// The fields of selections, by the address of the selection: a selection has one parent only.
    collected: HashMap<*const Selection, Rc<Collected<'a>>>,
}

/// The fields and the spreads of a selection, those in inline fragments included.
#[derive(Default)]
struct Collected<'a> {
    /// By name in the answer, in the order of the first.
    fields: Vec<(&'a str, Vec<FieldAt<'a>>)>,
    index: HashMap<&'a str, usize>,
    spreads: Vec<&'a FragmentSpread>,
}

impl<'a> Collected<'a> {
    fn push(&mut self, at: FieldAt<'a>) {
        let name = at.field.response_name();
        let i = *self.index.entry(name).or_insert_with(|| {
            self.fields.push((name, Vec::new()));
            self.fields.len() - 1
        });
        if let Some((_, fields)) = self.fields.get_mut(i) {
            fields.push(at);
        }
    }

    fn named(&self, name: &str) -> &[FieldAt<'a>] {
        self.index.get(name).and_then(|i| self.fields.get(*i)).map(|(_, fields)| fields.as_slice()).unwrap_or_default()
    }

    /// Whether both are the same fields of the document.
    fn same(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|((name, mine), (their_name, theirs))| {
                name == their_name
                    && mine.len() == theirs.len()
                    && mine.iter().zip(theirs).all(|(mine, theirs)| std::ptr::eq(mine.field, theirs.field))
            })
    }
}

/// Two fields that cannot be merged.
struct Conflict<'a> {
    name: &'a str,
    reason: Reason<'a>,
    place: Option<Place>,
}

enum Reason<'a> {
    Own(String),
    /// Fields in them.
    Inner(Vec<Conflict<'a>>),
}

/// The rule for one selection.
pub fn check<'a>(walk: &mut Walk<'a>, parent: Option<&'a Definition>, selections: &'a [Selection]) -> Step {
    if selections.is_empty() {
        return Ok(());
    }
    for conflict in within(walk, parent, selections)? {
        let message = format!(
            "Fields \"{}\" conflict because {}. Use different aliases on the fields to fetch both if this was intentional.",
            conflict.name,
            text(walk, &conflict)?
        );
        walk.fault(conflict.place, message)?;
    }
    Ok(())
}

fn text(walk: &mut Walk<'_>, conflict: &Conflict<'_>) -> Result<String, Stop> {
    walk.work.spend(1)?;
    Ok(match &conflict.reason {
        Reason::Own(text) => text.clone(),
        Reason::Inner(conflicts) => {
            let mut parts = Vec::new();
            for inner in conflicts {
                let reason = text(walk, inner)?;
                walk.work.spend(reason.len() / 16)?;
                parts.push(format!("subfields \"{}\" conflict because {reason}", inner.name));
            }
            parts.join(" and ")
        }
    })
}

fn collect<'a>(
    walk: &mut Walk<'a>,
    parent: Option<&'a Definition>,
    selections: &'a [Selection],
) -> Result<Rc<Collected<'a>>, Stop> {
    let Some(first) = selections.first() else { return Ok(Rc::default()) };
    let address: *const Selection = first;
    if let Some(found) = walk.state.overlapping.collected.get(&address) {
        return Ok(found.clone());
    }
    let mut collected = Collected::default();
    add(walk, parent, selections, &mut collected)?;
    let collected = Rc::new(collected);
    walk.state.overlapping.collected.insert(address, collected.clone());
    Ok(collected)
}

fn add<'a>(
    walk: &mut Walk<'a>,
    parent: Option<&'a Definition>,
    selections: &'a [Selection],
    to: &mut Collected<'a>,
) -> Step {
    walk.work.enter()?;
    for selection in selections {
        walk.work.spend(1)?;
        match selection {
            Selection::Field(field) => {
                walk.work.spend(parent.map_or(0, |parent| parent.fields.len() / 4))?;
                to.push(FieldAt { field, parent, definition: walk.field_definition(parent, &field.name) });
            }
            Selection::Inline(inline) => {
                let inner = if inline.condition.is_empty() { parent } else { walk.schema.get(&inline.condition) };
                add(walk, inner, &inline.selections, to)?;
            }
            Selection::Spread(spread) => to.spreads.push(spread),
        }
    }
    walk.work.leave();
    Ok(())
}

/// The fields of a fragment; none of one that is unknown, or not come to yet.
fn of_fragment<'a>(walk: &mut Walk<'a>, spread: &FragmentSpread) -> Result<Option<Rc<Collected<'a>>>, Stop> {
    match walk.fragment_met(spread) {
        Some(fragment) => {
            let parent = walk.schema.get(&fragment.condition);
            Ok(Some(collect(walk, parent, &fragment.selections)?))
        }
        None => Ok(None),
    }
}

fn within<'a>(
    walk: &mut Walk<'a>,
    parent: Option<&'a Definition>,
    selections: &'a [Selection],
) -> Result<Vec<Conflict<'a>>, Stop> {
    let own = collect(walk, parent, selections)?;
    let mut conflicts = Vec::new();
    for (_, fields) in &own.fields {
        for (i, a) in fields.iter().enumerate() {
            for b in fields.iter().skip(i + 1) {
                conflicts.extend(between_fields(walk, false, *a, *b)?);
            }
        }
    }
    walk.state.overlapping.compared.clear();
    for (i, a) in own.spreads.iter().enumerate() {
        with_fragment(walk, &mut conflicts, false, &own, a)?;
        for b in own.spreads.iter().skip(i + 1) {
            between_fragments(walk, &mut conflicts, false, a, b)?;
        }
    }
    Ok(conflicts)
}

/// Compares fields with those of a fragment and of the fragments in it.
fn with_fragment<'a>(
    walk: &mut Walk<'a>,
    conflicts: &mut Vec<Conflict<'a>>,
    exclusive: bool,
    fields: &Rc<Collected<'a>>,
    spread: &'a FragmentSpread,
) -> Step {
    walk.work.spend(1)?;
    if !walk.state.overlapping.compared.insert(&spread.name) {
        return Ok(());
    }
    let Some(other) = of_fragment(walk, spread)? else { return Ok(()) };
    walk.work.enter()?;
    walk.work.spend(fields.fields.len())?;
    if !fields.same(&other) {
        between(walk, conflicts, exclusive, fields, &other)?;
        for inner in other.spreads.iter().filter(|inner| inner.name != spread.name) {
            with_fragment(walk, conflicts, exclusive, fields, inner)?;
        }
    }
    walk.work.leave();
    Ok(())
}

fn between_fragments<'a>(
    walk: &mut Walk<'a>,
    conflicts: &mut Vec<Conflict<'a>>,
    exclusive: bool,
    a: &'a FragmentSpread,
    b: &'a FragmentSpread,
) -> Step {
    walk.work.spend(1)?;
    if a.name == b.name {
        return Ok(());
    }
    let pairs = &mut walk.state.overlapping.pairs;
    // A comparison of fields that do not exclude each other covers one of fields that do.
    if pairs.get(&(a.name.as_str(), b.name.as_str())).is_some_and(|known| exclusive || !known) {
        return Ok(());
    }
    pairs.insert((&a.name, &b.name), exclusive);
    pairs.insert((&b.name, &a.name), exclusive);
    let (Some(fields_a), Some(fields_b)) = (of_fragment(walk, a)?, of_fragment(walk, b)?) else { return Ok(()) };
    walk.work.enter()?;
    between(walk, conflicts, exclusive, &fields_a, &fields_b)?;
    for inner in &fields_b.spreads {
        between_fragments(walk, conflicts, exclusive, a, inner)?;
    }
    for inner in &fields_a.spreads {
        between_fragments(walk, conflicts, exclusive, inner, b)?;
    }
    walk.work.leave();
    Ok(())
}

/// Compares all fields of the same name.
fn between<'a>(
    walk: &mut Walk<'a>,
    conflicts: &mut Vec<Conflict<'a>>,
    exclusive: bool,
    a: &Collected<'a>,
    b: &Collected<'a>,
) -> Step {
    walk.work.spend(1 + a.fields.len())?;
    for (name, fields) in &a.fields {
        for field in fields {
            for other in b.named(name) {
                conflicts.extend(between_fields(walk, exclusive, *field, *other)?);
            }
        }
    }
    Ok(())
}

fn between_fields<'a>(
    walk: &mut Walk<'a>,
    exclusive: bool,
    a: FieldAt<'a>,
    b: FieldAt<'a>,
) -> Result<Option<Conflict<'a>>, Stop> {
    walk.work.spend(1)?;
    let (Some(parent_a), Some(parent_b)) = (a.parent, b.parent) else { return Ok(None) };
    if ![a, b].iter().all(|at| walk.met_fields.contains(&std::ptr::from_ref(at.field))) {
        return Ok(None);
    }
    // Fields of different objects never meet in one answer.
    let objects = parent_a.kind == DefinitionKind::Object && parent_b.kind == DefinitionKind::Object;
    let defined = a.definition.is_some() && b.definition.is_some();
    let exclusive = exclusive || objects && defined && parent_a.name != parent_b.name;
    let conflict = |reason| Ok(Some(Conflict { name: a.field.response_name(), reason, place: b.field.place }));
    if !exclusive {
        if a.field.name != b.field.name {
            let text = format!("\"{}\" and \"{}\" are different fields", a.field.name, b.field.name);
            return conflict(Reason::Own(text));
        }
        walk.work.spend(a.field.arguments.len() * b.field.arguments.len())?;
        if !same_arguments(&a.field.arguments, &b.field.arguments) {
            return conflict(Reason::Own("they have differing arguments".to_owned()));
        }
    }
    if let (Some(of_a), Some(of_b)) = (a.definition, b.definition)
        && types_conflict(walk, &of_a.of, &of_b.of)
    {
        let text = format!("they return conflicting types \"{}\" and \"{}\"", of_a.of, of_b.of);
        return conflict(Reason::Own(text));
    }
    walk.work.enter()?;
    let inner = between_selections(walk, exclusive, a, b)?;
    walk.work.leave();
    if inner.is_empty() { Ok(None) } else { conflict(Reason::Inner(inner)) }
}

/// Compares what is selected in two fields.
fn between_selections<'a>(
    walk: &mut Walk<'a>,
    exclusive: bool,
    a: FieldAt<'a>,
    b: FieldAt<'a>,
) -> Result<Vec<Conflict<'a>>, Stop> {
    let mut conflicts = Vec::new();
    let [a, b] = [a, b].map(|at| {
        let parent = at.definition.and_then(|of| walk.schema.get(of.of.name()));
        collect(walk, parent, &at.field.selections)
    });
    let (a, b) = (a?, b?);
    between(walk, &mut conflicts, exclusive, &a, &b)?;
    for spread in &b.spreads {
        walk.state.overlapping.compared.clear();
        with_fragment(walk, &mut conflicts, exclusive, &a, spread)?;
    }
    for spread in &a.spreads {
        walk.state.overlapping.compared.clear();
        with_fragment(walk, &mut conflicts, exclusive, &b, spread)?;
    }
    for spread in &a.spreads {
        for other in &b.spreads {
            between_fragments(walk, &mut conflicts, exclusive, spread, other)?;
        }
    }
    Ok(conflicts)
}

/// Arguments are the same by name and text; what is in lists and objects is not looked at.
fn same_arguments(a: &[Argument], b: &[Argument]) -> bool {
    let same = |a: &Argument, b: &Argument| match (&a.value, &b.value) {
        (Some(x), Some(y)) => a.name == b.name && x.kind == y.kind && x.raw == y.raw,
        _ => false,
    };
    a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| same(a, b)))
}

fn types_conflict(walk: &Walk<'_>, a: &Type, b: &Type) -> bool {
    match (&a.item, &b.item) {
        (Some(a), Some(b)) => return types_conflict(walk, a, b),
        (None, None) => {}
        _ => return true,
    }
    if a.non_null != b.non_null {
        return true;
    }
    match (walk.schema.get(&a.named), walk.schema.get(&b.named)) {
        (Some(a), Some(b)) => a.is_leaf() && b.is_leaf() && a.name != b.name,
        _ => false,
    }
}
