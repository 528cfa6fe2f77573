//! AST objects as schema documents. Keys are found as Go's JSON decoder finds them (in any case), what is absent is empty,
//! unknown keys are passed over, and a value of the wrong type is an error in the decoder's words. Where OPA would crash
//! (a null in a list, a type without a name) there is an error.

use super::ast::{
    Argument, ArgumentDefinition, Child, Comment, Comments, Definition, DefinitionKind, Directive, DirectiveDefinition,
    EnumValue, FieldDefinition, Literal, LiteralKind, OperationType, SchemaDefinition, SchemaDocument, Type,
};
use super::parser::MAX_DEPTH;
use crate::value::Value;
use std::sync::Arc;

/// A part, or why there is none.
pub type Decoded<T> = Result<T, String>;

/// The schema document of an AST object.
pub fn schema(value: &Value) -> Decoded<SchemaDocument> {
    let mut document = SchemaDocument::default();
    Reader::default().fields(value, "SchemaDocument", "ast.SchemaDocument", |reader, key, item| {
        match key {
            "schema" => document.schema = reader.list(item, "ast.SchemaDefinitionList", Reader::schema_definition)?,
            "schemaextension" => {
                document.schema_extensions =
                    reader.list(item, "ast.SchemaDefinitionList", Reader::schema_definition)?;
            }
            "directives" => {
                document.directives = reader.list(item, "ast.DirectiveDefinitionList", Reader::directive_definition)?;
            }
            "definitions" => document.definitions = reader.list(item, "ast.DefinitionList", Reader::definition)?,
            "extensions" => document.extensions = reader.list(item, "ast.DefinitionList", Reader::definition)?,
            "comment" => document.comment = reader.comment(item)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(document)
}

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
        if found { Ok(of) } else { missing(owner) }
    }

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

    pub fn text(&mut self, value: &Value, wanted: &str) -> Decoded<String> {
        match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.to_string()),
            other => self.mismatch(other, wanted),
        }
    }

    pub fn name(&mut self, value: &Value) -> Decoded<String> {
        self.text(value, "string")
    }

    pub fn flag(&mut self, value: &Value) -> Decoded<bool> {
        match value {
            Value::Null => Ok(false),
            Value::Bool(b) => Ok(*b),
            other => self.mismatch(other, "bool"),
        }
    }

    pub fn comment(&mut self, value: &Value) -> Decoded<Comment> {
        let mut comment = Comment::new();
        self.fields(value, "CommentGroup", "ast.CommentGroup", |reader, key, item| {
            if key == "list" {
                comment = reader.list(item, "[]*ast.Comment", |reader, item| {
                    let mut text = String::new();
                    reader.fields(item, "Comment", "ast.Comment", |reader, key, item| {
                        if key == "value" {
                            text = reader.name(item)?;
                        }
                        Ok(())
                    })?;
                    Ok(text)
                })?;
            }
            Ok(())
        })?;
        Ok(comment)
    }

    /// Whether the key is of a comment around a definition, which is read.
    fn comments(&mut self, comments: &mut Comments, key: &str, value: &Value) -> Decoded<()> {
        let of = match key {
            "beforedescriptioncomment" => &mut comments.before_description,
            "afterdescriptioncomment" => &mut comments.after_description,
            "endofdefinitioncomment" => &mut comments.end,
            _ => return Ok(()),
        };
        *of = self.comment(value)?;
        Ok(())
    }

    pub fn directives(&mut self, value: &Value) -> Decoded<Vec<Directive>> {
        self.list(value, "ast.DirectiveList", |reader, value| {
            reader.required(Directive::default(), value, "Directive", "ast.Directive", |reader, of, key, item| {
                match key {
                    "name" => of.name = reader.name(item)?,
                    "arguments" => of.arguments = reader.arguments(item)?,
                    "location" => of.location = reader.text(item, "ast.DirectiveLocation")?,
                    _ => {}
                }
                Ok(())
            })
        })
    }

    pub fn arguments(&mut self, value: &Value) -> Decoded<Vec<Argument>> {
        self.list(value, "ast.ArgumentList", |reader, value| {
            reader.required(Argument::default(), value, "Argument", "ast.Argument", |reader, of, key, item| {
                match key {
                    "name" => of.name = reader.name(item)?,
                    "value" => of.value = reader.literal(item)?,
                    "comment" => of.comment = reader.comment(item)?,
                    _ => {}
                }
                Ok(())
            })
        })
    }

    pub fn literal(&mut self, value: &Value) -> Decoded<Option<Literal>> {
        let mut of = Literal::default();
        let found = self.fields(value, "Value", "ast.Value", |reader, key, item| {
            match key {
                "raw" => of.raw = reader.name(item)?,
                "children" => of.children = reader.list(item, "ast.ChildValueList", Reader::child)?,
                "kind" => of.kind = reader.literal_kind(item)?,
                "comment" => of.comment = reader.comment(item)?,
                "expectedtypehasdefault" => of.has_default = reader.flag(item)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(found.then_some(of))
    }

    fn child(&mut self, value: &Value) -> Decoded<Child> {
        self.required(Child::default(), value, "ChildValue", "ast.ChildValue", |reader, of, key, item| {
            match key {
                "name" => of.name = reader.name(item)?,
                "value" => of.value = reader.literal(item)?,
                "comment" => of.comment = reader.comment(item)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn literal_kind(&mut self, value: &Value) -> Decoded<LiteralKind> {
        let number = match value {
            Value::Null => return Ok(LiteralKind::default()),
            Value::Number(n) => n.as_i64(),
            _ => None,
        };
        Ok(match number {
            None => return self.mismatch(value, "ast.ValueKind"),
            Some(0) => LiteralKind::Variable,
            Some(1) => LiteralKind::Int,
            Some(2) => LiteralKind::Float,
            Some(3) => LiteralKind::String,
            Some(4) => LiteralKind::Block,
            Some(5) => LiteralKind::Boolean,
            Some(6) => LiteralKind::Null,
            Some(7) => LiteralKind::Enum,
            Some(8) => LiteralKind::List,
            Some(9) => LiteralKind::Object,
            Some(other) => return Err(format!("unknown value kind {other}")),
        })
    }

    pub fn type_reference(&mut self, value: &Value) -> Decoded<Option<Type>> {
        let mut of = Type::default();
        let found = self.fields(value, "Type", "ast.Type", |reader, key, item| {
            match key {
                "namedtype" => of.named = reader.name(item)?,
                "elem" => of.item = reader.type_reference(item)?.map(Box::new),
                "nonnull" => of.non_null = reader.flag(item)?,
                _ => {}
            }
            Ok(())
        })?;
        if found && of.named.is_empty() && of.item.is_none() {
            return missing("Type");
        }
        Ok(found.then_some(of))
    }

    fn schema_definition(&mut self, value: &Value) -> Decoded<SchemaDefinition> {
        let of = SchemaDefinition::default();
        self.required(of, value, "SchemaDefinition", "ast.SchemaDefinition", |reader, of, key, item| {
            match key {
                "description" => of.description = reader.name(item)?,
                "directives" => of.directives = reader.directives(item)?,
                "operationtypes" => {
                    of.operations = reader.list(item, "ast.OperationTypeDefinitionList", Reader::operation_type)?;
                }
                _ => reader.comments(&mut of.comments, key, item)?,
            }
            Ok(())
        })
    }

    fn operation_type(&mut self, value: &Value) -> Decoded<OperationType> {
        let of = OperationType::default();
        self.required(of, value, "OperationTypeDefinition", "ast.OperationTypeDefinition", |reader, of, key, item| {
            match key {
                "operation" => of.operation = reader.text(item, "ast.Operation")?,
                "type" => of.of = reader.name(item)?,
                "comment" => of.comment = reader.comment(item)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn definition(&mut self, value: &Value) -> Decoded<Arc<Definition>> {
        let of = Definition::new(DefinitionKind::Other(String::new()), String::new(), None);
        let of = self.required(of, value, "Definition", "ast.Definition", |reader, of, key, item| {
            match key {
                "kind" => of.kind = DefinitionKind::parse(&reader.text(item, "ast.DefinitionKind")?),
                "description" => of.description = reader.name(item)?,
                "name" => of.name = reader.name(item)?,
                "directives" => of.directives = reader.directives(item)?,
                "interfaces" => of.interfaces = reader.list(item, "[]string", Reader::name)?,
                "fields" => of.fields = reader.list(item, "ast.FieldList", Reader::field_definition)?,
                "types" => of.types = reader.list(item, "[]string", Reader::name)?,
                "enumvalues" => of.values = reader.list(item, "ast.EnumValueList", Reader::enum_value)?,
                "builtin" => of.built_in = reader.flag(item)?,
                _ => reader.comments(&mut of.comments, key, item)?,
            }
            Ok(())
        })?;
        Ok(Arc::new(of))
    }

    fn field_definition(&mut self, value: &Value) -> Decoded<FieldDefinition> {
        let of = FieldDefinition::default();
        let of = self.required(of, value, "FieldDefinition", "ast.FieldDefinition", |reader, of, key, item| {
            match key {
                "description" => of.description = reader.name(item)?,
                "name" => of.name = reader.name(item)?,
                "arguments" => of.arguments = reader.argument_definitions(item)?,
                "defaultvalue" => of.default = reader.literal(item)?,
                "type" => of.of = reader.type_reference(item)?.unwrap_or_default(),
                "directives" => of.directives = reader.directives(item)?,
                _ => reader.comments(&mut of.comments, key, item)?,
            }
            Ok(())
        })?;
        if of.of.name().is_empty() { missing("Type") } else { Ok(of) }
    }

    fn argument_definitions(&mut self, value: &Value) -> Decoded<Vec<ArgumentDefinition>> {
        self.list(value, "ast.ArgumentDefinitionList", |reader, value| {
            let of = ArgumentDefinition::default();
            let wanted = "ast.ArgumentDefinition";
            let of = reader.required(of, value, "ArgumentDefinition", wanted, |reader, of, key, item| {
                match key {
                    "description" => of.description = reader.name(item)?,
                    "name" => of.name = reader.name(item)?,
                    "defaultvalue" => of.default = reader.literal(item)?,
                    "type" => of.of = reader.type_reference(item)?.unwrap_or_default(),
                    "directives" => of.directives = reader.directives(item)?,
                    _ => reader.comments(&mut of.comments, key, item)?,
                }
                Ok(())
            })?;
            if of.of.name().is_empty() { missing("Type") } else { Ok(of) }
        })
    }

    fn enum_value(&mut self, value: &Value) -> Decoded<EnumValue> {
        let of = EnumValue::default();
        self.required(of, value, "EnumValueDefinition", "ast.EnumValueDefinition", |reader, of, key, item| {
            match key {
                "description" => of.description = reader.name(item)?,
                "name" => of.name = reader.name(item)?,
                "directives" => of.directives = reader.directives(item)?,
                _ => reader.comments(&mut of.comments, key, item)?,
            }
            Ok(())
        })
    }

    fn directive_definition(&mut self, value: &Value) -> Decoded<Arc<DirectiveDefinition>> {
        let of = DirectiveDefinition::default();
        let of =
            self.required(of, value, "DirectiveDefinition", "ast.DirectiveDefinition", |reader, of, key, item| {
                match key {
                    "description" => of.description = reader.name(item)?,
                    "name" => of.name = reader.name(item)?,
                    "arguments" => of.arguments = reader.argument_definitions(item)?,
                    "locations" => {
                        of.locations = reader.list(item, "[]ast.DirectiveLocation", |reader, item| {
                            reader.text(item, "ast.DirectiveLocation")
                        })?;
                    }
                    "isrepeatable" => of.repeatable = reader.flag(item)?,
                    _ => reader.comments(&mut of.comments, key, item)?,
                }
                Ok(())
            })?;
        Ok(Arc::new(of))
    }
}

/// The error of a part without which OPA crashes.
pub fn missing<T>(what: &str) -> Decoded<T> {
    Err(format!("the AST object lacks a {what}"))
}
