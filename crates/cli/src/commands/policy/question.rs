//! What `eval` and `bench` have in common: a query, the policy and data that it is asked of, and an input.

use super::args::Question;
use super::load::{self, Loaded, Options, bundle};
use super::output::failure::{Failure, failures};
use sluice_rego::ast::Module;
use sluice_rego::{Compiled, Prepared, QueryScope, Value};
use std::io::Read;
use std::time::{Duration, Instant};

/// How long each phase took, by `opa`'s name for it, in the order in which they came.
pub type Phases = Vec<(&'static str, Duration)>;

/// The texts that a question needs before anything is loaded.
#[derive(Debug)]
pub struct Asked {
    pub query: String,
    pub input: Option<Value>,
}

/// Reads query and input.
///
/// # Errors
/// A sentence that names what could not be read.
pub fn ask(question: &Question, phases: &mut Phases) -> Result<Asked, String> {
    let query = match &question.query {
        Some(query) if !question.stdin => query.clone(),
        _ => String::from_utf8(stdin()?).map_err(|_| "the query on standard input is not UTF-8".to_owned())?,
    };
    let bytes = match &question.input {
        Some(path) => Some(load::read(path)?),
        None if question.stdin_input => Some(stdin()?),
        None => None,
    };
    let start = Instant::now();
    let input = bytes.map(|bytes| load::parse_any(&bytes)).transpose();
    let input = input.map_err(|error| format!("unable to parse input: {error}"))?;
    if input.is_some() {
        phases.push(("timer_rego_input_parse_ns", start.elapsed()));
    }
    Ok(Asked { query, input })
}

fn stdin() -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("reading standard input: {error}"))?;
    Ok(bytes)
}

/// Loads and compiles the policy; its modules as they are written.
///
/// # Errors
/// All that is wrong with it.
pub fn compile(
    question: &Question,
    strict: bool,
    phases: &mut Phases,
) -> Result<(Compiled, Vec<Module>), Vec<Failure>> {
    let version = question.dialect.version();
    let options = Options { version, ignore: &question.ignore, only_rego: false };
    let start = Instant::now();
    let mut loaded = load::paths(&question.data, &options)?;
    if !question.data.is_empty() {
        phases.push(("timer_rego_load_files_ns", start.elapsed()));
    }
    if !question.bundle.is_empty() {
        let start = Instant::now();
        loaded = bundles(&question.bundle, loaded, &options)?;
        phases.push(("timer_rego_load_bundles_ns", start.elapsed()));
    }
    let start = Instant::now();
    let any = !loaded.modules.is_empty();
    let conflicts = load::conflicts(&loaded.modules, &loaded.data);
    let modules = loaded.modules.clone();
    let compiled = loaded.compile(version, strict).map_err(failures)?;
    if !conflicts.is_empty() {
        return Err(failures(conflicts));
    }
    if any {
        phases.push(("timer_rego_module_compile_ns", start.elapsed()));
    }
    Ok((compiled, modules))
}

fn bundles(paths: &[String], loaded: Loaded, options: &Options<'_>) -> Result<Loaded, Vec<Failure>> {
    let read =
        |path: &String| bundle::read(path, options).map_err(|error| vec![format!("loading error: {error}").into()]);
    bundle::activate(paths.iter().map(read).collect::<Result<_, _>>()?, loaded)
}

/// Compiles the query.
///
/// # Errors
/// All that is wrong with it.
pub fn prepare(
    question: &Question,
    query: &str,
    compiled: &Compiled,
    phases: &mut Phases,
) -> Result<Prepared, Vec<Failure>> {
    if query.is_empty() {
        return Err(vec![Failure::Plain("cannot evaluate empty query".to_owned())]);
    }
    let start = Instant::now();
    let scope = QueryScope { package: question.package.clone(), imports: question.import.clone() };
    let prepared = compiled.prepare(query, &scope).map_err(failures)?;
    phases.push(("timer_rego_query_compile_ns", start.elapsed()));
    Ok(prepared)
}

/// The time at which an evaluation takes place, and a seed for its randomness.
pub fn clock() -> (i64, u64) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_nanos()).unwrap_or(i64::MAX), u64::from(since.subsec_nanos()) ^ since.as_secs())
}
