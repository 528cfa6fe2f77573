//! AST objects as documents. Keys are found as Go's JSON decoder finds them (in any case), what is absent is empty, unknown
//! keys are passed over, and a value of the wrong type is an error in the decoder's words. Where OPA would crash (a null in
//! a list, a type without a name) there is an error. Here is how objects, lists and texts are read.

mod parts;
mod query;
mod schema;

pub use query::query;
pub use schema::schema;

use super::parser::MAX_DEPTH;
use crate::value::Value;

/// A part, or why there is none.
pub type Decoded<T> = Result<T, String>;

/// Every name of a field that errors may show.
const NAMES: &[&str] = &[
    "Schema",
    "SchemaExtension",
    "Directives",
    "Definitions",
    "Extensions",
    "Comment",
    "List",
    "Value",
    "Description",
    "OperationTypes",
    "Operations",
    "Fragments",
    "Operation",
    "Type",
    "Kind",
    "Name",
    "Interfaces",
    "Fields",
    "Types",
    "EnumValues",
    "BuiltIn",
    "Arguments",
    "DefaultValue",
    "Locations",
    "Location",
    "IsRepeatable",
    "Raw",
    "Children",
    "ExpectedTypeHasDefault",
    "NamedType",
    "Elem",
    "NonNull",
    "Variable",
    "Used",
    "BeforeDescriptionComment",
    "AfterDescriptionComment",
    "EndOfDefinitionComment",
];

/// Where reading stands: the fields on the way there and the struct of the last.
#[derive(Default)]
pub struct Reader {
    path: Vec<&'static str>,
    owner: &'static str,
    /// Errors name this struct, whichever they are in.
    owner_shown: Option<&'static str>,
    depth: usize,
    /// It ended because of the depth.
    pub too_deep: bool,
    /// A part that is not there and that OPA crashes without; values of the wrong type come first.
    lacking: Option<&'static str>,
}

impl Reader {
    /// For the parts of a document whose errors all name one struct.
    pub fn shown_as(owner: &'static str) -> Self {
        Self { owner_shown: Some(owner), ..Self::default() }
    }

    /// For an attempt at the same depth.
    pub fn trial(&self) -> Self {
        Self { depth: self.depth, ..Self::default() }
    }

    /// Notes that a part is not there.
    pub fn lacks(&mut self, what: &'static str) {
        self.lacking.get_or_insert(what);
    }

    /// What an attempt that succeeded noted.
    pub fn take_lacking(&mut self, trial: &Self) {
        self.lacking = self.lacking.or(trial.lacking);
    }

    /// The document that was read, if nothing is lacking.
    pub fn complete<T>(&self, document: T) -> Decoded<T> {
        match self.lacking {
            Some(what) => Err(format!("the AST object lacks a part of kind {what}")),
            None => Ok(document),
        }
    }

    /// One level deeper; `back` goes up again.
    pub fn deeper(&mut self) -> Decoded<()> {
        self.depth += 1;
        if self.depth > 2 * MAX_DEPTH {
            self.too_deep = true;
            return Err("the AST object is nested too deeply".to_owned());
        }
        Ok(())
    }

    /// One level up.
    pub fn back(&mut self) {
        self.depth -= 1;
    }

    /// The error of a value of the wrong type.
    pub fn mismatch<T>(&self, value: &Value, wanted: &str) -> Decoded<T> {
        let got = match value {
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(n) if wanted == "ast.ValueKind" => format!("number {n}"),
            Value::Set(_) => "array".to_owned(),
            other => other.type_name().to_owned(),
        };
        let owner = self.owner_shown.unwrap_or(self.owner);
        if self.path.is_empty() {
            return Err(format!("json: cannot unmarshal {got} into Go value of type {wanted}"));
        }
        let path = self.path.join(".");
        Err(format!("json: cannot unmarshal {got} into Go struct field {owner}.{path} of type {wanted}"))
    }

    /// Visits the fields of an object, with their names in lower case; whether there is an object.
    pub fn fields<'v>(
        &mut self,
        value: &'v Value,
        owner: &'static str,
        wanted: &str,
        mut each: impl FnMut(&mut Self, &str, &'v Value) -> Decoded<()>,
    ) -> Decoded<bool> {
        let map = match value {
            Value::Null => return Ok(false),
            Value::Object(map) => map,
            other => return self.mismatch(other, wanted),
        };
        self.deeper()?;
        let outer = std::mem::replace(&mut self.owner, owner);
        for (key, item) in map.iter() {
            let Some(name) = NAMES.iter().find(|name| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)))
            else {
                continue;
            };
            self.path.push(name);
            each(self, &name.to_ascii_lowercase(), item)?;
            self.path.pop();
        }
        self.owner = outer;
        self.back();
        Ok(true)
    }

    /// A part that has to be there: OPA crashes where it is null.
    fn required<'v, T>(
        &mut self,
        mut of: T,
        value: &'v Value,
        owner: &'static str,
        wanted: &str,
        each: impl Fn(&mut Self, &mut T, &str, &'v Value) -> Decoded<()>,
    ) -> Decoded<T> {
        let found = self.fields(value, owner, wanted, |reader, key, item| each(reader, &mut of, key, item))?;
        if !found {
            self.lacks(owner);
        }
        Ok(of)
    }

    /// A list of parts; empty for null.
    pub fn list<'v, T>(
        &mut self,
        value: &'v Value,
        wanted: &str,
        mut each: impl FnMut(&mut Self, &'v Value) -> Decoded<T>,
    ) -> Decoded<Vec<T>> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => items.iter().map(|item| each(self, item)).collect(),
            Value::Set(items) => items.iter().map(|item| each(self, item)).collect(),
            other => self.mismatch(other, wanted),
        }
    }

    /// A text, of Go's type `wanted`; empty for null.
    pub fn text(&mut self, value: &Value, wanted: &str) -> Decoded<String> {
        match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.to_string()),
            other => self.mismatch(other, wanted),
        }
    }

    /// A text of Go's type `string`.
    pub fn name(&mut self, value: &Value) -> Decoded<String> {
        self.text(value, "string")
    }

    /// A boolean; false for null.
    pub fn flag(&mut self, value: &Value) -> Decoded<bool> {
        match value {
            Value::Null => Ok(false),
            Value::Bool(b) => Ok(*b),
            other => self.mismatch(other, "bool"),
        }
    }
}
