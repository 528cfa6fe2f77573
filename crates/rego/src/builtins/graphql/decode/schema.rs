//! AST objects as schema documents.

use super::{Decoded, Reader};
use crate::builtins::graphql::ast::{
    ArgumentDefinition, Definition, DefinitionKind, DirectiveDefinition, EnumValue, FieldDefinition, OperationType,
    SchemaDefinition, SchemaDocument,
};
use crate::value::Value;
use std::sync::Arc;

/// The schema document of an AST object.
pub fn schema(value: &Value) -> Decoded<SchemaDocument> {
    let mut document = SchemaDocument::default();
    let mut reader = Reader::default();
    reader.fields(value, "SchemaDocument", "ast.SchemaDocument", |reader, key, item| {
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
    reader.complete(document)
}

impl Reader {
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
        if of.of.name().is_empty() {
            self.lacks("Type");
        }
        Ok(of)
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
            if of.of.name().is_empty() {
                reader.lacks("Type");
            }
            Ok(of)
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
