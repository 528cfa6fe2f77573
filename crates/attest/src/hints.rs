//! Type hints: which results of a run name artifacts that it made or used (Chains' signable.go, structured.go). What a
//! task reports here is a claim; nothing in this module says that it is true.

use crate::artifact::{Artifacts, digest_set};
use crate::name::{ImageDigest, parse_digest};
use crate::provenance::ProvenanceError;
use sluice_api::tekton::{ParamValue, RunResult};
use std::collections::{BTreeMap, HashSet};

const IMAGE_URL: &str = "IMAGE_URL";
const IMAGE_DIGEST: &str = "IMAGE_DIGEST";
const IMAGES: &str = "IMAGES";
const ARTIFACT_URI: &str = "ARTIFACT_URI";
const ARTIFACT_DIGEST: &str = "ARTIFACT_DIGEST";
const ARTIFACT_INPUTS: &str = "ARTIFACT_INPUTS";
const ARTIFACT_OUTPUTS: &str = "ARTIFACT_OUTPUTS";

/// Images that the results claim, each once: pairs of `*IMAGE_URL` and `*IMAGE_DIGEST`, the list `IMAGES`, then
/// `*ARTIFACT_OUTPUTS` marked as build artifacts. Pairs are in the order of what stands before the suffix, where
/// upstream has no order.
pub fn images(results: &[RunResult]) -> Vec<ImageDigest> {
    let pairs = pairs(results, IMAGE_URL, IMAGE_DIGEST).map(|(url, digest)| format!("{url}@{digest}"));
    let listed = results
        .iter()
        .filter(|result| result.name == IMAGES)
        .flat_map(|result| text(result).split([',', '\n']))
        .map(|image| image.trim().to_owned());
    let structured = results.iter().filter(|result| field(result, "isBuildArtifact") == Some("true"));
    let structured =
        structured.filter_map(|result| output(result, ARTIFACT_OUTPUTS)).map(|(uri, digest)| format!("{uri}@{digest}"));
    let mut seen = HashSet::new();
    pairs
        .chain(listed)
        .chain(structured)
        .filter_map(|text| ImageDigest::parse(&text))
        .filter(|image| seen.insert(image.clone()))
        .collect()
}

/// Everything that the results claim to have made: images, pairs of `*ARTIFACT_URI` and `*ARTIFACT_DIGEST`, and every
/// `*ARTIFACT_OUTPUTS`.
///
/// # Errors
/// When there are too many.
pub fn subjects(results: &[RunResult]) -> Result<Artifacts, ProvenanceError> {
    let mut found = Artifacts::default();
    for image in images(results) {
        found.add(image.repository, digest_set("sha256", image.sha256))?;
    }
    let pairs = pairs(results, ARTIFACT_URI, ARTIFACT_DIGEST)
        .filter(|(_, digest)| parse_digest(digest).is_some())
        .map(|(uri, digest)| (uri.to_owned(), digest.to_owned()));
    let structured = results.iter().filter_map(|result| output(result, ARTIFACT_OUTPUTS));
    for (uri, digest) in pairs.chain(structured.map(|(uri, digest)| (uri.to_owned(), digest.to_owned()))) {
        // As written, not as checked: upstream keeps the algorithm's case here.
        if let Some((algorithm, hex)) = digest.split_once(':') {
            found.add(uri, digest_set(algorithm, hex))?;
        }
    }
    Ok(found)
}

/// What the results claim to have used: every `*ARTIFACT_INPUTS`.
///
/// # Errors
/// When there are too many.
pub fn inputs(results: &[RunResult]) -> Result<Artifacts, ProvenanceError> {
    let mut found = Artifacts::default();
    for (uri, digest) in results.iter().filter_map(|result| output(result, ARTIFACT_INPUTS)) {
        if let Some((algorithm, hex)) = parse_digest(digest) {
            found.add(uri, digest_set(algorithm, hex))?;
        }
    }
    Ok(found)
}

/// URI and digest of an object result with that suffix, if both are there and the digest is one.
fn output<'a>(result: &'a RunResult, suffix: &str) -> Option<(&'a str, &'a str)> {
    if !result.name.ends_with(suffix) {
        return None;
    }
    let (uri, digest) = (field(result, "uri")?, field(result, "digest")?);
    (!uri.is_empty() && parse_digest(digest).is_some()).then_some((uri, digest))
}

/// Values of results whose names differ in the suffix alone; a later result of the same name counts.
fn pairs<'a>(results: &'a [RunResult], uri: &str, digest: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut found: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for result in results {
        let value = text(result).trim();
        if value.is_empty() {
            continue;
        }
        if let Some(marker) = result.name.strip_suffix(uri) {
            found.entry(marker).or_default().0 = value;
        }
        if let Some(marker) = result.name.strip_suffix(digest) {
            found.entry(marker).or_default().1 = value;
        }
    }
    found.into_values().filter(|(uri, digest)| !uri.is_empty() && !digest.is_empty())
}

fn text(result: &RunResult) -> &str {
    result.value.as_str().unwrap_or_default()
}

fn field<'a>(result: &'a RunResult, key: &str) -> Option<&'a str> {
    match &result.value {
        ParamValue::Object(fields) => fields.get(key).map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn results(value: Value) -> Vec<RunResult> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn images_in_order_each_once() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let found = images(&results(json!([
            {"name": "two-IMAGE_URL", "value": " gcr.io/two:tag\n"}, {"name": "two-IMAGE_DIGEST", "value": format!("sha256:{b}")},
            {"name": "IMAGE_DIGEST", "value": format!("sha256:{a}")}, {"name": "IMAGE_URL", "value": "gcr.io/one"},
            {"name": "alone-IMAGE_URL", "value": "gcr.io/alone"},
            {"name": "IMAGES", "value": format!("gcr.io/two@sha256:{b},\ngcr.io/three@sha256:{a}\nnonsense")},
            {"name": "x-ARTIFACT_OUTPUTS", "value": {"uri": "gcr.io/four", "digest": format!("sha256:{a}"), "isBuildArtifact": "true"}},
            {"name": "y-ARTIFACT_OUTPUTS", "value": {"uri": "gcr.io/five", "digest": format!("sha256:{a}"), "isBuildArtifact": "True"}},
        ])));
        let names: Vec<_> = found.iter().map(|image| image.repository.as_str()).collect();
        assert_eq!(names, ["gcr.io/one", "gcr.io/two", "gcr.io/three", "gcr.io/four"]);
    }

    #[test]
    fn subjects_keep_the_case_of_the_algorithm_and_inputs_do_not() {
        let hex = "a".repeat(64);
        let object = json!({"uri": "pkg:x", "digest": format!("SHA256:{hex}")});
        let claims = results(json!([
            {"name": "a-ARTIFACT_OUTPUTS", "value": object}, {"name": "a-ARTIFACT_INPUTS", "value": object},
            {"name": "b-ARTIFACT_URI", "value": "pkg:y"}, {"name": "b-ARTIFACT_DIGEST", "value": "sha256:short"},
            {"name": "c-ARTIFACT_OUTPUTS", "value": "a string"},
        ]));
        assert_eq!(subjects(&claims).unwrap().into_subjects()[0].digest, digest_set("SHA256", hex.as_str()));
        assert_eq!(subjects(&claims).unwrap().into_subjects().len(), 1);
        assert_eq!(inputs(&claims).unwrap().into_subjects()[0].digest, digest_set("sha256", hex.as_str()));
    }
}
