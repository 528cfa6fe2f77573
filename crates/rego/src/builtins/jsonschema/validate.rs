//! Documents held against a compiled schema. Which errors are told, and of which of several alternatives, follows the
//! library's way of scoring them.

use super::super::regex::matches;
use super::super::{BuiltinError, Context};
use super::formats;
use super::references::DEPTH;
use super::schema::{Bounds, Dependency, Extra, Id, Schema};
use super::text::{bound, is_multiple, json};
use crate::number::Number;
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};

/// One error.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub kind: &'static str,
    pub field: String,
    pub description: String,
}

/// Errors so far, and how well the document fits otherwise.
#[derive(Debug, Default)]
struct Report {
    faults: Vec<Fault>,
    score: i64,
}

impl Report {
    fn merge(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.score += other.score;
    }

    fn valid(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Schemas looked at in one call whatever the limits are: alternatives that refer to each other may multiply.
const STEPS: u64 = 5_000_000;

/// The document's errors by the first of the schemas.
pub(super) fn validate(
    schemas: &[Schema],
    document: &Value,
    context: &mut Context,
) -> Result<Vec<Fault>, BuiltinError> {
    let mut run = Run { schemas, context, steps: STEPS, path: vec!["(Root)".to_owned()], depth: 0 };
    Ok(run.check(0, document)?.faults)
}

struct Run<'a> {
    schemas: &'a [Schema],
    context: &'a mut Context,
    steps: u64,
    path: Vec<String>,
    depth: usize,
}

type Checked = Result<Report, BuiltinError>;

impl<'a> Run<'a> {
    fn field(&self) -> String {
        match self.path.get(1..) {
            Some(rest) if !rest.is_empty() => rest.join("."),
            _ => "(Root)".to_owned(),
        }
    }

    fn fault(&self, report: &mut Report, kind: &'static str, description: impl Into<String>) {
        report.faults.push(Fault { kind, field: self.field(), description: description.into() });
        report.score -= 2;
    }

    fn check_at(&mut self, name: &str, id: Id, value: &Value) -> Checked {
        self.path.push(name.to_owned());
        let report = self.check(id, value);
        self.path.pop();
        report
    }

    fn check(&mut self, id: Id, value: &Value) -> Checked {
        let too_deep = || BuiltinError::Failed("schema or document is nested too deeply".to_owned());
        let mut report = Report::default();
        let mut id = id;
        let mut schema = self.schemas.get(id).ok_or_else(too_deep)?;
        for _ in 0..DEPTH {
            let Some(next) = schema.reference.filter(|_| schema.pass.is_none()) else { break };
            id = next;
            schema = self.schemas.get(id).ok_or_else(too_deep)?;
        }
        let exhausted = "json.match_schema: too many alternatives";
        self.context.spend(1)?;
        self.steps = self.steps.checked_sub(1).ok_or_else(|| BuiltinError::Halt(exhausted.to_owned()))?;
        if self.depth >= DEPTH || schema.reference.is_some() {
            return Err(too_deep());
        }
        if let Some(pass) = schema.pass {
            if !pass {
                self.fault(&mut report, "false", "False always fails validation");
            }
            return Ok(report);
        }
        self.depth += 1;
        let outcome = self.typed(schema, value, &mut report);
        self.depth -= 1;
        outcome.map(|()| report)
    }

    fn typed(&mut self, schema: &'a Schema, value: &Value, report: &mut Report) -> Result<(), BuiltinError> {
        let given = match value {
            Value::Number(n) if n.to_integer().is_some() => "integer",
            other => other.type_name(),
        };
        let allowed = |name: &&str| *name == given || (*name == "number" && given == "integer");
        if !schema.types.is_empty() && !schema.types.iter().any(allowed) {
            let expected = match schema.types.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("[{}]", many.join(",")),
            };
            self.fault(report, "invalid_type", format!("Invalid type. Expected: {expected}, given: {given}"));
            return Ok(());
        }
        self.alternatives(schema, value, report)?;
        match value {
            Value::Array(items) => {
                self.array(schema, items, report)?;
                self.common(schema, value, report);
            }
            Value::Object(map) => {
                self.object(schema, map, report)?;
                self.common(schema, value, report);
                for (name, id) in &schema.properties {
                    if let Some(item) = map.get(&Value::string(name)) {
                        let inner = self.check_at(name, *id, item)?;
                        report.merge(inner);
                    }
                }
            }
            Value::Number(n) => {
                self.number(schema, n, report);
                self.common(schema, value, report);
            }
            Value::String(text) => {
                self.common(schema, value, report);
                self.string(schema, text, report);
            }
            _ => self.common(schema, value, report),
        }
        report.score += 1;
        Ok(())
    }

    /// The best of several reports that failed: the one that its author most likely meant.
    fn better(best: &mut Option<Report>, report: Report) {
        if best.as_ref().is_none_or(|best| report.score > best.score) {
            *best = Some(report);
        }
    }

    fn alternatives(&mut self, schema: &'a Schema, value: &Value, report: &mut Report) -> Result<(), BuiltinError> {
        if !schema.any_of.is_empty() {
            let (mut any, mut best) = (false, None);
            for id in &schema.any_of {
                let inner = self.check(*id, value)?;
                if inner.valid() {
                    any = true;
                    break;
                }
                Self::better(&mut best, inner);
            }
            if !any {
                self.fault(report, "number_any_of", "Must validate at least one schema (anyOf)");
                report.merge(best.unwrap_or_default());
            }
        }
        if !schema.one_of.is_empty() {
            let (mut valid, mut best) = (0, None);
            for id in &schema.one_of {
                let inner = self.check(*id, value)?;
                if inner.valid() {
                    valid += 1;
                } else if valid == 0 {
                    Self::better(&mut best, inner);
                }
            }
            if valid != 1 {
                self.fault(report, "number_one_of", "Must validate one and only one schema (oneOf)");
                if valid == 0 {
                    report.merge(best.unwrap_or_default());
                }
            }
        }
        let mut all = true;
        for id in &schema.all_of {
            let inner = self.check(*id, value)?;
            all &= inner.valid();
            report.merge(inner);
        }
        if !all {
            self.fault(report, "number_all_of", "Must validate all the schemas (allOf)");
        }
        if let Some(id) = schema.not
            && self.check(id, value)?.valid()
        {
            self.fault(report, "number_not", "Must not validate the schema (not)");
        }
        self.dependencies(schema, value, report)?;
        if let Some(when) = schema.when {
            let holds = self.check(when, value)?.valid();
            let (branch, kind, text) = if holds {
                (schema.then, "condition_then", "Must validate \"then\" as \"if\" was valid")
            } else {
                (schema.otherwise, "condition_else", "Must validate \"else\" as \"if\" was not valid")
            };
            if let Some(id) = branch {
                let inner = self.check(id, value)?;
                if !inner.valid() {
                    self.fault(report, kind, text);
                    report.merge(inner);
                }
            }
        }
        report.score += 1;
        Ok(())
    }

    fn dependencies(&mut self, schema: &'a Schema, value: &Value, report: &mut Report) -> Result<(), BuiltinError> {
        let Value::Object(map) = value else { return Ok(()) };
        for (name, dependency) in &schema.dependencies {
            if !map.contains_key(&Value::string(name)) {
                continue;
            }
            match dependency {
                Dependency::Properties(names) => {
                    for missing in names.iter().filter(|name| !map.contains_key(&Value::string(name))) {
                        self.fault(report, "missing_dependency", format!("Has a dependency on {missing}"));
                    }
                }
                Dependency::Schema(id) => {
                    let inner = self.check(*id, value)?;
                    report.merge(inner);
                }
            }
        }
        Ok(())
    }

    fn common(&self, schema: &Schema, value: &Value, report: &mut Report) {
        if let Some(constant) = schema.constant.as_ref().filter(|constant| **constant != json(value)) {
            self.fault(report, "const", format!("{} does not match: {constant}", self.field()));
        }
        if !schema.enumeration.is_empty() && !schema.enumeration.contains(&json(value)) {
            let allowed = schema.enumeration.join(", ");
            self.fault(report, "enum", format!("{} must be one of the following: {allowed}", self.field()));
        }
        if let (Some(format), Value::String(text)) = (&schema.format, value)
            && !formats::matches(format, text)
        {
            self.fault(report, "format", format!("Does not match format '{format}'"));
        }
        report.score += 1;
    }

    /// A count outside its bounds; `text` makes the message of a word and the bound.
    fn counted(
        &self,
        report: &mut Report,
        count: usize,
        bounds: Bounds,
        kinds: [&'static str; 2],
        texts: [&dyn Fn(i64) -> String; 2],
    ) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if let Some(min) = bounds.min.filter(|min| count < *min) {
            self.fault(report, kinds[0], texts[0](min));
        }
        if let Some(max) = bounds.max.filter(|max| count > *max) {
            self.fault(report, kinds[1], texts[1](max));
        }
    }

    fn array(&mut self, schema: &'a Schema, items: &[Value], report: &mut Report) -> Result<(), BuiltinError> {
        if schema.items_single {
            let id = schema.items.first().copied().unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                let inner = self.check_at(&index.to_string(), id, item)?;
                report.merge(inner);
            }
        } else if !schema.items.is_empty() {
            for (index, (id, item)) in schema.items.iter().zip(items).enumerate() {
                let inner = self.check_at(&index.to_string(), *id, item)?;
                report.merge(inner);
            }
            if schema.items.len() < items.len() {
                match schema.additional_items {
                    Some(Extra::Allowed(false)) => {
                        self.fault(report, "array_no_additional_items", "No additional items allowed on array");
                    }
                    Some(Extra::Schema(id)) => {
                        for (index, item) in items.iter().enumerate().skip(schema.items.len()) {
                            let inner = self.check_at(&index.to_string(), id, item)?;
                            report.merge(inner);
                        }
                    }
                    _ => {}
                }
            }
        }
        let few = |n: i64| format!("Array must have at least {n} items");
        let many = |n: i64| format!("Array must have at most {n} items");
        self.counted(report, items.len(), schema.item_count, ["array_min_items", "array_max_items"], [&few, &many]);
        if schema.unique_items {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(first) = seen.insert(json(item), index) {
                    self.fault(report, "unique", format!("array items[{first},{index}] must be unique"));
                }
            }
        }
        if let Some(id) = schema.contains {
            let (mut any, mut best) = (false, None);
            for (index, item) in items.iter().enumerate() {
                let inner = self.check_at(&index.to_string(), id, item)?;
                if inner.valid() {
                    any = true;
                    break;
                }
                Self::better(&mut best, inner);
            }
            if !any {
                self.fault(report, "contains", "At least one of the items must match");
                report.merge(best.unwrap_or_default());
            }
        }
        report.score += 1;
        Ok(())
    }

    fn object(
        &mut self,
        schema: &'a Schema,
        map: &BTreeMap<Value, Value>,
        report: &mut Report,
    ) -> Result<(), BuiltinError> {
        let few = |n: i64| format!("Must have at least {n} properties");
        let many = |n: i64| format!("Must have at most {n} properties");
        let kinds = ["array_min_properties", "array_max_properties"];
        self.counted(report, map.len(), schema.property_count, kinds, [&few, &many]);
        for name in &schema.required {
            if map.contains_key(&Value::string(name)) {
                report.score += 1;
            } else {
                self.fault(report, "required", format!("{name} is required"));
            }
        }
        for (key, item) in map {
            let key = key.as_str().unwrap_or_default();
            let mut described = schema.properties.iter().any(|(name, _)| name == key);
            let mut patterned = false;
            for (pattern, id) in &schema.pattern_properties {
                if matches(pattern, key, self.context)? {
                    patterned = true;
                    let inner = self.check_at(key, *id, item)?;
                    report.merge(inner);
                }
            }
            described |= patterned;
            report.score += i64::from(patterned);
            match schema.additional_properties {
                Some(Extra::Allowed(false)) if !described => {
                    let text = format!("Additional property {key} is not allowed");
                    self.fault(report, "additional_property_not_allowed", text);
                }
                Some(Extra::Schema(id)) if !described => {
                    let inner = self.check_at(key, id, item)?;
                    report.merge(inner);
                }
                _ => {}
            }
        }
        if let Some(id) = schema.property_names {
            for key in map.keys() {
                let inner = self.check(id, key)?;
                if !inner.valid() {
                    let name = key.as_str().unwrap_or_default();
                    self.fault(report, "invalid_property_name", format!("Property name of \"{name}\" does not match"));
                    report.merge(inner);
                }
            }
        }
        report.score += 1;
        Ok(())
    }

    fn string(&self, schema: &Schema, text: &str, report: &mut Report) {
        let few = |n: i64| format!("String length must be greater than or equal to {n}");
        let many = |n: i64| format!("String length must be less than or equal to {n}");
        self.counted(report, text.chars().count(), schema.length, ["string_gte", "string_lte"], [&few, &many]);
        report.score += 1;
    }

    fn number(&self, schema: &Schema, n: &Number, report: &mut Report) {
        if let Some(of) = schema.multiple_of.as_ref().filter(|of| !is_multiple(n, of)) {
            self.fault(report, "multiple_of", format!("Must be a multiple of {}", bound(of)));
        }
        if let Some(max) = schema.maximum.as_ref().filter(|max| n > max) {
            self.fault(report, "number_lte", format!("Must be less than or equal to {}", bound(max)));
        }
        if let Some(max) = schema.exclusive_maximum.as_ref().filter(|max| n >= max) {
            self.fault(report, "number_lt", format!("Must be less than {}", bound(max)));
        }
        if let Some(min) = schema.minimum.as_ref().filter(|min| n < min) {
            self.fault(report, "number_gte", format!("Must be greater than or equal to {}", bound(min)));
        }
        if let Some(min) = schema.exclusive_minimum.as_ref().filter(|min| n <= min) {
            self.fault(report, "number_gt", format!("Must be greater than {}", bound(min)));
        }
        report.score += 1;
    }
}
