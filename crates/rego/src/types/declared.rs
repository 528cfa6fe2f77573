//! Types as they are declared: a table of OPA's builtins, and declarations of a host. A line is
//! `name(x: type, type) => y: type`, with types as errors show them; a void function has no `=>`, `type...` is any number
//! of arguments, and `deprecated` at the end says what it says. The table has the facts of `opa capabilities --current` of
//! OPA 1.15.2, one line for each builtin.

use super::{Function, Type};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

const TABLE: &str = include_str!("builtins.txt");

/// What is known of a builtin before it is called.
#[derive(Clone, Debug)]
pub struct Declared {
    /// What it takes and gives.
    pub function: Arc<Function>,
    /// Whether strict mode refuses it.
    pub deprecated: bool,
}

static BY_NAME: LazyLock<HashMap<&'static str, Declared>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (name, rest) = line.split_at(line.find('(')?);
        let (rest, deprecated) = match rest.strip_suffix(" deprecated") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        Some((name, Declared { function: Arc::new(declaration(rest).ok()?), deprecated }))
    };
    TABLE.lines().filter_map(line).collect()
});

/// The builtin of a name.
pub fn builtin(name: &str) -> Option<&'static Declared> {
    BY_NAME.get(name)
}

/// The names of all builtins.
pub fn names() -> impl Iterator<Item = &'static str> {
    BY_NAME.keys().copied()
}

/// A declaration that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a declaration is `(x: type, ..) => y: type`, with types as errors show them")]
pub struct Malformed;

/// Reads a declaration without its name.
///
/// # Errors
/// The text is none.
pub fn declaration(text: &str) -> Result<Function, Malformed> {
    let mut reader = Reader { rest: text, depth: 0 };
    let mut function = Function::default();
    reader.expect("(")?;
    while !reader.take(")") {
        let name = reader.name();
        let of = reader.of()?;
        if reader.take("...") {
            function.variadic = of;
        } else {
            function.args.push(of);
            function.names.push(name);
        }
        if !reader.take(",") {
            reader.expect(")")?;
            break;
        }
    }
    if reader.take("=>") {
        let name = reader.name();
        function.result = reader.of()?;
        function.names.push(name);
    }
    if reader.rest.trim().is_empty() { Ok(function) } else { Err(Malformed) }
}

/// Nesting that is read.
const MAX_DEPTH: usize = 32;

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), Malformed> {
        if self.take(token) { Ok(()) } else { Err(Malformed) }
    }

    fn word(&mut self) -> &'t str {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        word
    }

    /// `name:`, if there is one; it may be of several words.
    fn name(&mut self) -> Option<Arc<str>> {
        let (name, rest) = self.rest.split_once(':')?;
        let name = name.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ');
        if name.is_empty() || !name.chars().all(fits) {
            return None;
        }
        self.rest = rest;
        Some(Arc::from(name))
    }

    fn of(&mut self) -> Result<Type, Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Malformed);
        }
        let of = match self.word() {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "number" => Type::Number,
            "string" => Type::String,
            "any" => self.list(Self::of)?.map_or_else(Type::any, Type::union),
            "array" => {
                let fixed = self.list(Self::of)?.unwrap_or_default();
                Type::array(fixed, self.bracketed(Self::of)?.unwrap_or_default())
            }
            "set" => Type::set(self.bracketed(Self::of)?.ok_or(Malformed)?),
            "object" => {
                let fixed = self.list(|reader| {
                    let key = Value::string(reader.name().ok_or(Malformed)?);
                    Ok((key, reader.of()?))
                })?;
                let dynamic = self.bracketed(|reader| {
                    let key = reader.of()?;
                    reader.expect(":")?;
                    Ok((key, reader.of()?))
                })?;
                Type::object(fixed.unwrap_or_default(), dynamic)
            }
            _ => return Err(Malformed),
        };
        self.depth -= 1;
        Ok(of)
    }

    /// `<.., ..>`.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, Malformed>) -> Result<Option<Vec<T>>, Malformed> {
        if !self.take("<") {
            return Ok(None);
        }
        let mut items = vec![item(self)?];
        while self.take(",") {
            items.push(item(self)?);
        }
        self.expect(">")?;
        Ok(Some(items))
    }

    /// `[..]`.
    fn bracketed<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if !self.take("[") {
            return Ok(None);
        }
        let item = item(self)?;
        self.expect("]")?;
        Ok(Some(item))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_shown_as_it_stands() {
        assert_eq!(BY_NAME.len(), TABLE.lines().count());
        for line in TABLE.lines() {
            let (name, rest) = line.split_at(line.find('(').unwrap());
            let function = &builtin(name).unwrap().function;
            let mut shown = function.wanted(false);
            if function.result != Type::Unknown {
                let name = function.names.last().unwrap().as_ref().map_or(String::new(), |name| format!("{name}: "));
                shown.push_str(&format!(" => {name}{}", function.result));
            }
            assert_eq!(shown, rest.strip_suffix(" deprecated").unwrap_or(rest), "{name}");
        }
    }

    #[test]
    fn every_builtin_is_declared_with_its_arity() {
        for builtin in crate::builtins::all() {
            let declared = super::builtin(builtin.name).map(|declared| declared.function.args.len());
            assert_eq!(declared, Some(builtin.arity), "{}", builtin.name);
        }
    }

    #[test]
    fn what_is_no_declaration_is_refused() {
        for text in [
            "",
            "x",
            "(",
            "(strin)",
            "(string",
            "(x:)",
            "() =>",
            "() => any<>",
            "() => set",
            "() any",
            "(object<string>)",
        ] {
            assert_eq!(declaration(text), Err(Malformed), "{text}");
        }
        assert!(declaration(&format!("() => {}any{}", "set[".repeat(1000), "]".repeat(1000))).is_err());
    }
}
