//! Statements: packages, imports and rules, and what they are together.

use super::naked::rule_from_body;
use super::parser::Parser;
use super::token::{FUTURE, Kind};
use crate::ast::{Body, Import, Location, Module, Name, Package, Rule, Term, TermKind, Version};
use crate::error::{Code, Error};

/// A statement.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "rules are nearly all of a module's statements")]
pub(super) enum Statement {
    Package(Package),
    Import(Import),
    Rule(Rule),
    Body(Body),
}

impl Statement {
    pub(super) fn location(&self) -> Location {
        match self {
            Self::Package(package) => package.location,
            Self::Import(import) => import.location,
            Self::Rule(rule) => rule.location,
            Self::Body(body) => body.first().map_or_else(Location::default, |expr| expr.location),
        }
    }

    /// As OPA names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Package(_) => "package",
            Self::Import(_) => "import",
            Self::Rule(_) => "rule",
            Self::Body(_) => "body",
        }
    }
}

impl Parser<'_> {
    /// All statements to the end or to the first error; without rules, a query.
    pub(super) fn statements(&mut self, with_rules: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        while !self.at(Kind::Eof) && self.errors.is_empty() {
            let mark = self.mark();
            if let Some(package) = self.package() {
                statements.push(Statement::Package(package));
                continue;
            }
            if !self.errors.is_empty() {
                break;
            }
            self.restore(mark);
            if let Some(import) = self.import() {
                self.switch_syntax(&import);
                statements.push(Statement::Import(import));
                continue;
            }
            if !self.errors.is_empty() {
                break;
            }
            self.restore(mark);
            if with_rules {
                if let Some(rules) = self.rules() {
                    statements.extend(rules.into_iter().map(Statement::Rule));
                    continue;
                }
                if !self.errors.is_empty() {
                    break;
                }
                self.restore(mark);
            }
            match self.query(true, Kind::Eof) {
                Some(body) => statements.push(Statement::Body(body)),
                None => break,
            }
        }
        statements
    }

    /// `package` or `import` and a space; none where it is a ref that starts with the word.
    fn keyword(&mut self, keyword: Kind) -> Option<()> {
        if !self.at(keyword) {
            return None;
        }
        self.scan_space();
        if matches!(self.kind(), Kind::Dot | Kind::LBrack) {
            return None;
        }
        if self.at(Kind::Whitespace) {
            self.scan();
        }
        if !self.is_name() {
            self.illegal("");
            return None;
        }
        self.s.token.kind = Kind::Ident;
        Some(())
    }

    fn package(&mut self) -> Option<Package> {
        let from = self.loc();
        self.keyword(Kind::Package)?;
        let term = self.term()?;
        let path = match term.kind {
            TermKind::Var(name) => vec![name],
            TermKind::Ref(r) => {
                let Some(name) = r.head.as_var() else {
                    let message = format!("unexpected {} token: expecting var", r.head.kind_name());
                    self.error(r.head.location, message);
                    return None;
                };
                let mut path = vec![name.clone()];
                path.extend(self.strings(&r.path)?);
                path
            }
            _ => {
                self.illegal("");
                return None;
            }
        };
        Some(Package { location: from, path })
    }

    /// The parts of a path.
    fn strings(&mut self, path: &[Term]) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        for part in path {
            let Some(name) = part.as_str() else {
                self.error(part.location, format!("unexpected {} token: expecting string", part.kind_name()));
                return None;
            };
            names.push(Name::from(name));
        }
        Some(names)
    }

    fn import(&mut self) -> Option<Import> {
        let from = self.loc();
        self.keyword(Kind::Import)?;
        // `import future.keywords.in` where `in` is a keyword already.
        let keywords = std::mem::take(&mut self.s.lexer.keywords);
        let term = self.term();
        self.s.lexer.keywords = keywords;
        let path_location = term.as_ref().map_or(from, |term| term.location);
        let mut last = path_location;
        let path = match term.map(|term| term.kind) {
            Some(TermKind::Var(name)) => vec![name],
            Some(TermKind::Ref(r)) => match r.head.as_var() {
                Some(name) => {
                    let mut path = vec![name.clone()];
                    path.extend(self.strings(&r.path)?);
                    last = r.path.last().map_or(last, |part| part.location);
                    path
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let Some(root) = path.first() else {
            self.error(self.loc(), "expected path");
            return None;
        };
        if !matches!(&**root, "data" | "input" | "future" | "rego") {
            self.hint("if this is unexpected, try updating OPA");
            let message =
                format!("unexpected import path, must begin with one of: {{data, future, input, rego}}, got: {root}");
            self.error(path_location, message);
            return None;
        }
        let mut import = Import { location: from, path, path_location, alias: None };
        if self.at(Kind::As) {
            self.scan();
            let alias = if self.at(Kind::Ident) { self.term() } else { None };
            let Some(alias) = alias.as_ref().and_then(Term::as_var) else {
                self.illegal("expected var");
                return None;
            };
            import.alias = Some(alias.clone());
            return Some(import);
        }
        self.check_last(&import, last);
        Some(import)
    }

    /// A name by which an import is known cannot be a keyword.
    fn check_last(&mut self, import: &Import, place: Location) {
        let Some(last) = import.path.last().filter(|_| &*import.path[0] != "future") else { return };
        if is_keyword(last, self.options.version) {
            let message = format!("unexpected import path, must not end with a keyword, got: {last}");
            self.error(place, message);
            self.hint("import a different path or use an alias");
        }
    }

    /// `future.keywords` and `rego.v1`.
    fn switch_syntax(&mut self, import: &Import) {
        let place = import.path_location;
        let path: Vec<&str> = import.path.iter().map(|part| &**part).collect();
        match path.as_slice() {
            ["future", "keywords", rest @ ..] => {
                if import.alias.is_some() {
                    return self.error(place, "`future` imports cannot be aliased");
                }
                let known = &mut self.s.lexer.keywords;
                match rest {
                    [word] if FUTURE.contains(word) => known.add(word),
                    [_] => {
                        self.error(place, format!("unexpected keyword, must be one of [{}]", FUTURE.join(" ")));
                    }
                    _ => FUTURE.iter().for_each(|word| known.add(word)),
                }
            }
            ["future", ..] => self.error(place, "invalid import, must be `future.keywords`"),
            ["rego", "v1"] => {
                if self.options.version == Version::V1 {
                    return;
                }
                if import.alias.is_some() {
                    return self.error(place, "`rego` imports cannot be aliased");
                }
                FUTURE.iter().for_each(|word| self.s.lexer.keywords.add(word));
            }
            ["rego", ..] => {
                self.error(place, format!("invalid import `{}`, must be `rego.v1`", path.join(".")));
            }
            _ => {}
        }
    }
}

/// The keywords of all dialects.
pub(super) const KEYWORDS: [&str; 11] =
    ["not", "package", "import", "as", "default", "else", "with", "null", "true", "false", "some"];

/// Whether a word is a keyword whatever was imported.
pub(crate) fn is_keyword(word: &str, version: Version) -> bool {
    KEYWORDS.contains(&word) || (version.is_v1() && FUTURE.contains(&word))
}

/// A module of its statements. Each that is none is an error of its own.
pub(super) fn assemble(parser: Parser<'_>, statements: Vec<Statement>) -> Result<(Module, Vec<Placed>), Vec<Error>> {
    let source = parser.source;
    let mut errors = Vec::new();
    let at = |message: &str, location: Location| Error::at(Code::Parse, message, location, source);
    if statements.is_empty() {
        let mut error = Error::new(Code::Parse, "empty module");
        error.file = Some(source.name.clone());
        return Err(vec![error]);
    }
    let mut version = parser.options.version;
    let (mut package, mut imports, mut rules) = (None, Vec::new(), Vec::new());
    let mut placed = Vec::new();
    for (i, statement) in statements.into_iter().enumerate() {
        let (location, type_name) = (statement.location(), statement.type_name());
        if i == 0 && type_name != "package" {
            errors.push(at("package expected", location));
            continue;
        }
        let mut rule = None;
        match statement {
            Statement::Package(found) if i == 0 => package = Some(found),
            Statement::Package(_) => errors.push(at("unexpected package", location)),
            Statement::Import(import) => {
                if version == Version::V0 && import.path.iter().map(|part| &**part).eq(["rego", "v1"]) {
                    version = Version::V0CompatV1;
                }
                imports.push(import);
            }
            Statement::Rule(found) => rule = Some(found),
            Statement::Body(body) => match rule_from_body(body) {
                Ok(found) => rule = Some(found),
                Err(message) => errors.push(at(&message, location)),
            },
        }
        let type_name = if rule.is_some() { "rule" } else { type_name };
        placed.push(Placed { row: location.row, type_name, rule: rule.as_ref().map(|_| rules.len()) });
        rules.extend(rule);
    }
    if version.is_v1() {
        rules.iter().for_each(|rule| super::check::check_v1(rule, source, &mut errors));
    }
    match package {
        Some(package) if errors.is_empty() => {
            let (source, comments, parens) = (source.clone(), parser.comments, parser.parens);
            let annotations = Vec::new();
            Ok((Module { source, version, package, imports, rules, annotations, comments, parens }, placed))
        }
        _ => Err(errors),
    }
}

/// Where a statement starts and what it is, for the annotations before it.
#[derive(Debug)]
pub(super) struct Placed {
    pub row: u32,
    pub type_name: &'static str,
    /// Its index among the rules.
    pub rule: Option<usize>,
}
