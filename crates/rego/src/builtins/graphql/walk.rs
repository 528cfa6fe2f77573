//! The walk of a query along a schema: every operation and fragment, through the fragments that are spread, with what the
//! schema says of each node. The rules are called as the library calls its own: a node's after its parts', in the order of
//! the rules' names, which is the order of the faults.

use super::ast::{
    Argument, ArgumentDefinition, Definition, Directive, DirectiveDefinition, Field, FieldDefinition,
    FragmentDefinition, FragmentSpread, InlineFragment, Literal, LiteralKind, OperationDefinition, QueryDocument,
    Selection, Type, VariableDefinition, argument_definition,
};
use super::fault::{Fault, Place};
use super::rules::{self, State};
use super::schema::Schema;
use super::work::{Step, Stop, Work};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A field where it stands: in a selection on `parent`.
#[derive(Clone, Copy, Debug)]
pub struct FieldAt<'a> {
    pub field: &'a Field,
    pub parent: Option<&'a Definition>,
    pub definition: Option<&'a FieldDefinition>,
}

/// A directive where it stands.
#[derive(Clone, Copy, Debug)]
pub struct DirectiveAt<'a> {
    pub directive: &'a Directive,
    pub definition: Option<&'a DirectiveDefinition>,
    pub location: &'static str,
}

/// What is expected where a literal stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    pub of: Option<&'a Type>,
    pub definition: Option<&'a Definition>,
    pub has_default: bool,
}

impl<'a> Expected<'a> {
    fn new(schema: &'a Schema, of: &'a Type, default: Option<&Literal>) -> Self {
        let has_default = default.is_some_and(|default| default.kind != LiteralKind::Null);
        Self { of: Some(of), definition: schema.get(of.name()), has_default }
    }
}

/// A validation under way.
pub struct Walk<'a> {
    pub schema: &'a Schema,
    pub document: &'a QueryDocument,
    pub work: &'a mut Work,
    pub faults: Vec<Fault>,
    pub state: State<'a>,
    /// The operation that is walked; none while fragments are walked for themselves.
    pub operation: Option<&'a OperationDefinition>,
    /// The operation's variables that are used, by their number.
    pub used: HashSet<usize>,
    /// The fields and spreads that the walk has come to. Where fragments are spread in themselves the library compares
    /// fields before it has come to all of them, and passes over the others.
    pub met_fields: HashSet<*const Field>,
    pub met_spreads: HashSet<*const FragmentSpread>,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    /// The fragments walked for this operation or fragment.
    walked: HashSet<&'a str>,
    /// The fragment that is walked, and for each the last operation that it was walked for: there its variables are
    /// looked up while it is walked for itself.
    fragment: Option<&'a str>,
    walked_for: HashMap<&'a str, &'a OperationDefinition>,
}

/// All faults of a query, in the library's order. Where that takes too long and fragments are spread in themselves (the
/// library can run until its stack is full), there are only the faults that say so.
pub fn validate(schema: &Schema, document: &QueryDocument, work: &mut Work) -> Result<Vec<Fault>, Stop> {
    let mut walk = Walk::new(schema, document, work);
    match walk.document() {
        Ok(()) | Err(Stop::FaultsAbound) => Ok(walk.faults),
        Err(stop) => {
            let mut more = Work::default();
            let mut walk = Walk::new(schema, document, &mut more);
            let searched = document.fragments.iter().try_for_each(|fragment| rules::no_cycles(&mut walk, fragment));
            if searched.is_ok() && !walk.faults.is_empty() { Ok(walk.faults) } else { Err(stop) }
        }
    }
}

impl<'a> Walk<'a> {
    fn new(schema: &'a Schema, document: &'a QueryDocument, work: &'a mut Work) -> Self {
        let mut fragments = HashMap::new();
        for fragment in &document.fragments {
            fragments.entry(fragment.name.as_str()).or_insert(fragment);
        }
        Self {
            schema,
            document,
            work,
            faults: Vec::new(),
            state: State::default(),
            operation: None,
            used: HashSet::new(),
            met_fields: HashSet::new(),
            met_spreads: HashSet::new(),
            fragments,
            walked: HashSet::new(),
            fragment: None,
            walked_for: HashMap::new(),
        }
    }

    /// Adds a fault.
    pub fn fault(&mut self, place: Option<Place>, message: String) -> Step {
        let length = message.len();
        // Kept whatever its length: there must be no answer without it.
        self.faults.push(Fault { place, message });
        self.work.fault(length)
    }

    /// The fragment of a name; the first of several.
    pub fn fragment_of(&self, name: &str) -> Option<&'a FragmentDefinition> {
        self.fragments.get(name).copied()
    }

    /// The fragment of a spread that the walk has come to.
    pub fn fragment_met(&self, spread: &FragmentSpread) -> Option<&'a FragmentDefinition> {
        if self.met_spreads.contains(&std::ptr::from_ref(spread)) { self.fragment_of(&spread.name) } else { None }
    }

    /// The variable of a name where the walk is.
    pub fn variable(&self, name: &str) -> Option<&'a VariableDefinition> {
        let operation = self.operation.or_else(|| self.fragment.and_then(|name| self.walked_for.get(name).copied()))?;
        operation.variables.iter().find(|variable| variable.variable == name)
    }

    /// What a field of a type is defined as.
    pub fn field_definition(&self, parent: Option<&'a Definition>, name: &str) -> Option<&'a FieldDefinition> {
        static TYPENAME: LazyLock<FieldDefinition> = LazyLock::new(|| FieldDefinition {
            name: "__typename".to_owned(),
            of: Type { named: "String".to_owned(), ..Type::default() },
            ..FieldDefinition::default()
        });
        if name == "__typename" { Some(&TYPENAME) } else { parent?.field(name) }
    }

    fn document(&mut self) -> Step {
        for operation in &self.document.operations {
            self.walked.clear();
            self.used.clear();
            self.operation = Some(operation);
            self.operation(operation)?;
            self.operation = None;
        }
        for fragment in &self.document.fragments {
            self.walked.clear();
            self.fragment = Some(&fragment.name);
            let parent = self.schema.get(&fragment.condition);
            self.directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
            self.selections(parent, &fragment.selections)?;
            rules::fragment(self, fragment, parent)?;
            self.fragment = None;
        }
        Ok(())
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Step {
        for variable in &operation.variables {
            rules::variable(self, variable)?;
        }
        let location = match operation.operation.as_str() {
            "query" | "" => "QUERY",
            "mutation" => "MUTATION",
            "subscription" => "SUBSCRIPTION",
            other => return Err(Stop::Malformed(format!("got unknown operation type \"{other}\""))),
        };
        for (i, variable) in operation.variables.iter().enumerate() {
            if variable.used {
                self.used.insert(i);
            }
            if let Some(default) = &variable.default {
                let expected = Expected {
                    of: Some(&variable.of),
                    definition: self.schema.get(variable.of.name()),
                    has_default: default.has_default,
                };
                self.literal(default, expected)?;
            }
            self.directives(&variable.directives, "VARIABLE_DEFINITION")?;
        }
        self.directives(&operation.directives, location)?;
        self.selections(self.schema.root(&operation.operation), &operation.selections)?;
        rules::operation(self, operation)
    }

    fn selections(&mut self, parent: Option<&'a Definition>, selections: &'a [Selection]) -> Step {
        self.work.enter()?;
        for selection in selections {
            self.work.spend(1)?;
            match selection {
                Selection::Field(field) => self.field(parent, field)?,
                Selection::Spread(spread) => self.spread(parent, spread)?,
                Selection::Inline(inline) => self.inline(parent, inline)?,
            }
        }
        self.work.leave();
        Ok(())
    }

    fn field(&mut self, parent: Option<&'a Definition>, field: &'a Field) -> Step {
        self.work.spend(parent.map_or(0, |parent| parent.fields.len() / 4))?;
        let definition = self.field_definition(parent, &field.name);
        self.met_fields.insert(field);
        self.arguments(definition.map(|of| of.arguments.as_slice()), &field.arguments)?;
        self.directives(&field.directives, "FIELD")?;
        let inner = definition.and_then(|of| self.schema.get(of.of.name()));
        self.selections(inner, &field.selections)?;
        rules::field(self, FieldAt { field, parent, definition })
    }

    fn inline(&mut self, parent: Option<&'a Definition>, inline: &'a InlineFragment) -> Step {
        let inner = if inline.condition.is_empty() { parent } else { self.schema.get(&inline.condition) };
        self.directives(&inline.directives, "INLINE_FRAGMENT")?;
        self.selections(inner, &inline.selections)?;
        rules::inline(self, inline, parent, inner)
    }

    fn spread(&mut self, parent: Option<&'a Definition>, spread: &'a FragmentSpread) -> Step {
        self.met_spreads.insert(spread);
        self.directives(&spread.directives, "FRAGMENT_SPREAD")?;
        let fragment = self.fragment_of(&spread.name);
        if let Some(fragment) = fragment
            && self.walked.insert(&fragment.name)
        {
            if let Some(operation) = self.operation {
                self.walked_for.insert(&fragment.name, operation);
            }
            let outer = self.fragment.replace(&fragment.name);
            self.selections(self.schema.get(&fragment.condition), &fragment.selections)?;
            self.fragment = outer;
        }
        rules::spread(self, spread, fragment, parent)
    }

    fn directives(&mut self, directives: &'a [Directive], location: &'static str) -> Step {
        for directive in directives {
            let definition = self.schema.directive(&directive.name);
            self.arguments(definition.map(|of| of.arguments.as_slice()), &directive.arguments)?;
            rules::directive(self, DirectiveAt { directive, definition, location })?;
        }
        rules::directives(self, directives)
    }

    fn arguments(&mut self, definitions: Option<&'a [ArgumentDefinition]>, arguments: &'a [Argument]) -> Step {
        let definitions = definitions.unwrap_or_default();
        // The rules of arguments compare each with each, too.
        self.work.spend(arguments.len() * (1 + definitions.len()))?;
        for argument in arguments {
            let Some(value) = &argument.value else {
                return Err(Stop::Malformed("the AST object lacks a Value".to_owned()));
            };
            let expected = match argument_definition(definitions, &argument.name) {
                Some(of) => Expected::new(self.schema, &of.of, of.default.as_ref()),
                None => Expected { has_default: value.has_default, ..Expected::default() },
            };
            self.literal(value, expected)?;
        }
        Ok(())
    }

    fn literal(&mut self, literal: &'a Literal, expected: Expected<'a>) -> Step {
        self.work.enter()?;
        if let (LiteralKind::Variable, Some(operation)) = (literal.kind, self.operation) {
            self.work.spend(operation.variables.len() / 4)?;
            if let Some(i) = operation.variables.iter().position(|variable| variable.variable == literal.raw) {
                self.used.insert(i);
            }
        }
        if matches!(literal.kind, LiteralKind::List | LiteralKind::Object) {
            for child in &literal.children {
                let Some(value) = &child.value else {
                    return Err(Stop::Malformed("the AST object lacks a Value".to_owned()));
                };
                let unknown = Expected { has_default: value.has_default, ..Expected::default() };
                let inner = if literal.kind == LiteralKind::Object {
                    self.work.spend(expected.definition.map_or(0, |of| of.fields.len() / 4))?;
                    match expected.definition.and_then(|of| of.field(&child.name)) {
                        Some(field) => Expected::new(self.schema, &field.of, field.default.as_ref()),
                        None => unknown,
                    }
                } else {
                    match expected.of.and_then(|of| of.item.as_deref()) {
                        Some(item) => Expected { of: Some(item), definition: expected.definition, ..unknown },
                        None => unknown,
                    }
                };
                self.literal(value, inner)?;
            }
        }
        rules::literal(self, literal, expected)?;
        self.work.leave();
        Ok(())
    }
}
