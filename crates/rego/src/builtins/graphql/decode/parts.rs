//! What queries and schemas have in common: comments, directives, arguments, literals and types.

use super::{Decoded, Reader};
use crate::builtins::graphql::ast::{Argument, Child, Comment, Comments, Directive, Literal, LiteralKind, Type};
use crate::value::Value;

impl Reader {
    /// A group of comments.
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

    /// Reads one of the comments around a definition, if the key is of one.
    pub fn comments(&mut self, comments: &mut Comments, key: &str, value: &Value) -> Decoded<()> {
        let of = match key {
            "beforedescriptioncomment" => &mut comments.before_description,
            "afterdescriptioncomment" => &mut comments.after_description,
            "endofdefinitioncomment" => &mut comments.end,
            _ => return Ok(()),
        };
        *of = self.comment(value)?;
        Ok(())
    }

    /// Directives.
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

    /// Arguments.
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

    /// A literal; none for null.
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

    /// A type; none for null.
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
            self.lacks("Type");
        }
        Ok(found.then_some(of))
    }
}
