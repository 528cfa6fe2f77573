//! `sluice-artifact`: the program in step images. Arguments in, notes to stderr, an exit code out; all else is in the
//! library.

use sluice_artifacts::command::{self, Command, USAGE};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut stderr = std::io::stderr();
    // A closed stderr is no reason to stop.
    let mut note = |line: &str| {
        let _ = writeln!(stderr, "{line}");
    };
    let arguments = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned());
    let done = match command::parse(arguments) {
        Ok(Command::Help) => std::io::stdout().write_all(USAGE.as_bytes()).map_err(sluice_artifacts::Error::Archive),
        Ok(Command::Version) => {
            let line = concat!("sluice-artifact ", env!("CARGO_PKG_VERSION"), "\n");
            std::io::stdout().write_all(line.as_bytes()).map_err(sluice_artifacts::Error::Archive)
        }
        Ok(command) => command::run(command, &mut note),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("sluice-artifact: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
