//! Policies and data from files and folders, laid out as `opa` lays them out: a folder's names below the one that was named
//! are the path of its documents. The commands' only reader of files; it knows nothing of evaluation.

pub mod bundle;
mod conflicts;
mod files;
mod host;
mod ignore;
mod modules;
mod roots;
mod tree;

pub use conflicts::conflicts;
pub use files::{clean, paths, read};
pub use host::NEEDS;
pub use modules::{Text, one};
pub use tree::Tree;

use super::output::failure::Failure;
use sluice_rego::ast::{Module, Version};
use sluice_rego::{Compiled, Engine, Value, json, yaml};
use std::path::Path;

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    pub version: Version,
    /// Patterns of names that are passed over below the folders that were named.
    pub ignore: &'a [String],
    /// Pass over everything that is no policy.
    pub only_rego: bool,
}

/// What was loaded. A module's place in the list is its source's index.
#[derive(Debug, Default)]
pub struct Loaded {
    pub modules: Vec<Module>,
    pub data: Tree,
}

impl Loaded {
    /// Compiles what was loaded, with the host's builtins; strictly, what is only careless is an error too.
    ///
    /// # Errors
    /// All that is wrong with the modules together.
    pub fn compile(self, version: Version, strict: bool) -> Result<Compiled, Vec<sluice_rego::Error>> {
        let mut engine = Engine::new(version);
        engine.set_strict(strict);
        for builtin in host::builtins() {
            engine.add_builtin(builtin);
        }
        for module in self.modules {
            engine.add_parsed(module);
        }
        engine.keep_prints();
        engine.set_data(self.data.into_value());
        engine.compile()
    }
}

/// An error of the operating system in C's words, after what was tried: `open a.rego: permission denied`.
pub fn os_error(act: &str, path: &Path, error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let text: String = chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect();
    format!("{act} {}: {text}", path.display())
}

/// A JSON document.
///
/// # Errors
/// The reason, without the file's name.
pub fn parse_json(text: &[u8]) -> Result<Value, String> {
    let text = String::from_utf8_lossy(text);
    json::parse(&text).map_err(|error| match error.message.as_str() {
        "unexpected end of JSON input" if text.trim().is_empty() => "EOF".to_owned(),
        "unexpected end of JSON input" => "unexpected EOF".to_owned(),
        _ => {
            let row = text.get(..error.offset).map_or(1, |before| before.matches('\n').count() + 1);
            if row == 1 { error.message } else { format!("{} (line {row})", error.message) }
        }
    })
}

/// A YAML document.
///
/// # Errors
/// The reason, without the file's name.
pub fn parse_yaml(text: &[u8]) -> Result<Value, String> {
    match std::str::from_utf8(text) {
        Ok(text) => yaml::parse(text).map_err(|error| error.message),
        Err(error) => Err(format!("yaml: invalid UTF-8 at byte {}", error.valid_up_to())),
    }
}

/// JSON, or else YAML: an input.
///
/// # Errors
/// The reason why it is no YAML either.
pub fn parse_any(text: &[u8]) -> Result<Value, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    parse_json(text).or_else(|_| parse_yaml(text))
}

/// A member of an object by its name.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(&Value::string(name)),
        _ => None,
    }
}

/// A failure of loading as an error that is one sentence.
fn plain(message: String) -> Vec<Failure> {
    vec![Failure::Plain(message)]
}
