//! Modules in OPA's layout, byte for byte what `opa fmt` writes, but where that tool fails:
//!
//! - A rule that it would write with another meaning, as no Rego at all, or without one of its comments stays as it stands
//!   (`"x"` as the value of `{"k": "x" | ..}` and strings after `else := "x" if` become other strings there, and comments
//!   within what it puts into one line are lost or doubled).
//! - Parentheses that the meaning needs are written: around `x in xs` and comparisons as operands.
//! - Two comments that it makes one of at the head of a list stay two.
//! - What it writes differently the second time is given as it stays, and no rule takes the indentation of the one before.
//!
//! Where the dialect changes, what stays as it stands may not be of it: that is an error at the rule.

mod checks;
mod collection;
mod expr;
mod imports;
mod module;
mod order;
mod place;
mod rule;
mod same;
mod term;
mod writer;

use crate::ast::{Module, Source, Version};
use crate::error::{Code, Error};
use crate::parse::{Options, parse_module};
use same::{Difference, difference};
use std::collections::HashSet;

/// How often a layout is laid out again until it stays as it is.
const ROUNDS: usize = 8;

/// How a module is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatOptions {
    /// The dialect of the text given: V0 or V1.
    pub read: Version,
    /// The dialect of the text wanted: V0, V1, or V0CompatV1, which both read alike.
    pub write: Version,
    /// Leave out the imports of `rego.v1` and `future.keywords` where V1 needs none.
    pub drop_v0_imports: bool,
    /// Where the dialect changes, refuse a result that does not parse instead of giving it.
    pub check_result: bool,
}

impl Default for FormatOptions {
    fn default() -> Self {
        Self { read: Version::V1, write: Version::V1, drop_v0_imports: false, check_result: true }
    }
}

impl FormatOptions {
    /// What the flags `--v0-v1` (once `--rego-v1`), `--v0-compatible` and `--v1-compatible` of `opa fmt` mean together.
    pub fn of_flags(v0_v1: bool, v0_compatible: bool, v1_compatible: bool) -> Self {
        let read = match (v0_compatible, v1_compatible) {
            (true, _) => Version::V0,
            (false, true) => Version::V1,
            (false, false) if v0_v1 => Version::V0,
            (false, false) => Version::V1,
        };
        let write = match (v0_v1, v0_compatible) {
            (true, _) => Version::V0CompatV1,
            (false, true) => Version::V0,
            (false, false) => Version::V1,
        };
        Self { read, write, ..Self::default() }
    }
}

/// The module in OPA's layout. What is not a module of the dialect, or cannot be written in the one wanted, is an error at
/// its place.
pub fn format(file: &str, text: &str, options: &FormatOptions) -> Result<String, Vec<Error>> {
    let mut written = once(file, text, options)?;
    // A layout may itself be laid out in another way; what is given is one that stays.
    let read = if options.write == Version::V0CompatV1 { options.read } else { options.write };
    let again = FormatOptions { read, ..*options };
    if written == text && again == *options {
        return Ok(written);
    }
    for _ in 0..ROUNDS {
        // What does not parse was not to be checked.
        let Ok(next) = once(file, &written, &again) else { break };
        if next == written {
            break;
        }
        written = next;
    }
    Ok(written)
}

/// One layout, and one that is faithful: rules which it would change or take a comment from are left as they stand.
fn once(file: &str, text: &str, options: &FormatOptions) -> Result<String, Vec<Error>> {
    let source = Source::new(0, file, text);
    let module = parse_module(&source, &read(options.read))?;
    if options.write != Version::V0 {
        checks::check(&module)?;
    }
    // What is compatible with V0 must be read by it.
    let result_version = if options.write == Version::V0CompatV1 { Version::V0 } else { options.write };
    let mut keep = HashSet::new();
    let mut first = None;
    for round in 0.. {
        let layout = module::write(&module, options, &keep)?;
        let result = Source::new(0, file, &layout.text);
        let (wrong, why) = match parse_module(&result, &read(result_version)) {
            Ok(written) => match difference(&module, &written) {
                Difference::None => return Ok(layout.text),
                Difference::Rules(rules) => (layout.holding(&rules), "would have another meaning".to_owned()),
                Difference::Comments(texts) => (layout.around(&module, &texts), "would lose a comment".to_owned()),
                Difference::Other => (layout.all(), "would lose a rule or an import".to_owned()),
            },
            Err(_) if options.read != options.write && !options.check_result => return Ok(layout.text),
            Err(errors) => {
                let error = errors.into_iter().next();
                let why =
                    error.as_ref().map_or_else(String::new, |error| format!("would fail with: {}", error.message));
                (layout.at(error.map_or(0, |error| error.location.offset)), why)
            }
        };
        let before = keep.len();
        keep.extend(wrong.iter().copied());
        first.get_or_insert((wrong, why));
        if keep.len() == before || round > ROUNDS {
            let before = keep.len();
            keep.extend(layout.all());
            if keep.len() == before {
                break;
            }
        }
    }
    let (rules, why) = first.unwrap_or_default();
    Err(unfaithful(&module, &rules, &why))
}

fn read(version: Version) -> Options {
    Options { version, ..Options::default() }
}

/// The error of a rule that cannot be written and cannot stay either.
fn unfaithful(module: &Module, rules: &[usize], why: &str) -> Vec<Error> {
    let rule = rules.iter().min().and_then(|index| module.rules.get(*index));
    let place = rule.map_or(module.package.location, |rule| rule.location);
    let message = format!("cannot be formatted for this dialect: the result {why}");
    let mut error = Error::at(Code::Format, message, place, &module.source);
    let line = module.source.line(place);
    let shown = line.trim_start_matches('\t');
    let caret = (place.col as usize).saturating_sub(1 + line.len() - shown.len());
    error.excerpt = Some((shown.to_owned(), caret));
    vec![error]
}
