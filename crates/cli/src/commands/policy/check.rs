//! `sluice policy check`: says what is wrong with policies.

use super::args::{Check, Format};
use super::load::{self, Options, bundle};
use super::output::doc::Doc;
use super::output::failure::{Failure, failures, limited, summary, to_doc};
use super::output::hints::hints;
use sluice_rego::ast::Version;

/// Runs the command: 1 where anything is wrong.
pub fn run(args: &Check) -> i32 {
    let Err(Wrong { failures, during }) = check(args) else { return 0 };
    match (args.format, during) {
        (Format::Json, _) => eprint!("{}", Doc::object([("errors", Some(to_doc(&failures)))]).render()),
        (Format::Pretty, Some(during)) => eprintln!("{}", summary(&failures, during)),
        (Format::Pretty, None) => failures.iter().for_each(|failure| eprintln!("{failure}")),
    }
    if args.format == Format::Pretty {
        eprint!("{}", hints(&failures));
    }
    1
}

/// What is wrong, and while doing what; nothing where it is one sentence that says all.
struct Wrong {
    failures: Vec<Failure>,
    during: Option<&'static str>,
}

fn check(args: &Check) -> Result<(), Wrong> {
    let version = if args.v0_v1 { Version::V0CompatV1 } else { args.dialect.version() };
    let options = Options { version, ignore: &args.ignore, only_rego: !args.bundle };
    let compiling = |errors| Wrong { failures: failures(limited(errors, args.max_errors)), during: Some("") };
    if !args.bundle {
        let loaded = load::paths(&args.paths, &options)
            .map_err(|failures| Wrong { failures, during: Some(" during loading") })?;
        return loaded.compile(version, args.strict).map(|_| ()).map_err(compiling);
    }
    let plain = |message: String| Wrong { failures: vec![message.into()], during: None };
    let bundles =
        args.paths.iter().map(|path| bundle::read(path, &options).map_err(plain)).collect::<Result<_, _>>()?;
    let loaded = bundle::merge(bundles).map_err(|failures| Wrong { failures, during: None })?;
    let conflicts = load::conflicts(&loaded.modules, &loaded.data);
    loaded.compile(version, args.strict).map_err(compiling)?;
    if conflicts.is_empty() { Ok(()) } else { Err(compiling(conflicts)) }
}
