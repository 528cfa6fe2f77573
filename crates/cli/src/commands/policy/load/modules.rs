//! Texts of policies to modules, on all cores: reading is most of the time that a large policy takes to load.

use crate::commands::policy::output::failure::Failure;
use sluice_rego::Error;
use sluice_rego::ast::{Module, Version};
use sluice_rego::parse::{self, Options};

/// A policy's text.
#[derive(Clone, Debug)]
pub struct Text {
    pub name: String,
    pub bytes: Vec<u8>,
    pub version: Version,
}

/// Room for the deepest nesting that the parser takes.
const STACK: usize = 64 << 20;

/// Reads them; of those with the same name the last counts. Modules stand in the order of their names; the error lists are in
/// the order of the texts.
pub fn parse(texts: Vec<Text>) -> Result<Vec<Module>, Vec<Vec<Error>>> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by(|a, b| texts[*a].name.cmp(&texts[*b].name).then(b.cmp(a)));
    order.dedup_by(|a, b| texts[*a].name == texts[*b].name);
    let mut indexes = vec![None; texts.len()];
    for (index, at) in order.iter().enumerate() {
        indexes[*at] = u32::try_from(index).ok();
    }
    let jobs: Vec<(&Text, u32)> =
        texts.iter().zip(&indexes).filter_map(|(text, index)| Some((text, (*index)?))).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len()).max(1);
    let outcomes = std::thread::scope(|scope| {
        let handles: Vec<_> = jobs
            .chunks(jobs.len().div_ceil(threads).max(1))
            .map(|chunk| {
                let work = move || chunk.iter().map(|(text, index)| one(text, *index)).collect::<Vec<_>>();
                std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.ok().and_then(|h| h.join().ok()).unwrap_or_default())
            .collect::<Vec<_>>()
    });
    let mut modules = Vec::with_capacity(outcomes.len());
    let mut failed = Vec::new();
    if outcomes.len() < jobs.len() {
        failed.push(vec![Error::new(sluice_rego::Code::Parse, "a thread that reads policies could not be run")]);
    }
    for outcome in outcomes {
        match outcome {
            Ok(module) => modules.push(module),
            Err(errors) => failed.push(errors),
        }
    }
    if !failed.is_empty() {
        return Err(failed);
    }
    modules.sort_by_key(|module| module.source.index);
    Ok(modules)
}

/// Reads one.
pub fn one(text: &Text, index: u32) -> Result<Module, Vec<Error>> {
    let source = parse::source_from_bytes(index, &text.name, &text.bytes).map_err(|error| vec![error])?;
    parse::parse_module(&source, &Options { version: text.version, annotations: true, ..Options::default() })
}

/// Error lists as one list of failures.
pub fn flat(failed: Vec<Vec<Error>>) -> Vec<Failure> {
    failed.into_iter().flatten().map(Failure::from).collect()
}
