//! Blocks of comments after `# METADATA`: their YAML to annotations, and each to the statement that follows it.

use super::module::Placed;
use super::yaml::{self, Node, NodeKind, unmarshal};
use super::{Options, parse_query};
use crate::ast::{
    Annotations, Author, Body, Comment, CompileAnnotation, ExprKind, Location, Module, Ref, RelatedResource,
    SchemaAnnotation, Scope, Source, Target, Term, TermKind,
};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::BTreeMap;

/// A block as read, with its scope as written.
#[derive(Debug)]
pub(super) struct Block {
    annotations: Annotations,
    scope: String,
}

/// All blocks among the comments.
pub(super) fn blocks(comments: &[Comment], source: &Source) -> Result<Vec<Block>, Vec<Error>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let mut rest = comments;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if first.location.col != 1 || !is_metadata(first) {
            continue;
        }
        let mut row = first.location.row;
        let own = |comment: &&Comment| {
            row += 1;
            comment.location.col == 1 && comment.location.row == row
        };
        let lines = rest.iter().take_while(own).count();
        let (lines, after) = rest.split_at(lines);
        rest = after;
        match block(first, lines) {
            Ok(block) => found.push(block),
            Err((message, location)) => errors.push(Error::at(Code::Parse, message, location, source)),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

fn is_metadata(comment: &Comment) -> bool {
    comment.text.trim().starts_with("METADATA")
}

type Fault = (String, Location);

fn block(first: &Comment, lines: &[Comment]) -> Result<Block, Fault> {
    let text: String =
        lines.iter().flat_map(|line| [line.text.strip_prefix(' ').unwrap_or(&line.text), "\n"]).collect();
    if text.trim().is_empty() {
        return Err(("expected METADATA block, found whitespace".into(), first.location));
    }
    let at = |line: usize| lines.get(line).or(lines.last()).map_or(first.location, |comment| comment.location);
    let top = lines.first().map_or(first.location, |comment| comment.location);
    let root = yaml::parse(&text).map_err(|error| {
        let place = if error.message.contains("line ") { at(error.line) } else { top };
        (format!("yaml: {}", error.message), place)
    })?;
    let mut block = Block { annotations: Annotations::default(), scope: String::new() };
    let last = lines.last().unwrap_or(first).location;
    let len = (last.offset + last.len).saturating_sub(first.location.offset);
    block.annotations.location = Location { len, ..first.location };
    let Some(root) = root.filter(|root| !root.is_null()) else { return Ok(block) };
    let NodeKind::Map(pairs) = &root.kind else {
        return Err((format!("yaml: {}", mismatch(&root, "ast.rawAnnotation")), at(root.line)));
    };
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_null()) {
        let NodeKind::Scalar(key, _) = &key.kind else { continue };
        block.field(key, value).map_err(|error| match error {
            Wrong::Shape(message) => (format!("yaml: {message}"), at(value.line)),
            Wrong::Content(message) => (message, first.location),
        })?;
    }
    Ok(block)
}

/// Why a field cannot be read.
enum Wrong {
    /// Its YAML has another shape.
    Shape(String),
    Content(String),
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self::Content(message)
    }
}

fn mismatch(node: &Node, wanted: &str) -> String {
    unmarshal(node.line, &format!("cannot unmarshal {} into {wanted}", node.shown()))
}

fn text(node: &Node) -> Result<String, Wrong> {
    match &node.kind {
        NodeKind::Scalar(text, _) => Ok(text.clone()),
        _ => Err(Wrong::Shape(mismatch(node, "string"))),
    }
}

fn list<'a>(node: &'a Node, wanted: &str) -> Result<&'a [Node], Wrong> {
    match &node.kind {
        NodeKind::List(items) => Ok(items),
        _ => Err(Wrong::Shape(mismatch(node, wanted))),
    }
}

fn map(node: &Node) -> Result<Vec<(String, &Node)>, Wrong> {
    match &node.kind {
        NodeKind::Map(pairs) => pairs.iter().map(|(key, value)| Ok((text(key)?, value))).collect(),
        _ => Err(Wrong::Shape(mismatch(node, "map[string]interface {}"))),
    }
}

impl Block {
    fn field(&mut self, key: &str, value: &Node) -> Result<(), Wrong> {
        let out = &mut self.annotations;
        match key {
            "scope" => self.scope = text(value)?,
            "title" => out.title = text(value)?,
            "description" => out.description = text(value)?,
            "entrypoint" => out.entrypoint = boolean(value)?,
            "organizations" => {
                out.organizations = list(value, "[]string")?.iter().map(text).collect::<Result<_, _>>()?;
            }
            "related_resources" => {
                out.related_resources = list(value, "[]interface {}")?.iter().map(related).collect::<Result<_, _>>()?;
            }
            "authors" => {
                out.authors = list(value, "[]interface {}")?.iter().map(author).collect::<Result<_, _>>()?;
            }
            "schemas" => {
                for item in list(value, "[]map[string]interface {}")? {
                    out.schemas.extend(map(item)?.first().map(|(path, value)| schema(path, value)).transpose()?);
                }
            }
            "compile" => out.compile = Some(compile(&map(value)?)?),
            "custom" => {
                let mut custom = BTreeMap::new();
                for (key, value) in map(value)? {
                    custom.insert(key, value.value(&mut Vec::new())?);
                }
                out.custom = Some(custom);
            }
            _ => {}
        }
        Ok(())
    }
}

fn boolean(node: &Node) -> Result<bool, Wrong> {
    match &node.kind {
        NodeKind::Scalar(_, Some(Value::Bool(b))) => Ok(*b),
        NodeKind::Scalar(text, None) if matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "on") => Ok(true),
        NodeKind::Scalar(text, None) if matches!(text.to_ascii_lowercase().as_str(), "n" | "no" | "off") => Ok(false),
        _ => Err(Wrong::Shape(mismatch(node, "bool"))),
    }
}

/// The text of a map's entry, trimmed; empty where it is missing.
fn entry(pairs: &[(String, &Node)], name: &str) -> String {
    let found = pairs.iter().find(|(key, _)| key == name);
    match found.map(|(_, node)| &node.kind) {
        Some(NodeKind::Scalar(text, None)) => text.trim().to_owned(),
        _ => String::new(),
    }
}

fn related(node: &Node) -> Result<RelatedResource, Wrong> {
    let wrong =
        |shown: &str, why: &str| Err(Wrong::Content(format!("invalid related-resource definition {shown}: {why}")));
    match &node.kind {
        NodeKind::Scalar(text, None) if text.is_empty() => wrong("", "ref URL may not be empty string"),
        NodeKind::Scalar(text, None) => Ok(RelatedResource { reference: text.clone(), description: String::new() }),
        NodeKind::Map(_) => {
            let pairs = map(node)?;
            let (reference, description) = (entry(&pairs, "ref"), entry(&pairs, "description"));
            if reference.is_empty() {
                return wrong("map[]", "'ref' value required in object");
            }
            Ok(RelatedResource { reference, description })
        }
        _ => wrong(&node.shown(), "invalid value type, must be string or map"),
    }
}

fn author(node: &Node) -> Result<Author, Wrong> {
    let wrong = |shown: &str, why: &str| Err(Wrong::Content(format!("invalid author definition {shown}: {why}")));
    match &node.kind {
        NodeKind::Scalar(text, None) => {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            let Some(last) = words.last() else { return wrong(text, "author is an empty string") };
            let email = last.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).map(str::to_owned);
            if email.is_some() {
                words.pop();
            }
            Ok(Author { name: words.join(" "), email: email.unwrap_or_default() })
        }
        NodeKind::Map(_) => {
            let pairs = map(node)?;
            let (name, email) = (entry(&pairs, "name"), entry(&pairs, "email"));
            if name.is_empty() && email.is_empty() {
                return wrong("map[]", "'name' and/or 'email' values required in object");
            }
            Ok(Author { name, email })
        }
        _ => wrong(&node.shown(), "invalid value type, must be string or map"),
    }
}

fn schema(path: &str, value: &Node) -> Result<SchemaAnnotation, Wrong> {
    let path = reference(path).ok_or_else(|| Wrong::Content("invalid document reference".into()))?;
    match &value.kind {
        NodeKind::Scalar(text, None) => {
            let found = term(text).map(|term| term.kind);
            let found = match found {
                Some(TermKind::Var(name)) => {
                    Some(Ref { head: Box::new(Term::var(Location::default(), &name)), path: Vec::new() })
                }
                Some(TermKind::Ref(found)) => Some(found),
                _ => None,
            };
            let found = found.filter(|found| found.head.as_var().is_some_and(|name| &**name == "schema"));
            let schema = found.ok_or_else(|| Wrong::Content("invalid schema reference".into()))?;
            Ok(SchemaAnnotation { path, schema: Some(schema), definition: None })
        }
        NodeKind::Map(_) => {
            let definition =
                value.value(&mut Vec::new()).map_err(|error| format!("invalid schema definition: {error}"))?;
            Ok(SchemaAnnotation { path, schema: None, definition: Some(definition) })
        }
        _ => Err(Wrong::Content(format!("invalid schema declaration for path \"{path}\""))),
    }
}

fn compile(pairs: &[(String, &Node)]) -> Result<CompileAnnotation, Wrong> {
    let mut out = CompileAnnotation::default();
    for (key, value) in pairs {
        match (key.as_str(), &value.kind) {
            ("unknowns", NodeKind::List(items)) => {
                for item in items {
                    let NodeKind::Scalar(text, None) = &item.kind else { continue };
                    let wrong = || Wrong::Content(format!("invalid unknowns element \"{text}\": expected ref"));
                    out.unknowns.push(reference(text).ok_or_else(wrong)?);
                }
            }
            ("mask_rule", NodeKind::Scalar(text, None)) => {
                let wrong = || Wrong::Content(format!("invalid mask_rule annotation \"{text}\""));
                let found = term(text).ok_or_else(wrong)?;
                out.mask_rule = Some(match found.kind {
                    TermKind::Ref(found) => found,
                    TermKind::Var(_) => Ref { head: Box::new(found), path: Vec::new() },
                    _ => return Err(wrong()),
                });
            }
            _ => {}
        }
    }
    Ok(out)
}

/// A text that is one term.
fn term(text: &str) -> Option<Term> {
    let source = Source::new(0, "", text);
    let body: Body = parse_query(&source, &Options::default()).ok()?;
    match <[_; 1]>::try_from(body).ok()?.map(|expr| expr.kind) {
        [ExprKind::Term(term)] => Some(*term),
        _ => None,
    }
}

fn reference(text: &str) -> Option<Ref> {
    match term(text)?.kind {
        TermKind::Ref(found) => Some(found),
        _ => None,
    }
}

/// Gives each block its statement and scope, and each rule its annotations.
pub(super) fn attach(module: &mut Module, blocks: Vec<Block>, placed: &[Placed]) -> Result<(), Vec<Error>> {
    let mut errors = Vec::new();
    for Block { mut annotations, mut scope } in blocks {
        let node = placed.iter().find(|statement| statement.row > annotations.location.row);
        let kind = node.map_or("", |node| node.type_name);
        if scope.is_empty() {
            scope = match kind {
                "rule" if annotations.entrypoint => "document",
                other => other,
            }
            .to_owned();
        }
        let fault = match known(&scope) {
            None => Some(format!(
                "invalid annotation scope '{scope}'. Use one of 'rule', 'document', 'package', or 'subpackages'"
            )),
            Some(found) => {
                annotations.scope = found;
                let wanted = if matches!(found, Scope::Rule | Scope::Document) { "rule" } else { "package" };
                let have = if kind.is_empty() { String::new() } else { format!(" (have {kind})") };
                let misplaced = annotations.entrypoint && !matches!(found, Scope::Document | Scope::Package);
                match kind == wanted {
                    false => Some(format!("annotation scope '{scope}' must be applied to {wanted}{have}")),
                    true if misplaced => {
                        Some(format!("annotation entrypoint applied to non-document or package scope '{scope}'"))
                    }
                    true => None,
                }
            }
        };
        if let Some(message) = fault {
            errors.push(Error::at(Code::Parse, message, annotations.location, &module.source));
            continue;
        }
        annotations.target = node.and_then(|node| node.rule).map_or(Target::Package, Target::Rule);
        module.annotations.push(annotations);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    to_rules(module);
    Ok(())
}

fn known(scope: &str) -> Option<Scope> {
    [Scope::Rule, Scope::Document, Scope::Package, Scope::Subpackages].into_iter().find(|known| known.as_str() == scope)
}

/// A document's annotations are those of all its rules in the module; a rule's are those of the next rule of its name.
fn to_rules(module: &mut Module) {
    let path_of = |head: &crate::ast::Head| -> Vec<String> {
        head.reference
            .iter()
            .enumerate()
            .take_while(|(i, part)| *i == 0 || part.is_ground())
            .map(|(_, part)| part.to_string())
            .collect()
    };
    let paths: Vec<Vec<String>> = module.rules.iter().map(|rule| path_of(&rule.head)).collect();
    let mut left: Vec<usize> = (0..module.annotations.len()).collect();
    for (rule, path) in module.rules.iter_mut().zip(&paths) {
        let mut last = None;
        for (place, index) in left.iter().enumerate() {
            let Some(annotations) = module.annotations.get(*index) else { continue };
            let Target::Rule(target) = annotations.target else { continue };
            if paths.get(target) != Some(path) {
                continue;
            }
            match annotations.scope {
                Scope::Document => rule.annotations.push(*index),
                Scope::Rule if rule.location.row > annotations.location.row => {
                    rule.annotations.push(*index);
                    last = Some(place);
                }
                _ => {}
            }
        }
        if let Some(place) = last {
            left.remove(place);
        }
    }
}
