//! From a TaskRun to what its runner is given: definition, substitution, images, volumes, environment. Reads the API
//! and registries; writes nothing but blobs that were missing.

mod env;
mod images;
mod security;
mod steps;
mod volumes;

pub(crate) use images::Layers;

use crate::context::{Context, RunIdentity};
use crate::definition::{self, Definition, DefinitionError};
use crate::objects::{ApiError, Key, Objects, SERVICE_ACCOUNT, TASK};
use crate::rundir::RunDir;
use serde_json::Value;
use sluice_api::runner::{self, RunSpec};
use sluice_api::tekton::{Provenance, TaskRun, TaskSpec, duration, unsupported};
use sluice_api::tekton::{params, substitution, task_scope};

/// What a TaskRun was turned into.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub definition: Definition,
    /// The spec after substitution.
    pub task_spec: TaskSpec,
    pub provenance: Provenance,
    pub run: RunSpec,
}

/// Why a TaskRun cannot be run: the reason and message of its condition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error("{reason}: {message}")]
    Refused { reason: &'static str, message: String },
    /// Worth another try.
    #[error("{0}")]
    Transient(String),
}

impl PrepareError {
    pub fn new(reason: &'static str, message: impl ToString) -> Self {
        Self::Refused { reason, message: message.to_string() }
    }

    /// A file of the engine's own that cannot be written or read.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        Self::Transient(format!("cannot {what}: {error}"))
    }
}

impl From<ApiError> for PrepareError {
    fn from(error: ApiError) -> Self {
        Self::Transient(error.to_string())
    }
}

pub(crate) const RESOLUTION_FAILED: &str = "TaskRunResolutionFailed";
pub(crate) const VALIDATION_FAILED: &str = "TaskRunValidationFailed";
pub(crate) const CONFIG_ERROR: &str = "CreateContainerConfigError";
pub(crate) const IMAGE_PULL_FAILED: &str = "TaskRunImagePullFailed";

/// Seconds that are left of the run's time when its sandbox is started; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLeft(pub u64);

/// A run works as an account that exists, as Kubernetes has it: rights bound to a name that is gone are nobody's. A
/// namespace that was just made gets its `default` a moment later, so that this is worth another try.
async fn account(objects: &Objects, identity: &RunIdentity) -> Result<(), PrepareError> {
    let key = Key::new(&identity.namespace, &identity.service_account);
    match objects.get(SERVICE_ACCOUNT, &key).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(PrepareError::Transient(format!(
            "serviceaccounts \"{}\" not found in namespace \"{}\"; create it, or name another in serviceAccountName",
            identity.service_account, identity.namespace
        ))),
        Err(error) => Err(PrepareError::Transient(error.to_string())),
    }
}

/// Prepares a run, its layers included. The result's `registry` credential is issued last.
pub(crate) async fn prepare(
    context: &Context,
    objects: &Objects,
    layers: &Layers,
    run: &TaskRun,
    identity: &RunIdentity,
    pod: &str,
    left: TimeLeft,
) -> Result<Prepared, PrepareError> {
    account(objects, identity).await?;
    let definition = define(context, objects, run).await?;
    let task_spec = substituted(run, &definition)?;
    let merged = steps::merged(&task_spec)?;
    let images = images::resolve(context, &merged).await?;
    let volumes = volumes::bind(objects, run, &task_spec).await?;
    let env = env::Reader::new(objects, &run.metadata.namespace);
    let mut steps = Vec::with_capacity(merged.len());
    for (step, image) in merged.iter().zip(&images) {
        let rules = security::rules(run, &definition, &task_spec, step)?;
        steps.push(steps::build(context, run, step, image, &volumes, &env, rules).await?);
    }
    layers.ensure(context, &RunDir::new(&context.data, &identity.id), &identity.id, &images).await?;
    let registry = context.registry.issue(identity).map_err(PrepareError::Transient)?;
    let run_spec = RunSpec {
        v: runner::VERSION,
        id: identity.id.clone(),
        namespace: run.metadata.namespace.clone(),
        task_run: run.metadata.name.clone(),
        pod: pod.to_owned(),
        steps,
        sidecars: Vec::new(),
        volumes: volumes.volumes,
        results: task_spec.results.iter().map(|r| r.name.clone()).collect(),
        timeout_seconds: left.0,
        registry: Some(registry),
        egress_allow: context.egress_allow.clone(),
        max_result_bytes: context.limits.max_result_bytes,
        max_log_bytes: context.limits.max_log_bytes,
    };
    let provenance = Provenance {
        ref_source: definition.source.clone(),
        feature_flags: Some(crate::plan::feature_flags()),
        ..Provenance::default()
    };
    Ok(Prepared { definition, task_spec, provenance, run: run_spec })
}

async fn define(context: &Context, objects: &Objects, run: &TaskRun) -> Result<Definition, PrepareError> {
    // A status that already holds a spec was written by an earlier attempt of ours: same definition, so no second look.
    match (&run.spec.task_spec, &run.spec.task_ref) {
        (Some(spec), _) => {
            let mut spec = serde_json::to_value(spec).map_err(|e| PrepareError::new(VALIDATION_FAILED, e))?;
            sluice_api::tekton::defaults::task_spec(&mut spec);
            Ok(Definition {
                name: run.metadata.name.clone(),
                annotations: run.metadata.annotations.clone(),
                spec,
                ..Definition::default()
            })
        }
        (None, Some(reference)) => {
            definition::fetch(context, objects, &run.metadata.namespace, TASK, reference).await.map_err(|e| match e {
                DefinitionError::Missing(message) => PrepareError::new(RESOLUTION_FAILED, message),
                DefinitionError::Invalid(message) => PrepareError::new("TaskValidationFailed", message),
                DefinitionError::Transient(message) => PrepareError::Transient(message),
            })
        }
        (None, None) => {
            Err(PrepareError::new(VALIDATION_FAILED, "expected exactly one, got neither: taskRef, taskSpec"))
        }
    }
}

/// Checks the run against the definition and puts the values in.
fn substituted(run: &TaskRun, definition: &Definition) -> Result<TaskSpec, PrepareError> {
    let refuse = |message: String| PrepareError::new(VALIDATION_FAILED, message);
    let spec: TaskSpec = serde_json::from_value(definition.spec.clone())
        .map_err(|e| refuse(format!("Task `{}` cannot be read: {e}", definition.name)))?;
    unsupported::task_spec(&spec).map_err(|e| refuse(e.to_string()))?;
    let invalid =
        |e: params::ParamsError| refuse(format!("[User error] invalid input params for task {}: {e}", definition.name));
    params::check(&spec.params, &run.spec.params).map_err(invalid)?;
    let values = params::effective(&spec.params, &run.spec.params);
    let mut texts = Vec::new();
    substitution::each_string(&definition.spec, task_scope::SKIP, &mut |text| texts.push(text.to_owned()));
    params::check_indexes(texts.iter().map(String::as_str), &values).map_err(invalid)?;
    volumes::check_workspaces(run, &spec)?;
    let scope = task_scope::scope(run, &definition.name, &spec, &values);
    let mut tree: Value = serde_json::to_value(&spec).map_err(|e| refuse(e.to_string()))?;
    task_scope::apply(&scope, &mut tree);
    let mut spec: TaskSpec = serde_json::from_value(tree)
        .map_err(|e| refuse(format!("Task `{}` is invalid after substitution: {e}", definition.name)))?;
    for (index, step) in spec.steps.iter_mut().enumerate() {
        if step.name.is_empty() {
            step.name = format!("unnamed-{index}");
        }
        if !step.timeout.is_empty() {
            duration::parse(&step.timeout).map_err(|e| refuse(format!("step `{}`: timeout: {e}", step.name)))?;
        }
    }
    Ok(spec)
}
