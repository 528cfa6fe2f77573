//! `sluice policy parse`: a policy's syntax tree.

use super::args::{Format, Parse};
use super::load::{self, Text};
use super::output::doc::Doc;
use super::output::failure::{Failure, failures, to_doc};
use super::output::syntax::{ordered, tree};
use sluice_rego::ast::{Module, json};

/// Runs the command: 1 where the policy cannot be read.
pub fn run(args: &Parse) -> i32 {
    match read(args) {
        Ok(module) => {
            super::print(&match args.format {
                Format::Json => ordered(&json::module(&module)).render(),
                Format::Pretty => tree(&module),
            });
            0
        }
        Err(failures) => {
            eprint!("{}", Doc::object([("errors", Some(to_doc(&failures)))]).render());
            1
        }
    }
}

fn read(args: &Parse) -> Result<Module, Vec<Failure>> {
    let bytes = load::read(&args.path).map_err(|message| vec![Failure::Plain(message)])?;
    let text = Text { name: args.path.clone(), bytes, version: args.dialect.version() };
    load::one(&text, 0).map_err(failures)
}
