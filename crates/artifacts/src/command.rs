//! The command line of `sluice-artifact`, which is that of build-trusted-artifacts: `create --store REPOSITORY[:TAG]
//! RESULT=PATH...` and `use URI=FOLDER...`. Parsed by hand: the program is small.

use crate::Notes;
use crate::archive::Limits;
use crate::create::{CreateRequest, create};
use crate::error::{Error, Result};
use crate::source::{UseRequest, use_artifacts};
use crate::store::Environment;
use std::path::PathBuf;

/// How it is used.
pub const USAGE: &str = "\
Usage: sluice-artifact create --store REPOSITORY[:TAG] RESULT_PATH=FILE_OR_FOLDER...
       sluice-artifact use URI=FOLDER...

create  archives each file or folder, pushes it to the repository and writes its
        name (oci:REPOSITORY@sha256:DIGEST) to RESULT_PATH
use     fetches each artifact, checks it and unpacks it in FOLDER, which is emptied

Environment: AUTHFILE, REGISTRY_AUTH_FILE or DOCKER_CONFIG for credentials,
CONTAINERS_REGISTRIES_CONF for names, IMAGE_EXPIRES_AFTER, TMPDIR.
";

/// What the arguments ask for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Make artifacts.
    Create(CreateRequest),
    /// Unpack artifacts.
    Use(UseRequest),
}

/// Understands the arguments after the program's name.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command> {
    let usage = |problem: String| Error::usage(problem, "See `sluice-artifact --help`.");
    let mut arguments = arguments.into_iter();
    let command = arguments.next().ok_or_else(|| usage("no command was given".to_owned()))?;
    match command.as_str() {
        "--help" | "-h" | "help" => return Ok(Command::Help),
        "--version" | "-V" | "version" => return Ok(Command::Version),
        "create" | "use" => {}
        _ => return Err(usage(format!("`{command}` is not a command"))),
    }
    let mut store = None;
    let mut pairs: Vec<(String, PathBuf)> = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--store" => {
                store = Some(arguments.next().ok_or_else(|| usage("`--store` needs a repository".to_owned()))?)
            }
            text if text.starts_with("--store=") => store = Some(text["--store=".len()..].to_owned()),
            text if text.starts_with('-') => return Err(usage(format!("`{text}` is not an option"))),
            text => {
                let pair = text.split_once('=').filter(|(_, path)| !path.is_empty());
                let (left, path) = pair.ok_or_else(|| usage(format!("`{text}` is not of the form A=PATH")))?;
                pairs.push((left.to_owned(), path.into()));
            }
        }
    }
    if command == "use" {
        // `--store` is accepted: task definitions pass the same options to both.
        return Ok(Command::Use(UseRequest { pairs, limits: Limits::default() }));
    }
    let store = store.ok_or_else(|| usage("`create` needs `--store`".to_owned()))?;
    let store = store.parse().map_err(|e| Error::usage(format!("--store: {e}"), "It is where the artifacts go."))?;
    if pairs.is_empty() {
        return Err(usage("`create` needs at least one RESULT_PATH=PATH".to_owned()));
    }
    let pairs = pairs.into_iter().map(|(result, path)| (result.into(), path)).collect();
    Ok(Command::Create(CreateRequest { store, pairs, expires_after: None, limits: Limits::default() }))
}

/// Does what was asked for, with the environment of the process.
pub fn run(command: Command, notes: Notes<'_>) -> Result<()> {
    match command {
        Command::Help | Command::Version => Ok(()),
        Command::Create(mut request) => {
            request.expires_after = std::env::var("IMAGE_EXPIRES_AFTER").ok().filter(|v| !v.is_empty());
            create(&Environment::from_process()?, &request, notes).map(|_| ())
        }
        Command::Use(request) => use_artifacts(&Environment::from_process()?, &request, notes),
    }
}
