//! Schemas from documents. What is wrong in a schema is told of in the order in which the library looks at its keywords.

use super::references::{DEPTH, Pool};
use super::schema::{Bounds, Dependency, Extra, Id, Schema, Schemas};
use super::text::json;
use crate::goregex;
use crate::number::Number;
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};

type Object = BTreeMap<Value, Value>;

/// Which draft's rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Four,
    Six,
    Seven,
    /// No `$schema`: whatever any of them has.
    Hybrid,
}

/// A whole document; the first schema is its root.
pub(super) fn compile(document: &Value) -> Result<Schemas, String> {
    let draft = draft(document)?;
    let (pool, document) = Pool::of(document)?;
    let mut compiler = Compiler { pool, draft, schemas: Vec::new(), by_reference: HashMap::new() };
    compiler.schema(&document, DEPTH)?;
    Ok(compiler.schemas)
}

fn draft(document: &Value) -> Result<Draft, String> {
    let map = match document {
        Value::Object(map) => map,
        Value::Bool(_) => return Ok(Draft::Hybrid),
        _ => return Err("schema is invalid".to_owned()),
    };
    match map.get(&"$schema".into()) {
        None => Ok(Draft::Hybrid),
        Some(Value::String(url)) => Ok(match url.trim_end_matches('#') {
            "http://json-schema.org/draft-04/schema" => Draft::Four,
            "http://json-schema.org/draft-06/schema" => Draft::Six,
            "http://json-schema.org/draft-07/schema" => Draft::Seven,
            _ => Draft::Hybrid,
        }),
        Some(_) => Err("$schema must be of type string".to_owned()),
    }
}

struct Compiler {
    pool: Pool,
    draft: Draft,
    schemas: Schemas,
    by_reference: HashMap<String, Id>,
}

fn invalid_type(expected: &str, given: &str) -> String {
    format!("Invalid type. Expected: {expected}, given: {given}")
}

fn get<'a>(map: &'a Object, key: &str) -> Option<&'a Value> {
    map.get(&Value::string(key))
}

fn string<'a>(map: &'a Object, key: &str) -> Result<Option<&'a str>, String> {
    get(map, key).map(|value| value.as_str().ok_or_else(|| invalid_type("string", key))).transpose()
}

fn list<'a>(map: &'a Object, key: &str) -> Result<&'a [Value], String> {
    match get(map, key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("{key} must be of an array")),
    }
}

fn number(map: &Object, key: &str) -> Result<Option<Number>, String> {
    match get(map, key) {
        None => Ok(None),
        Some(Value::Number(n)) => Ok(Some(n.clone())),
        Some(_) => Err(format!("{key} must be of a Number")),
    }
}

fn count(map: &Object, key: &str) -> Result<Option<i64>, String> {
    let Some(value) = get(map, key) else { return Ok(None) };
    let count = match value {
        Value::Number(n) => n.as_i64(),
        _ => None,
    };
    match count {
        None => Err(format!("{key} must be of an integer")),
        Some(n) if n < 0 => Err(format!("{key} must be greater than or equal to 0")),
        Some(n) => Ok(Some(n)),
    }
}

fn bounds(map: &Object, min: &str, max: &str) -> Result<Bounds, String> {
    Ok(Bounds { min: count(map, min)?, max: count(map, max)? })
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Object(_))
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

impl Compiler {
    fn schema(&mut self, node: &Value, depth: usize) -> Result<Id, String> {
        let id = self.schemas.len();
        self.schemas.push(Schema::default());
        let schema = self.parts(node, depth)?;
        if let Some(place) = self.schemas.get_mut(id) {
            *place = schema;
        }
        Ok(id)
    }

    fn parts(&mut self, node: &Value, depth: usize) -> Result<Schema, String> {
        let depth = depth.checked_sub(1).ok_or("schema is nested too deeply")?;
        let mut schema = Schema::default();
        if let (Value::Bool(pass), true) = (node, self.draft >= Draft::Six) {
            schema.pass = Some(*pass);
            return Ok(schema);
        }
        let Value::Object(map) = node else { return Err("Expected: Valid Schema, given: Invalid JSON".to_owned()) };
        let old_id = self.draft == Draft::Four || (self.draft == Draft::Hybrid && get(map, "id").is_some());
        string(map, if old_id { "id" } else { "$id" })?;
        match get(map, "definitions") {
            None => {}
            Some(Value::Object(definitions)) => {
                for definition in definitions.values() {
                    if !is_schema(definition) {
                        return Err(invalid_type("Array Of Schemas", "definitions"));
                    }
                    self.schema(definition, depth)?;
                }
            }
            Some(_) => return Err(invalid_type("Array Of Schemas", "definitions")),
        }
        string(map, "title")?;
        string(map, "description")?;
        if let Some(reference) = string(map, "$ref")? {
            schema.reference = Some(self.reference(reference, depth)?);
            return Ok(schema);
        }
        types(map, &mut schema)?;
        self.object(map, &mut schema, depth)?;
        self.array(map, &mut schema, depth)?;
        self.numbers(map, &mut schema)?;
        strings(map, &mut schema)?;
        counts(map, &mut schema)?;
        if let Some(contains) = get(map, "contains").filter(|_| self.draft >= Draft::Six) {
            schema.contains = Some(self.schema(contains, depth)?);
        }
        schema.constant = get(map, "const").filter(|_| self.draft >= Draft::Six).map(json);
        for value in list(map, "enum")? {
            let text = json(value);
            if schema.enumeration.contains(&text) {
                return Err("enum items must be unique".to_owned());
            }
            schema.enumeration.push(text);
        }
        schema.one_of = self.list_of(map, "oneOf", depth)?;
        schema.any_of = self.list_of(map, "anyOf", depth)?;
        schema.all_of = self.list_of(map, "allOf", depth)?;
        schema.not = self.one(map, "not", depth)?;
        if self.draft >= Draft::Seven {
            schema.when = self.one(map, "if", depth)?;
            schema.then = self.one(map, "then", depth)?;
            schema.otherwise = self.one(map, "else", depth)?;
        }
        Ok(schema)
    }

    fn reference(&mut self, reference: &str, depth: usize) -> Result<Id, String> {
        if let Some(id) = self.by_reference.get(reference) {
            return Ok(*id);
        }
        // Known before it is compiled: it may refer to itself.
        let id = self.schemas.len();
        self.schemas.push(Schema::default());
        self.by_reference.insert(reference.to_owned(), id);
        let node = self.pool.get(reference)?;
        if !is_schema(&node) {
            return Err("Valid Schema must be of type object".to_owned());
        }
        let schema = self.parts(&node, depth)?;
        if let Some(place) = self.schemas.get_mut(id) {
            *place = schema;
        }
        Ok(id)
    }

    fn list_of(&mut self, map: &Object, key: &str, depth: usize) -> Result<Vec<Id>, String> {
        list(map, key)?.iter().map(|node| self.schema(node, depth)).collect()
    }

    fn one(&mut self, map: &Object, key: &str, depth: usize) -> Result<Option<Id>, String> {
        match get(map, key) {
            None => Ok(None),
            Some(node) if is_schema(node) => Ok(Some(self.schema(node, depth)?)),
            Some(_) => Err(format!("{key} must be of an object")),
        }
    }

    /// `additionalProperties` or `additionalItems`.
    fn extra(&mut self, map: &Object, key: &str, depth: usize) -> Result<Option<Extra>, String> {
        Ok(match get(map, key) {
            None => None,
            Some(Value::Bool(allowed)) => Some(Extra::Allowed(*allowed)),
            Some(node @ Value::Object(_)) => Some(Extra::Schema(self.schema(node, depth)?)),
            Some(_) => return Err(invalid_type("boolean/Valid Schema", key)),
        })
    }

    fn object(&mut self, map: &Object, schema: &mut Schema, depth: usize) -> Result<(), String> {
        match get(map, "properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, node) in properties.iter() {
                    let id = self.schema(node, depth)?;
                    schema.properties.push((name.as_str().unwrap_or_default().to_owned(), id));
                }
            }
            Some(_) => return Err("Properties must be of type object".to_owned()),
        }
        schema.additional_properties = self.extra(map, "additionalProperties", depth)?;
        match get(map, "patternProperties") {
            None => {}
            Some(Value::Object(patterns)) => {
                for (pattern, node) in patterns.iter() {
                    let pattern = pattern.as_str().unwrap_or_default();
                    let compiled =
                        goregex::compile(pattern).map_err(|_| format!("Invalid regex pattern '{pattern}'"))?;
                    let id = self.schema(node, depth)?;
                    schema.pattern_properties.push((compiled, id));
                }
            }
            Some(_) => return Err(invalid_type("Valid Schema", "patternProperties")),
        }
        match get(map, "propertyNames").filter(|_| self.draft >= Draft::Six) {
            None => {}
            Some(node) if is_schema(node) => schema.property_names = Some(self.schema(node, depth)?),
            Some(_) => return Err(invalid_type("Valid Schema", "patternProperties")),
        }
        match get(map, "dependencies") {
            None => Ok(()),
            Some(Value::Object(dependencies)) => {
                for (name, node) in dependencies.iter() {
                    let dependency = self.dependency(node, depth)?;
                    schema.dependencies.insert(name.as_str().unwrap_or_default().to_owned(), dependency);
                }
                Ok(())
            }
            Some(_) => Err("dependencies must be of type object".to_owned()),
        }
    }

    fn dependency(&mut self, node: &Value, depth: usize) -> Result<Dependency, String> {
        let wrong = || "Dependency must be of type Schema Or Array Of Strings".to_owned();
        match node {
            Value::Array(names) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong));
                Ok(Dependency::Properties(names.collect::<Result<_, _>>()?))
            }
            node if is_schema(node) => Ok(Dependency::Schema(self.schema(node, depth)?)),
            _ => Err(wrong()),
        }
    }

    fn array(&mut self, map: &Object, schema: &mut Schema, depth: usize) -> Result<(), String> {
        let wrong = || invalid_type("Valid Schema/Array Of Schemas", "items");
        match get(map, "items") {
            None => {}
            Some(Value::Array(nodes)) => {
                for node in nodes.iter() {
                    if !is_schema(node) {
                        return Err(wrong());
                    }
                    schema.items.push(self.schema(node, depth)?);
                }
            }
            Some(node) if is_schema(node) => {
                schema.items.push(self.schema(node, depth)?);
                schema.items_single = true;
            }
            Some(_) => return Err(wrong()),
        }
        schema.additional_items = self.extra(map, "additionalItems", depth)?;
        Ok(())
    }

    fn numbers(&self, map: &Object, schema: &mut Schema) -> Result<(), String> {
        match get(map, "multipleOf") {
            None => {}
            Some(Value::Number(n)) if *n > Number::from(0) => schema.multiple_of = Some(n.clone()),
            Some(Value::Number(_)) => return Err("multipleOf must be strictly greater than 0".to_owned()),
            Some(_) => return Err(invalid_type("Number", "multipleOf")),
        }
        (schema.minimum, schema.exclusive_minimum) = self.bound(map, "minimum", "exclusiveMinimum")?;
        (schema.maximum, schema.exclusive_maximum) = self.bound(map, "maximum", "exclusiveMaximum")?;
        Ok(())
    }

    /// A limit and the exclusive one: the latter a flag up to draft 4, a number of its own from draft 6.
    fn bound(&self, map: &Object, limit: &str, exclusive: &str) -> Result<(Option<Number>, Option<Number>), String> {
        let value = number(map, limit)?;
        match (get(map, exclusive), self.draft) {
            (None, _) => Ok((value, None)),
            (Some(Value::Bool(flag)), Draft::Four | Draft::Hybrid) => match (value, flag) {
                (None, _) => Err(format!("{exclusive} cannot be used without {limit}")),
                (value, true) => Ok((None, value)),
                (value, false) => Ok((value, None)),
            },
            (Some(Value::Number(n)), Draft::Six | Draft::Seven | Draft::Hybrid) => Ok((value, Some(n.clone()))),
            (Some(_), Draft::Four) => Err(invalid_type("boolean", exclusive)),
            (Some(_), Draft::Hybrid) => Err(invalid_type("boolean/number", exclusive)),
            (Some(_), _) => Err(invalid_type("number", exclusive)),
        }
    }
}

fn types(map: &Object, schema: &mut Schema) -> Result<(), String> {
    let wrong = || invalid_type("type", "string/Array Of Strings");
    let names = match get(map, "type") {
        None => return Ok(()),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(wrong()),
    };
    for name in names {
        let name = name.as_str().ok_or_else(wrong)?;
        let known = TYPES.iter().find(|known| **known == name).ok_or_else(|| {
            // As the library lists them.
            let valid = "array boolean integer number null object string";
            format!("has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{valid}]")
        })?;
        if schema.types.contains(known) {
            return Err(format!("{name} type is duplicated"));
        }
        schema.types.push(known);
    }
    Ok(())
}

fn strings(map: &Object, schema: &mut Schema) -> Result<(), String> {
    schema.length = bounds(map, "minLength", "maxLength")?;
    if schema.length.min > schema.length.max && schema.length.max.is_some() {
        return Err("minLength cannot be greater than maxLength".to_owned());
    }
    // OPA 1.15 has the library read patterns and not enforce them, as many use what RE2 does not know.
    string(map, "pattern")?;
    schema.format = string(map, "format")?.map(str::to_owned);
    Ok(())
}

fn counts(map: &Object, schema: &mut Schema) -> Result<(), String> {
    schema.property_count = bounds(map, "minProperties", "maxProperties")?;
    if schema.property_count.min > schema.property_count.max && schema.property_count.max.is_some() {
        return Err("minProperties cannot be greater than maxProperties".to_owned());
    }
    for name in list(map, "required")? {
        let name = name.as_str().ok_or_else(|| invalid_type("string", "required"))?;
        if schema.required.iter().any(|known| known == name) {
            return Err("required items must be unique".to_owned());
        }
        schema.required.push(name.to_owned());
    }
    schema.item_count = bounds(map, "minItems", "maxItems")?;
    match get(map, "uniqueItems") {
        None => {}
        Some(Value::Bool(unique)) => schema.unique_items = *unique,
        Some(_) => return Err("uniqueItems must be of a boolean".to_owned()),
    }
    Ok(())
}
