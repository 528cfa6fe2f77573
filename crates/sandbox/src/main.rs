//! `sluice-runner run runs/ID` and `sluice-runner unpack runs/ID`: the command line of the sandbox, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", folder] => sluice_sandbox::run(folder),
        ["unpack", folder] => sluice_sandbox::unpack(folder),
        _ => {
            eprintln!("usage: sluice-runner run|unpack runs/ID   (in the data folder)");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice-runner: {error}");
            ExitCode::from(1)
        }
    }
}
