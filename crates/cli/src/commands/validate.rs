//! `sluice validate image`: the gate as a command, with ec's flags. It runs as a step of the verify task as well, where
//! the step's own files name registry and credential.

use super::connect::registries;
use super::report;
use crate::args::ValidateImage;
use crate::error::{CliError, Context, Exit, Result};
use serde::de::DeserializeOwned;
use sluice_api::konflux::{PolicySpec, SnapshotComponent, SnapshotSpec};
use sluice_oci::{AuthFile, Client, RegistriesConf};
use sluice_policy::render::{Format, Options, render};
use sluice_policy::{PolicyError, Report, TestOutput, ValidateRequest, validate_images};
use std::path::Path;
use std::sync::Arc;

/// Runs the command.
///
/// # Errors
/// Exit 1 when the policy says no and `--strict` stands, 2 for wrong input, 3 when nothing could be verified.
pub async fn run(args: ValidateImage) -> Result {
    let created = jiff::Timestamp::now().to_string();
    let outcome = validate(&args, &created).await;
    if let Err(error) = &outcome {
        // A verdict that could not be reached is told where a verdict is awaited.
        for path in args.output.iter().filter_map(|output| output.strip_prefix("appstudio=")) {
            let output = TestOutput::for_error(&created, "validating", &error.message);
            let text = serde_json::to_string(&output).context(Exit::Defect, "writing TEST_OUTPUT")?;
            write(Some(path), &text)?;
        }
    }
    let report = outcome?;
    let outputs = if args.output.is_empty() { vec!["text".to_owned()] } else { args.output.clone() };
    for output in &outputs {
        let (format, path) = match output.split_once('=') {
            Some((format, path)) => (format, Some(path)),
            None => (output.as_str(), None),
        };
        write(path, &text(&report, format)?)?;
    }
    match report.success || !args.strict {
        true => Ok(()),
        false => Err(CliError::no("the policy said no")),
    }
}

fn text(report: &Report, format: &str) -> Result<String> {
    if format == "explanation" {
        return Ok(report::compact(report).to_string());
    }
    let format: Format = format.parse().context(Exit::Usage, "`--output`")?;
    render(report, format, Options::default()).context(Exit::Defect, "rendering the report")
}

async fn validate(args: &ValidateImage, created: &str) -> Result<Report> {
    let snapshot = match (&args.image, &args.images) {
        (Some(image), _) => SnapshotSpec {
            components: vec![SnapshotComponent {
                name: "Unnamed".into(),
                container_image: image.clone(),
                ..Default::default()
            }],
            ..Default::default()
        },
        (None, Some(given)) => read("--images", given)?,
        (None, None) => return Err(CliError::usage("name `--image` or `--images`")),
    };
    let policy: PolicySpec = read("--policy", &args.policy)?;
    let public_key = match args.public_key.as_deref().filter(|key| !key.is_empty()) {
        Some(key) if key.contains("-----BEGIN") => Some(key.to_owned()),
        Some(path) => Some(std::fs::read_to_string(path).context(Exit::Usage, format!("`--public-key {path}`"))?),
        None => None,
    };
    let request = ValidateRequest {
        snapshot,
        policy,
        public_key,
        effective_time: if args.effective_time == "now" { created.to_owned() } else { args.effective_time.clone() },
        created: created.to_owned(),
        workers: 5,
        extra_rule_data: serde_json::Map::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    validate_images(request, Arc::new(step_client()?)).await.map_err(|error| refused(&error))
}

fn refused(error: &PolicyError) -> CliError {
    let exit = if error.is_configuration() { Exit::Usage } else { Exit::Unverified };
    let text = error.to_string();
    match text.split_once("\n\n") {
        Some((message, hint)) => CliError::new(exit, message).hint(hint),
        None => CliError::new(exit, text),
    }
}

/// JSON or YAML given as such, or in a file; an object with a `spec` is read by it.
fn read<T: DeserializeOwned>(flag: &str, given: &str) -> Result<T> {
    let text = match given.trim_start().starts_with('{') {
        true => given.to_owned(),
        false => std::fs::read_to_string(Path::new(given)).context(Exit::Usage, format!("`{flag} {given}`"))?,
    };
    let value: serde_json::Value =
        serde_saphyr::from_str(&text).map_err(|e| CliError::usage(format!("`{flag}`: {e}")))?;
    let value = match value.get("spec") {
        Some(spec) => spec.clone(),
        None => value,
    };
    serde_json::from_value(value).context(Exit::Usage, format!("`{flag}`"))
}

/// A registry client as a step has it: registries.conf and credentials by the files that the environment names.
///
/// # Errors
/// When one of them cannot be read.
pub fn step_client() -> Result<Client> {
    let conf = match std::env::var("CONTAINERS_REGISTRIES_CONF") {
        Ok(path) => {
            let text = std::fs::read_to_string(&path).context(Exit::Usage, format!("`{path}`"))?;
            RegistriesConf::parse(&text).context(Exit::Usage, format!("`{path}`"))?
        }
        Err(_) => registries("localhost:5000"),
    };
    let auth = AuthFile::from_environment().context(Exit::Usage, "registry credentials")?;
    Client::new(conf, auth).context(Exit::Defect, "making the registry client")
}

fn write(path: Option<&str>, text: &str) -> Result {
    match path {
        Some(path) => std::fs::write(path, text).context(Exit::Usage, format!("writing `{path}`")),
        None => {
            println!("{}", text.trim_end());
            Ok(())
        }
    }
}
