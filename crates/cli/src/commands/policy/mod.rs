//! `sluice policy`: Rego's tools with `opa`'s flags, output and exit codes, on our own engine. Each command reads files,
//! hands them to the engine and prints; what is worked out in between is pure.

pub mod args;
mod bench;
mod check;
mod duration;
mod eval;
mod fmt;
mod load;
mod output;
mod parse;
mod question;
mod test;
mod watch;

use args::Policy;

/// Runs one command; returns the process's exit code.
pub fn run(command: &Policy) -> i32 {
    match command {
        Policy::Eval(args) => eval::run(args),
        Policy::Test(args) => test::run(args),
        Policy::Check(args) => check::run(args),
        Policy::Bench(args) => bench::run(args),
        Policy::Parse(args) => parse::run(args),
        Policy::Fmt(args) => fmt::run(args),
    }
}

/// Writes to standard output; a reader that has gone away ends the output, not the command.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
