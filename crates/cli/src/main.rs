//! The `sluice` program: parses the command line and hands it to the library; prints what went wrong, once.

use clap::Parser;

fn main() {
    std::process::exit(sluice_cli::main(sluice_cli::args::Cli::parse()));
}
