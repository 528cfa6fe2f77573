//! The command line of `sluice-observer`. No secret is an argument: keys and tokens are files.

use clap::{Args, Parser, Subcommand};
use sluice_attest::provenance::CHAINS_BUILDER_ID;
use std::path::PathBuf;

/// Signs what finished Tekton runs built, as Tekton Chains does.
#[derive(Debug, Parser)]
#[command(name = "sluice-observer", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the signing key if there is none, write its public half, and end
    Keygen(KeyArgs),
    /// Watch runs and sign them
    Run(Box<RunArgs>),
}

/// The signing key.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// Private key: ECDSA P-256 as PKCS#8 PEM, readable by this user alone; made if there is none
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where to write the public half (the cosign.pub of other tools)
    #[arg(long, value_name = "FILE")]
    pub public_key_out: Option<PathBuf>,
}

/// Everything `run` needs.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub key: KeyArgs,
    /// How to reach the API server
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// Token for the API server, instead of the kubeconfig's; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Registry to log in to with a token
    #[arg(long, value_name = "HOST:PORT")]
    pub registry: Option<String>,
    /// Token for that registry (default: the file of --token-file)
    #[arg(long, value_name = "FILE", requires = "registry")]
    pub registry_token_file: Option<PathBuf>,
    /// Credentials of other registries, in the form of Docker's config.json
    #[arg(long, value_name = "FILE")]
    pub registry_auth: Option<PathBuf>,
    /// Where image names are, in the form of containers' registries.conf
    #[arg(long, value_name = "FILE")]
    pub registries_conf: Option<PathBuf>,
    /// Trust this CA besides the machine's for registries
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// Public key of the engine; with it, a run whose status the engine did not sign is not signed
    #[arg(long, value_name = "FILE")]
    pub engine_key: Option<PathBuf>,
    /// builder.id of the provenance
    #[arg(long, value_name = "URI", default_value = CHAINS_BUILDER_ID)]
    pub builder_id: String,
    /// Leave a PipelineRun's statement without the subjects and inputs of its TaskRuns, as Chains does by default
    #[arg(long)]
    pub shallow: bool,
    /// End with the process that started this one
    #[arg(long)]
    pub with_parent: bool,
}
