//! Parts of a predicate that TaskRuns and PipelineRuns share: invocation, steps, metadata (Chains' attest.go,
//! taskrun.go).

use super::ProvenanceError;
use serde_json::{Map, Value, json};
use sluice_api::meta::ObjectMeta;
use sluice_api::tekton::{Param, ParamSpec, Provenance, Step, StepState, TaskRun};
use std::collections::BTreeMap;

/// Of kubectl's bookkeeping; says nothing about a build.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotations that the observer itself writes.
const CHAINS_PREFIX: &str = "chains.tekton.dev/";
/// Label by which a build says that it is reproducible.
const REPRODUCIBLE: &str = "chains.tekton.dev/reproducible";

/// Where the definition came from, with which params and in what environment it was run.
pub(super) fn invocation(
    metadata: &ObjectMeta,
    provenance: Option<&Provenance>,
    params: &[Param],
    specs: &[ParamSpec],
) -> Value {
    let mut config_source = Map::new();
    if let Some(source) = provenance.and_then(|provenance| provenance.ref_source.as_ref()) {
        for (key, value) in [("uri", &source.uri), ("entryPoint", &source.entry_point)] {
            if !value.is_empty() {
                config_source.insert(key.to_owned(), json!(value));
            }
        }
        if !source.digest.is_empty() {
            config_source.insert("digest".to_owned(), json!(source.digest));
        }
    }
    let defaults = specs.iter().filter_map(|spec| Some((&spec.name, spec.default.as_ref()?)));
    let given = params.iter().map(|param| (&param.name, &param.value));
    let parameters: BTreeMap<_, _> = defaults.chain(given).collect();
    let mut invocation = json!({"configSource": config_source, "parameters": parameters});
    let mut environment = Map::new();
    let told = |name: &str| name != LAST_APPLIED && !name.starts_with(CHAINS_PREFIX);
    let annotations: BTreeMap<_, _> = metadata.annotations.iter().filter(|(name, _)| told(name)).collect();
    if !annotations.is_empty() {
        environment.insert("annotations".to_owned(), json!(annotations));
    }
    if !metadata.labels.is_empty() {
        environment.insert("labels".to_owned(), json!(metadata.labels));
    }
    if !environment.is_empty() {
        invocation["environment"] = Value::Object(environment);
    }
    invocation
}

/// The invocation of a TaskRun.
pub(super) fn task_invocation(run: &TaskRun) -> Value {
    let status = run.status.as_ref();
    let specs = status.and_then(|status| status.task_spec.as_ref()).map_or(&[][..], |spec| &spec.params);
    let provenance = status.and_then(|status| status.provenance.as_ref());
    invocation(&run.metadata, provenance, &run.spec.params, specs)
}

/// What a step ran, and in which image.
pub(super) fn step(step: &Step, state: &StepState) -> Value {
    let entry_point = if step.script.is_empty() { step.command.join(" ") } else { step.script.clone() };
    let image = state.image_id.strip_prefix("docker-pullable://").unwrap_or(&state.image_id);
    json!({
        "entryPoint": entry_point,
        "arguments": if step.args.is_empty() { Value::Null } else { json!(step.args) },
        "environment": {"image": format!("oci://{image}"), "container": state.name},
        "annotations": null,
    })
}

/// The steps of a TaskRun in the order of its status, each with its definition found by name.
pub(super) fn steps_by_name(run: &TaskRun) -> Vec<Value> {
    let Some(status) = &run.status else { return vec![] };
    let unknown = Step::default();
    let mut definitions: BTreeMap<&str, &Step> = BTreeMap::new();
    for definition in status.task_spec.iter().flat_map(|spec| &spec.steps) {
        definitions.entry(&definition.name).or_insert(definition);
    }
    status.steps.iter().map(|state| step(definitions.get(state.name.as_str()).unwrap_or(&&unknown), state)).collect()
}

/// The metadata of a TaskRun.
pub(super) fn task_metadata(run: &TaskRun) -> Result<Value, ProvenanceError> {
    let status = run.status.as_ref();
    let started = status.and_then(|status| status.start_time.as_deref());
    let finished = status.and_then(|status| status.completion_time.as_deref());
    metadata(&run.metadata, started, finished)
}

/// When the run started and finished, and what it says of itself.
pub(super) fn metadata(
    metadata: &ObjectMeta,
    started: Option<&str>,
    finished: Option<&str>,
) -> Result<Value, ProvenanceError> {
    let mut out = json!({
        "completeness": {"parameters": false, "environment": false, "materials": false},
        "reproducible": metadata.labels.get(REPRODUCIBLE).is_some_and(|value| value == "true"),
    });
    for (key, field, value) in
        [("buildStartedOn", "status.startTime", started), ("buildFinishedOn", "status.completionTime", finished)]
    {
        if let Some(value) = value {
            out[key] = json!(utc(metadata, field, value)?);
        }
    }
    Ok(out)
}

/// A time as Go writes it in UTC.
pub(super) fn utc(metadata: &ObjectMeta, field: &'static str, value: &str) -> Result<String, ProvenanceError> {
    let time: Result<jiff::Timestamp, _> = value.parse();
    time.map(|time| time.to_string()).map_err(|_| ProvenanceError::Time {
        object: format!("{}/{}", metadata.namespace, metadata.name),
        field,
        value: value.chars().take(64).collect(),
    })
}
