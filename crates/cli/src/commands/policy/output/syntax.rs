//! Syntax as an indented tree, and the order in which JSON tells it. Pure.

use super::doc::Doc;
use sluice_rego::ast::{Body, Expr, ExprKind, Head, Module, Name, Ref, Rule, SomeDecl, TemplatePart, Term, TermKind};
use sluice_rego::{Value, json};

/// A module as a tree.
pub fn tree(module: &Module) -> String {
    let mut tree = Tree { out: String::new() };
    tree.line(0, "module");
    tree.line(1, "package");
    let package = std::iter::once("data").chain(module.package.path.iter().map(|part| &**part));
    tree.path(2, package);
    for import in &module.imports {
        tree.line(1, "import");
        tree.path(2, import.path.iter().map(|part| &**part));
        tree.line(2, import.alias.as_deref().unwrap_or(""));
    }
    for rule in &module.rules {
        tree.rule(rule);
    }
    module.annotations.iter().for_each(|_| tree.line(1, "annotations"));
    module.comments.iter().for_each(|_| tree.line(1, "comment"));
    tree.out
}

struct Tree {
    out: String,
}

impl Tree {
    fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&" ".repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A ref of names, whose first is a variable.
    fn path<'a>(&mut self, depth: usize, parts: impl Iterator<Item = &'a str>) {
        self.line(depth, "ref");
        for (i, part) in parts.enumerate() {
            let text = if i == 0 { part.to_owned() } else { Value::string(part).to_string() };
            self.line(depth + 1, &text);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.line(1, "rule");
        self.head(2, &rule.head, &rule.head.args, rule.head.value.as_ref());
        self.body(2, &rule.body);
        for (i, branch) in rule.elses.iter().enumerate() {
            self.line(i + 2, "rule");
            self.head(i + 3, &rule.head, &branch.args, Some(&branch.value));
            self.body(i + 3, &branch.body);
        }
    }

    fn head(&mut self, depth: usize, head: &Head, args: &[Term], value: Option<&Term>) {
        self.line(depth, "head");
        self.line(depth + 1, "ref");
        head.reference.iter().for_each(|term| self.term(depth + 2, term));
        if !args.is_empty() {
            self.line(depth + 1, "args");
            args.iter().for_each(|term| self.term(depth + 2, term));
        }
        if let Some(value) = value {
            self.term(depth + 1, value);
        }
    }

    fn body(&mut self, depth: usize, body: &Body) {
        self.line(depth, "body");
        body.iter().for_each(|expr| self.expr(depth + 1, expr));
    }

    fn expr(&mut self, depth: usize, expr: &Expr) {
        let negated = if expr.negated { "negated " } else { "" };
        self.line(depth, &format!("expr {negated}index={}", expr.index));
        match &expr.kind {
            ExprKind::Term(term) => self.term(depth + 1, term),
            ExprKind::Call(call) => {
                self.reference(depth + 1, &call.operator);
                call.args.iter().for_each(|term| self.term(depth + 1, term));
            }
            ExprKind::Some(decl) => {
                self.line(depth + 1, "somedecl");
                match &**decl {
                    SomeDecl::Vars(vars) => vars.iter().for_each(|term| self.term(depth + 2, term)),
                    SomeDecl::In { key, value, domain } => {
                        self.line(depth + 2, "call");
                        let name = if key.is_some() { "member_3" } else { "member_2" };
                        self.path(depth + 3, ["internal", name].into_iter());
                        key.iter().chain([value, domain]).for_each(|term| self.term(depth + 3, term));
                    }
                }
            }
            ExprKind::Every(every) => {
                self.line(depth + 1, "every");
                every.key.iter().chain([&every.value, &every.domain]).for_each(|term| self.term(depth + 2, term));
                self.body(depth + 2, &every.body);
            }
        }
        for with in &expr.with {
            self.line(depth + 1, "with");
            match &with.target.kind {
                TermKind::Var(name) => {
                    self.line(depth + 2, "ref");
                    self.line(depth + 3, name);
                }
                _ => self.term(depth + 2, &with.target),
            }
            self.term(depth + 2, &with.value);
        }
    }

    fn reference(&mut self, depth: usize, r: &Ref) {
        self.line(depth, "ref");
        std::iter::once(&*r.head).chain(&r.path).for_each(|term| self.term(depth + 1, term));
    }

    fn term(&mut self, depth: usize, term: &Term) {
        match &term.kind {
            TermKind::Scalar(value) => self.line(depth, &value.to_string()),
            TermKind::Var(name) => self.line(depth, shown(name)),
            TermKind::Ref(r) => self.reference(depth, r),
            TermKind::Array(items) | TermKind::Set(items) => {
                self.line(depth, term.kind_name());
                items.iter().for_each(|item| self.term(depth + 1, item));
            }
            TermKind::Object(items) => {
                self.line(depth, "object");
                items.iter().flat_map(|(key, value)| [key, value]).for_each(|item| self.term(depth + 1, item));
            }
            TermKind::Call(call) => {
                self.line(depth, "call");
                self.reference(depth + 1, &call.operator);
                call.args.iter().for_each(|arg| self.term(depth + 1, arg));
            }
            TermKind::ArrayComp(comp) | TermKind::SetComp(comp) => {
                self.line(depth, term.kind_name());
                self.term(depth + 1, &comp.head);
                self.body(depth + 1, &comp.body);
            }
            TermKind::ObjectComp(comp) => {
                self.line(depth, term.kind_name());
                self.term(depth + 1, &comp.key);
                self.term(depth + 1, &comp.value);
                self.body(depth + 1, &comp.body);
            }
            TermKind::TemplateString(template) => {
                self.line(depth, term.kind_name());
                // OPA does not show these; a tree without them would say little.
                for part in &template.parts {
                    match part {
                        TemplatePart::Scalar(inner) => self.term(depth + 1, inner),
                        TemplatePart::Expr(expr) => self.expr(depth + 1, expr),
                    }
                }
            }
        }
    }
}

fn shown(name: &Name) -> &str {
    if name.starts_with('$') { "_" } else { name }
}

/// Members of syntax in the order in which they are told, whatever object they are of.
const ORDER: &[&str] = &[
    "package",
    "imports",
    "type",
    "alias",
    "path",
    "scope",
    "title",
    "organizations",
    "annotations",
    "rules",
    "comments",
    "Text",
    "Location",
    "file",
    "row",
    "col",
    "index",
    "negated",
    "terms",
    "target",
    "name",
    "args",
    "key",
    "value",
    "assign",
    "ref",
    "description",
    "entrypoint",
    "related_resources",
    "authors",
    "schemas",
    "term",
    "symbols",
    "domain",
    "body",
    "default",
    "else",
    "head",
    "with",
    "parts",
    "multi_line",
];

/// A module's JSON with members in that order; what annotations hold of their own, sorted.
pub fn ordered(value: &Value) -> Doc {
    match value {
        Value::Array(items) => Doc::Array(items.iter().map(ordered).collect()),
        Value::Object(members) => {
            let mut members: Vec<(String, &Value)> =
                members.iter().map(|(name, value)| (json::key_text(name), value)).collect();
            // `every` alone is told by the alphabet.
            let every = members.iter().any(|(name, _)| name == "domain");
            let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
            // They are in the alphabet's order already.
            members.sort_by_key(|(name, _)| if every { 0 } else { rank(name) });
            let member = |(name, value): (String, &Value)| {
                let doc = if name == "custom" { Doc::Value(value.clone()) } else { ordered(value) };
                (name, doc)
            };
            Doc::Object(members.into_iter().map(member).collect())
        }
        // Numbers keep their text, which the engine's own writer knows.
        other => Doc::Raw(json::to_string(other)),
    }
}
