//! The command line's grammar. Flags stand over environment variables; nothing else configures a command.

pub use crate::commands::policy::args::Policy;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// From a commit to a gated release, with proof at every step.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the control plane, the registry and the observer on a data folder
    Up(Up),
    /// Stop what `up` started on a data folder
    Down(Folder),
    /// Say what runs on a data folder, as whom and where
    Status(Folder),
    /// Run the main job on real input: a release that passes and an attack that is blocked
    Demo(Demo),
    /// Build a repository into a signed image with a verdict and, if it passes, a release
    Build(Build),
    /// Create the objects of a file, with library tasks pinned, and watch the run among them
    Run(Run),
    /// The trusted task library
    #[command(subcommand)]
    Task(Task),
    /// Validate images against a policy, as `ec validate` does
    #[command(subcommand)]
    Validate(Validate),
    /// Test, evaluate, check, format and measure Rego policies, as `opa` does
    #[command(subcommand)]
    Policy(Policy),
    /// Copy a snapshot's images with their signatures to where the release data maps them
    #[command(hide = true)]
    PushSnapshot(PushSnapshot),
    /// Serve the git repositories of a folder over smart HTTP, read only
    #[command(hide = true)]
    GitServe(GitServe),
    /// The control plane's process, started by `up`
    #[command(hide = true)]
    ControlPlane(ControlPlane),
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Folder that holds all state
    #[arg(long, env = "SLUICE_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Address of the API; port 0 takes a free port and keeps it for this data folder [default: 127.0.0.1:7443]
    #[arg(long)]
    pub listen: Option<String>,
    /// Address of the registry; port 0 as above [default: 127.0.0.1:5000]
    #[arg(long)]
    pub registry_listen: Option<String>,
    /// containers' registries.conf: where image names are looked for
    #[arg(long)]
    pub registries_conf: Option<PathBuf>,
    /// Where steps with egress may connect: HOST:PORT, *.DOMAIN or * (any public host)
    #[arg(long, default_value = "*")]
    pub egress_allow: Vec<String>,
    /// Return when ready and go on in the background
    #[arg(long)]
    pub detach: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Folder {
    /// Folder that holds all state
    #[arg(long, env = "SLUICE_DATA_DIR")]
    pub data_dir: PathBuf,
}

/// Where the API is, for the commands that only create objects and watch.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Kubeconfig of the API
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: PathBuf,
    /// Namespace
    #[arg(long, short, default_value = "default")]
    pub namespace: String,
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Folder that holds all state; a temporary one, removed at the end, if not given
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// The library's sources: tasks/, pipelines/, policy/, data/
    #[arg(long, default_value = "library")]
    pub library: PathBuf,
    /// OCI layouts of the step images
    #[arg(long, env = "SLUICE_IMAGES")]
    pub images: Option<PathBuf>,
    /// The example's files
    #[arg(long, default_value = "examples")]
    pub examples: PathBuf,
    /// Leave everything running at the end
    #[arg(long)]
    pub keep: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Build {
    /// A git URL, or a folder with a git repository
    pub source: String,
    /// Branch, tag or commit [default: a folder's HEAD; the Component's revision; the repository's default branch]
    #[arg(long)]
    pub revision: Option<String>,
    /// Where the image goes: REPOSITORY:TAG [default: the Component's containerImage, with a tag of its own]
    #[arg(long)]
    pub output_image: Option<String>,
    /// Param of the docker-build pipeline: NAME=VALUE
    #[arg(long = "param", short)]
    pub params: Vec<String>,
    /// Component that this is a build of, with its application
    #[arg(long)]
    pub component: Option<String>,
    /// ServiceAccount of the build [default: build-pipeline-COMPONENT, or `default` without a component]
    #[arg(long)]
    pub service_account: Option<String>,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Clone, Debug, Args)]
pub struct Run {
    /// File with one or more objects
    #[arg(long, short)]
    pub filename: PathBuf,
    /// Param of the run: NAME=VALUE
    #[arg(long = "param", short)]
    pub params: Vec<String>,
    /// Print the pinned objects and create nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Publish the library: bundles, pipelines, policy, trusted-task data and lock, in one transaction
    Push(TaskPush),
}

#[derive(Clone, Debug, Args)]
pub struct TaskPush {
    /// The library's sources: tasks/, pipelines/, policy/, data/
    #[arg(default_value = "library")]
    pub library: PathBuf,
    /// OCI layouts of the step images, one folder each
    #[arg(long, env = "SLUICE_IMAGES")]
    pub images: PathBuf,
    /// Kubeconfig of the API
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Validate {
    /// Validate the signatures, the provenance and the policy of images
    Image(ValidateImage),
}

#[derive(Clone, Debug, Args)]
pub struct ValidateImage {
    /// One image
    #[arg(long, conflicts_with = "images")]
    pub image: Option<String>,
    /// A Snapshot's spec: JSON, or a file that holds it
    #[arg(long, alias = "snapshot")]
    pub images: Option<String>,
    /// An EnterpriseContractPolicy's spec: JSON, or a file that holds it
    #[arg(long, short)]
    pub policy: String,
    /// Public key: PEM, or a file that holds it [default: the policy's publicKey]
    #[arg(long, short = 'k')]
    pub public_key: Option<String>,
    /// `now` or a time (RFC 3339)
    #[arg(long, default_value = "now")]
    pub effective_time: String,
    /// FORMAT[=PATH]: json, yaml, text, summary, appstudio
    #[arg(long)]
    pub output: Vec<String>,
    /// Exit 1 when the policy says no
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub strict: bool,
}

#[derive(Clone, Debug, Args)]
pub struct PushSnapshot {
    /// File with the Snapshot's spec
    #[arg(long)]
    pub snapshot: PathBuf,
    /// File with the release data (`mapping`)
    #[arg(long)]
    pub data: PathBuf,
    /// Folder for the results
    #[arg(long)]
    pub results: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub struct ControlPlane {
    /// `HOST:PORT` by which images of the embedded registry are named
    #[arg(long)]
    pub registry_host: String,
    #[arg(long)]
    pub egress_allow: Vec<String>,
    #[arg(long)]
    pub registries_conf: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct GitServe {
    /// Folder with bare repositories
    pub root: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: String,
}
