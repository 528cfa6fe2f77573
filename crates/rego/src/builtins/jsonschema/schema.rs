//! A compiled schema: all its parts by index, so that references may be circular.

use crate::goregex::Pattern;
use crate::number::Number;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part's index.
pub(super) type Id = usize;

/// The root is the first.
pub(super) type Schemas = Vec<Schema>;

/// What holds for items or properties that no schema names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extra {
    Allowed(bool),
    Schema(Id),
}

/// What a property's presence asks for.
#[derive(Clone, Debug)]
pub(super) enum Dependency {
    Properties(Vec<String>),
    Schema(Id),
}

/// An inclusive pair of bounds on a count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub min: Option<i64>,
    pub max: Option<i64>,
}

/// One schema. What is absent in it, is here.
#[derive(Clone, Debug, Default)]
pub(super) struct Schema {
    /// The schemas `true` and `false`.
    pub pass: Option<bool>,
    /// Everything else is that schema's.
    pub reference: Option<Id>,
    pub types: Vec<&'static str>,
    pub properties: Vec<(String, Id)>,
    pub additional_properties: Option<Extra>,
    pub pattern_properties: Vec<(Arc<Pattern>, Id)>,
    pub property_names: Option<Id>,
    pub dependencies: BTreeMap<String, Dependency>,
    pub items: Vec<Id>,
    /// `items` is one schema for all of them, not a list.
    pub items_single: bool,
    pub additional_items: Option<Extra>,
    pub contains: Option<Id>,
    pub unique_items: bool,
    pub item_count: Bounds,
    pub property_count: Bounds,
    pub length: Bounds,
    pub required: Vec<String>,
    pub multiple_of: Option<Number>,
    pub minimum: Option<Number>,
    pub exclusive_minimum: Option<Number>,
    pub maximum: Option<Number>,
    pub exclusive_maximum: Option<Number>,
    pub format: Option<String>,
    /// Canonical JSON.
    pub constant: Option<String>,
    /// Canonical JSON.
    pub enumeration: Vec<String>,
    pub one_of: Vec<Id>,
    pub any_of: Vec<Id>,
    pub all_of: Vec<Id>,
    pub not: Option<Id>,
    pub when: Option<Id>,
    pub then: Option<Id>,
    pub otherwise: Option<Id>,
}
