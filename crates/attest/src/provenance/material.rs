//! What went into a run: step and sidecar images, definitions, git sources and hinted inputs (Chains' material.go).

use super::ProvenanceError;
use crate::artifact::{Artifacts, digest_set};
use crate::hints;
use crate::run::{completed, task_results};
use sluice_api::tekton::{Param, ParamSpec, ParamValue, PipelineRun, Provenance, RunResult, TaskRun};

const GIT_COMMIT: &str = "CHAINS-GIT_COMMIT";
const GIT_URL: &str = "CHAINS-GIT_URL";

/// Materials of a TaskRun.
pub(super) fn of_task_run(run: &TaskRun) -> Result<Artifacts, ProvenanceError> {
    let mut found = Artifacts::default();
    add_images(&mut found, run)?;
    found.extend(hinted(run)?)?;
    Ok(found)
}

/// Materials of a PipelineRun; with `deep`, also those that its TaskRuns hint at.
pub(super) fn of_pipeline_run(
    run: &PipelineRun,
    children: &[TaskRun],
    deep: bool,
) -> Result<Artifacts, ProvenanceError> {
    let mut found = Artifacts::default();
    let status = run.status.as_ref();
    add_source(&mut found, status.and_then(|status| status.provenance.as_ref()))?;
    for child in completed(run, children).flat_map(|(_, _, runs)| runs) {
        add_images(&mut found, child)?;
        add_source(&mut found, child.status.as_ref().and_then(|status| status.provenance.as_ref()))?;
    }
    let results = status.map_or(&[][..], |status| &status.results);
    // A list of its own, merged at the end, as upstream does: it decides what is merged into what.
    let mut hints = hints::inputs(results)?;
    if deep {
        for child in completed(run, children).flat_map(|(_, _, runs)| runs) {
            hints.extend(hinted(child)?)?;
        }
    }
    let specs = status.and_then(|status| status.pipeline_spec.as_ref()).map_or(&[][..], |spec| &spec.params);
    let (url, commit) = git(specs, &run.spec.params, results);
    if !url.is_empty() && !commit.is_empty() {
        hints.add(spdx_git(url), digest_set("sha1", commit))?;
    }
    found.extend(hints)?;
    Ok(found)
}

/// Git source and inputs that a TaskRun's params and results name.
fn hinted(run: &TaskRun) -> Result<Artifacts, ProvenanceError> {
    let mut found = Artifacts::default();
    let spec = run.status.as_ref().and_then(|status| status.task_spec.as_ref());
    let results = task_results(run);
    let (url, commit) = git(spec.map_or(&[][..], |spec| &spec.params), &run.spec.params, results);
    // Upstream completes the URL before it looks whether there is one, so a commit alone is enough here.
    if !commit.is_empty() {
        found.add(spdx_git(url), digest_set("sha1", commit))?;
    }
    found.extend(hints::inputs(results)?)?;
    Ok(found)
}

/// URL and commit: results count more than params, and params more than their defaults.
fn git<'a>(specs: &'a [ParamSpec], params: &'a [Param], results: &'a [RunResult]) -> (&'a str, &'a str) {
    let defaults = specs.iter().filter_map(|spec| Some((spec.name.as_str(), spec.default.as_ref()?)));
    let params = params.iter().map(|param| (param.name.as_str(), &param.value));
    let results = results.iter().map(|result| (result.name.as_str(), &result.value));
    let (mut url, mut commit) = ("", "");
    for (name, value) in defaults.chain(params).chain(results) {
        let value = ParamValue::as_str(value).unwrap_or_default();
        match name {
            GIT_URL => url = value,
            GIT_COMMIT => commit = value,
            _ => {}
        }
    }
    (url, commit)
}

/// A git URL in SPDX' form.
fn spdx_git(url: &str) -> String {
    let prefix = if url.starts_with("git+") { "" } else { "git+" };
    let suffix = if url.ends_with(".git") { "" } else { ".git" };
    format!("{prefix}{url}{suffix}")
}

fn add_source(found: &mut Artifacts, provenance: Option<&Provenance>) -> Result<(), ProvenanceError> {
    match provenance.and_then(|provenance| provenance.ref_source.as_ref()) {
        Some(source) => found.add(source.uri.as_str(), source.digest.clone()),
        None => Ok(()),
    }
}

/// Images of the steps, then of the sidecars.
fn add_images(found: &mut Artifacts, run: &TaskRun) -> Result<(), ProvenanceError> {
    let Some(status) = &run.status else { return Ok(()) };
    let steps = status.steps.iter().map(|step| &step.image_id);
    for image_id in steps.chain(status.sidecars.iter().map(|sidecar| &sidecar.image_id)) {
        let (name, algorithm, hex) = image_parts(image_id).ok_or_else(|| ProvenanceError::ImageId(image_id.clone()))?;
        let name = name.strip_prefix("docker-pullable://").unwrap_or(name);
        found.add(format!("oci://{name}"), digest_set(algorithm, hex))?;
    }
    Ok(())
}

/// `name@algorithm:hex`, with exactly one `@`, and one `:` after it.
fn image_parts(image_id: &str) -> Option<(&str, &str, &str)> {
    let (name, digest) = image_id.split_once('@')?;
    let (algorithm, hex) = digest.split_once(':')?;
    (!digest.contains('@') && !hex.contains(':')).then_some((name, algorithm, hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_ids_have_one_name_and_one_digest() {
        assert_eq!(image_parts("h:5000/n@sha256:ab"), Some(("h:5000/n", "sha256", "ab")));
        for text in ["", "n", "n@sha256", "n@a@sha256:ab", "n@sha256:a:b"] {
            assert_eq!(image_parts(text), None, "{text}");
        }
    }

    #[test]
    fn git_urls_are_completed_once() {
        assert_eq!(spdx_git("https://h/r"), "git+https://h/r.git");
        assert_eq!(spdx_git("git+https://h/r.git"), "git+https://h/r.git");
    }
}
