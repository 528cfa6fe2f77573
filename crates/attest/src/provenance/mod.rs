//! SLSA v0.2 provenance of a run, as Tekton Chains' `slsa/v1` format (the same as `in-toto`) makes it: equal as JSON for
//! the same objects. It repeats what the run claims; what was witnessed is another statement. Knows no signature.

mod common;
mod material;
mod pipeline;
mod result_refs;

use crate::artifact::Artifacts;
use crate::hints;
use crate::run::{self, Run};
use crate::statement::{SLSA_V02, STATEMENT_V01, Statement, Subject};
use serde_json::json;

/// Chains' default builder id.
pub const CHAINS_BUILDER_ID: &str = "https://tekton.dev/chains/v2";

/// What a statement needs besides the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `builder.id`.
    pub builder_id: String,
    /// Chains' `artifacts.pipelinerun.enable-deep-inspection`: a PipelineRun's statement also has the subjects and the
    /// hinted materials of its TaskRuns. Konflux turns it on, so it is the default here.
    pub deep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { builder_id: CHAINS_BUILDER_ID.to_owned(), deep: true }
    }
}

/// Why there is no statement about a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    #[error("the {kind} is not one: {reason}")]
    Shape { kind: &'static str, reason: String },
    #[error(
        "expected imageID `{0}` to be separable by @ and : into a name, an algorithm and a digest; the run's status names no image by digest for this step or sidecar"
    )]
    ImageId(String),
    #[error("`{field}` of {object} is `{value}`, not a time of RFC 3339")]
    Time { object: String, field: &'static str, value: String },
    #[error("more than {max} artifacts are claimed; report fewer results", max = crate::artifact::MAX_ARTIFACTS)]
    TooMany,
    #[error("the statement would be larger than what can be stored; split the pipeline")]
    TooLarge,
}

/// The provenance of a run.
///
/// # Errors
/// Where upstream makes no statement either (a step without an image digest), and for runs that are too large.
pub fn provenance(run: &Run, options: &Options) -> Result<Statement, ProvenanceError> {
    let (invocation, build_config, metadata, materials) = match run {
        Run::TaskRun(run) => (
            common::task_invocation(run),
            json!({"steps": common::steps_by_name(run)}),
            common::task_metadata(run)?,
            material::of_task_run(run)?,
        ),
        Run::PipelineRun { run, children } => (
            pipeline::invocation(run),
            pipeline::build_config(run, children)?,
            pipeline::metadata(run)?,
            material::of_pipeline_run(run, children, options.deep)?,
        ),
    };
    let mut predicate = json!({
        "builder": {"id": options.builder_id},
        "buildType": format!("tekton.dev/v1/{}", run.kind()),
        "invocation": invocation,
        "buildConfig": build_config,
        "metadata": metadata,
    });
    let materials = materials.into_materials();
    if !materials.is_empty() {
        predicate["materials"] = json!(materials);
    }
    Ok(Statement {
        type_: STATEMENT_V01.to_owned(),
        predicate_type: SLSA_V02.to_owned(),
        subject: subjects(run, options.deep)?,
        predicate,
    })
}

/// What the run claims to have made: the subjects of each statement about it.
///
/// # Errors
/// When there are too many.
pub fn subjects(run: &Run, deep: bool) -> Result<Vec<Subject>, ProvenanceError> {
    let mut found = Artifacts::default();
    if let (Run::PipelineRun { run, children }, true) = (run, deep) {
        for child in run::completed(run, children).flat_map(|(_, _, runs)| runs) {
            found.extend(hints::subjects(run::task_results(child))?)?;
        }
    }
    found.extend(hints::subjects(run.results())?)?;
    Ok(found.into_subjects())
}
