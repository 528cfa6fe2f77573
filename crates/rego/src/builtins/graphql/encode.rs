//! GraphQL documents as values, in the shape that OPA gives them: the library's names of fields, without places, nulls
//! and what is empty. Empty texts stay.

use super::ast::{
    Argument, ArgumentDefinition, Comment, Comments, Definition, Directive, DirectiveDefinition, EnumValue, Field,
    FieldDefinition, FragmentDefinition, FragmentSpread, InlineFragment, Literal, OperationDefinition, OperationType,
    QueryDocument, SchemaDefinition, SchemaDocument, Selection, Type, VariableDefinition,
};
use crate::value::Value;

/// A query's AST object.
pub fn query(document: &QueryDocument) -> Value {
    Node::default()
        .list("Operations", &document.operations, operation)
        .list("Fragments", &document.fragments, fragment_definition)
        .comment("Comment", &document.comment)
        .value()
}

/// A schema's AST object.
pub fn schema(document: &SchemaDocument) -> Value {
    Node::default()
        .list("Schema", &document.schema, schema_definition)
        .list("SchemaExtension", &document.schema_extensions, schema_definition)
        .list("Directives", &document.directives, |of| directive_definition(of))
        .list("Definitions", &document.definitions, |of| definition(of))
        .list("Extensions", &document.extensions, |of| definition(of))
        .comment("Comment", &document.comment)
        .value()
}

/// An object in the making.
#[derive(Default)]
struct Node(Vec<(Value, Value)>);

impl Node {
    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    fn optional(self, key: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn list<T>(self, key: &str, items: &[T], each: impl Fn(&T) -> Value) -> Self {
        if items.is_empty() { self } else { self.with(key, Value::array(items.iter().map(each))) }
    }

    fn names(self, key: &str, names: &[String]) -> Self {
        self.list(key, names, |name| Value::string(name))
    }

    fn comment(self, key: &str, comment: &Comment) -> Self {
        if comment.is_empty() {
            return self;
        }
        let lines = Node::default().list("List", comment, |text| Node::default().with("Value", text.as_str()).value());
        self.with(key, lines.value())
    }

    fn comments(self, comments: &Comments) -> Self {
        self.comment("BeforeDescriptionComment", &comments.before_description)
            .comment("AfterDescriptionComment", &comments.after_description)
            .comment("EndOfDefinitionComment", &comments.end)
    }

    fn value(self) -> Value {
        Value::object(self.0)
    }
}

fn operation(of: &OperationDefinition) -> Value {
    Node::default()
        .with("Operation", of.operation.as_str())
        .with("Name", of.name.as_str())
        .list("VariableDefinitions", &of.variables, variable_definition)
        .list("Directives", &of.directives, directive)
        .list("SelectionSet", &of.selections, selection)
        .comment("Comment", &of.comment)
        .value()
}

fn variable_definition(of: &VariableDefinition) -> Value {
    Node::default()
        .with("Variable", of.variable.as_str())
        .with("Type", type_reference(&of.of))
        .optional("DefaultValue", of.default.as_ref().map(literal))
        .list("Directives", &of.directives, directive)
        .comment("Comment", &of.comment)
        .with("Used", of.used)
        .value()
}

fn fragment_definition(of: &FragmentDefinition) -> Value {
    Node::default()
        .with("Name", of.name.as_str())
        .list("VariableDefinition", &of.variables, variable_definition)
        .with("TypeCondition", of.condition.as_str())
        .list("Directives", &of.directives, directive)
        .list("SelectionSet", &of.selections, selection)
        .comment("Comment", &of.comment)
        .value()
}

fn selection(of: &Selection) -> Value {
    match of {
        Selection::Field(of) => field(of),
        Selection::Spread(of) => spread(of),
        Selection::Inline(of) => inline(of),
    }
}

fn field(of: &Field) -> Value {
    Node::default()
        .with("Alias", of.alias.as_str())
        .with("Name", of.name.as_str())
        .list("Arguments", &of.arguments, argument)
        .list("Directives", &of.directives, directive)
        .list("SelectionSet", &of.selections, selection)
        .comment("Comment", &of.comment)
        .value()
}

fn spread(of: &FragmentSpread) -> Value {
    Node::default()
        .with("Name", of.name.as_str())
        .list("Directives", &of.directives, directive)
        .comment("Comment", &of.comment)
        .value()
}

fn inline(of: &InlineFragment) -> Value {
    Node::default()
        .with("TypeCondition", of.condition.as_str())
        .list("Directives", &of.directives, directive)
        .list("SelectionSet", &of.selections, selection)
        .comment("Comment", &of.comment)
        .value()
}

fn directive(of: &Directive) -> Value {
    Node::default()
        .with("Name", of.name.as_str())
        .list("Arguments", &of.arguments, argument)
        .with("Location", of.location.as_str())
        .value()
}

fn argument(of: &Argument) -> Value {
    Node::default()
        .with("Name", of.name.as_str())
        .optional("Value", of.value.as_ref().map(literal))
        .comment("Comment", &of.comment)
        .value()
}

fn literal(of: &Literal) -> Value {
    Node::default()
        .with("Raw", of.raw.as_str())
        .list("Children", &of.children, |child| {
            Node::default()
                .with("Name", child.name.as_str())
                .optional("Value", child.value.as_ref().map(literal))
                .comment("Comment", &child.comment)
                .value()
        })
        .with("Kind", of.kind as i32)
        .comment("Comment", &of.comment)
        .with("ExpectedTypeHasDefault", of.has_default)
        .value()
}

fn type_reference(of: &Type) -> Value {
    Node::default()
        .with("NamedType", of.named.as_str())
        .optional("Elem", of.item.as_deref().map(type_reference))
        .with("NonNull", of.non_null)
        .value()
}

fn schema_definition(of: &SchemaDefinition) -> Value {
    Node::default()
        .with("Description", of.description.as_str())
        .list("Directives", &of.directives, directive)
        .list("OperationTypes", &of.operations, operation_type)
        .comments(&of.comments)
        .value()
}

fn operation_type(of: &OperationType) -> Value {
    Node::default()
        .with("Operation", of.operation.as_str())
        .with("Type", of.of.as_str())
        .comment("Comment", &of.comment)
        .value()
}

fn definition(of: &Definition) -> Value {
    Node::default()
        .with("Kind", of.kind.as_str())
        .with("Description", of.description.as_str())
        .with("Name", of.name.as_str())
        .list("Directives", &of.directives, directive)
        .names("Interfaces", &of.interfaces)
        .list("Fields", &of.fields, field_definition)
        .names("Types", &of.types)
        .list("EnumValues", &of.values, enum_value)
        .with("BuiltIn", of.built_in)
        .comments(&of.comments)
        .value()
}

fn field_definition(of: &FieldDefinition) -> Value {
    Node::default()
        .with("Description", of.description.as_str())
        .with("Name", of.name.as_str())
        .list("Arguments", &of.arguments, argument_definition)
        .optional("DefaultValue", of.default.as_ref().map(literal))
        .with("Type", type_reference(&of.of))
        .list("Directives", &of.directives, directive)
        .comments(&of.comments)
        .value()
}

fn argument_definition(of: &ArgumentDefinition) -> Value {
    Node::default()
        .with("Description", of.description.as_str())
        .with("Name", of.name.as_str())
        .optional("DefaultValue", of.default.as_ref().map(literal))
        .with("Type", type_reference(&of.of))
        .list("Directives", &of.directives, directive)
        .comments(&of.comments)
        .value()
}

fn enum_value(of: &EnumValue) -> Value {
    Node::default()
        .with("Description", of.description.as_str())
        .with("Name", of.name.as_str())
        .list("Directives", &of.directives, directive)
        .comments(&of.comments)
        .value()
}

fn directive_definition(of: &DirectiveDefinition) -> Value {
    Node::default()
        .with("Description", of.description.as_str())
        .with("Name", of.name.as_str())
        .list("Arguments", &of.arguments, argument_definition)
        .names("Locations", &of.locations)
        .with("IsRepeatable", of.repeatable)
        .comments(&of.comments)
        .value()
}
