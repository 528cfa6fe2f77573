//! A schema to validate against: definitions and the prelude's by name, extensions merged into them, and the roots of
//! operations. The checks of what is in the definitions are in `definitions`.

use super::ast::{
    ArgumentDefinition, Definition, DefinitionKind, DirectiveDefinition, FieldDefinition, SchemaDefinition,
    SchemaDocument, Type,
};
use super::definitions;
use super::fault::Fault;
use super::prelude;
use super::work::{Stop, Work};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A valid schema.
#[derive(Debug, Default)]
pub struct Schema {
    pub types: BTreeMap<String, Arc<Definition>>,
    pub directives: BTreeMap<String, Arc<DirectiveDefinition>>,
    /// The object types that a type can turn out to be, in the order of the definitions. Also what implements a name.
    possible: HashMap<String, Vec<String>>,
    /// Names of the root types.
    query: Option<String>,
    mutation: Option<String>,
    subscription: Option<String>,
}

/// Why a document is no schema.
#[derive(Clone, Debug)]
pub enum Refusal {
    Invalid(Fault),
    Stopped(Stop),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl Schema {
    /// The type of a name.
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.types.get(name).map(Arc::as_ref)
    }

    /// The directive of a name.
    pub fn directive(&self, name: &str) -> Option<&DirectiveDefinition> {
        self.directives.get(name).map(Arc::as_ref)
    }

    /// The names of the object types that a type can turn out to be.
    pub fn possible(&self, name: &str) -> &[String] {
        self.possible.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The root type of an operation; none of a kind of operation that there is not.
    pub fn root(&self, operation: &str) -> Option<&Definition> {
        let name = match operation {
            "query" | "" => &self.query,
            "mutation" => &self.mutation,
            "subscription" => &self.subscription,
            _ => return None,
        };
        name.as_deref().and_then(|name| self.get(name))
    }

    fn add_possible(&mut self, name: &str, of: &str) {
        self.possible.entry(name.to_owned()).or_default().push(of.to_owned());
    }

    fn set_roots(&mut self, definition: &SchemaDefinition) -> Result<(), Fault> {
        for entry in &definition.operations {
            if !self.types.contains_key(&entry.of) {
                let message =
                    format!("Schema root {} refers to a type {} that does not exist.", entry.operation, entry.of);
                return Err(Fault::of_schema(entry.place, message));
            }
            let root = match entry.operation.as_str() {
                "query" => &mut self.query,
                "mutation" => &mut self.mutation,
                "subscription" => &mut self.subscription,
                _ => continue,
            };
            *root = Some(entry.of.clone());
        }
        Ok(())
    }
}

/// Builds and checks a schema. The order of the checks decides which of several faults is told.
pub fn build(document: SchemaDocument, work: &mut Work) -> Result<Schema, Refusal> {
    let mut schema = Schema::default();
    let prelude = prelude::document();
    let mut order = Vec::new();
    for definition in prelude.definitions.iter().cloned().chain(document.definitions) {
        work.spend(1)?;
        if schema.types.contains_key(&definition.name) {
            let message = format!("Cannot redeclare type {}.", definition.name);
            return Err(Fault::of_schema(definition.place, message).into());
        }
        order.push(definition.name.clone());
        schema.types.insert(definition.name.clone(), definition);
    }
    extend(&mut schema, &mut order, &document.extensions)?;
    for name in order {
        let Some(definition) = schema.types.get(&name).cloned() else { continue };
        work.spend(1 + definition.types.len() + definition.interfaces.len())?;
        match definition.kind {
            DefinitionKind::Union => {
                definition.types.iter().for_each(|member| schema.add_possible(&name, member));
            }
            DefinitionKind::Object | DefinitionKind::InputObject => {
                definition.interfaces.iter().for_each(|interface| schema.add_possible(interface, &name));
                schema.add_possible(&name, &name);
            }
            DefinitionKind::Interface => {
                definition.interfaces.iter().for_each(|interface| schema.add_possible(interface, &name));
            }
            _ => {}
        }
    }
    for directive in prelude.directives.iter().cloned().chain(document.directives) {
        // One of the specification may be declared again; the last declaration holds.
        let known = ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"];
        if schema.directives.contains_key(&directive.name) && !known.contains(&directive.name.as_str()) {
            let message = format!("Cannot redeclare directive {}.", directive.name);
            return Err(Fault::of_schema(directive.place, message).into());
        }
        schema.directives.insert(directive.name.clone(), directive);
    }
    if let Some(second) = document.schema.get(1) {
        let message = "Cannot have multiple schema entry points, consider schema extensions instead.";
        return Err(Fault::of_schema(second.place, message).into());
    }
    for definition in document.schema.iter().chain(&document.schema_extensions) {
        schema.set_roots(definition)?;
        definitions::directives(&schema, &definition.directives, "SCHEMA", None, work)?;
    }
    definitions::check(&schema, work)?;
    if document.schema.is_empty() {
        // Roots are found by their names where no schema definition names them.
        for (root, name) in [
            (&mut schema.query, "Query"),
            (&mut schema.mutation, "Mutation"),
            (&mut schema.subscription, "Subscription"),
        ] {
            if root.is_none() && schema.types.contains_key(name) {
                *root = Some(name.to_owned());
            }
        }
    }
    if let Some(query) = schema.query.clone().and_then(|name| schema.types.get_mut(&name)) {
        Arc::make_mut(query).fields.extend(introspection());
    }
    Ok(schema)
}

/// Merges extensions; one of a type that is not defined defines it.
fn extend(schema: &mut Schema, order: &mut Vec<String>, extensions: &[Arc<Definition>]) -> Result<(), Fault> {
    for extension in extensions {
        let base = schema.types.entry(extension.name.clone()).or_insert_with(|| {
            order.push(extension.name.clone());
            Arc::new(Definition::new(extension.kind.clone(), extension.name.clone(), extension.place))
        });
        if base.kind != extension.kind {
            let message = format!(
                "Cannot extend type {} because the base type is a {}, not {}.",
                extension.name,
                base.kind.as_str(),
                extension.kind.as_str()
            );
            return Err(Fault::of_schema(extension.place, message));
        }
        let base = Arc::make_mut(base);
        base.directives.extend_from_slice(&extension.directives);
        base.interfaces.extend_from_slice(&extension.interfaces);
        base.fields.extend_from_slice(&extension.fields);
        base.types.extend_from_slice(&extension.types);
        base.values.extend_from_slice(&extension.values);
    }
    Ok(())
}

/// `__schema` and `__type`, which the root type of queries has.
fn introspection() -> [FieldDefinition; 2] {
    let of = |name: &str, non_null| Type { named: name.to_owned(), non_null, ..Type::default() };
    [
        FieldDefinition { name: "__schema".to_owned(), of: of("__Schema", true), ..FieldDefinition::default() },
        FieldDefinition {
            name: "__type".to_owned(),
            of: of("__Type", false),
            arguments: vec![ArgumentDefinition {
                name: "name".to_owned(),
                of: of("String", true),
                ..ArgumentDefinition::default()
            }],
            ..FieldDefinition::default()
        },
    ]
}
