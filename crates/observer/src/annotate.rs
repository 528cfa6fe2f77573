//! What the observer writes on a run: Chains' annotations, by server-side apply as Chains does, and why a run was not
//! signed.

use crate::error::{Error, is_status};
use crate::runs::{Key, Runs, annotation};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `true` or `failed`; final.
pub const SIGNED: &str = "chains.tekton.dev/signed";
/// How often signing was tried again.
pub const RETRIES: &str = "chains.tekton.dev/retries";
/// Why the last attempt to sign failed. Chains does not say.
pub const FAILURE: &str = "sluice.dev/signing-failure";

const CHAINS_PREFIX: &str = "chains.tekton.dev/";
const FIELD_MANAGER: &str = "tekton-chains-controller";
/// Longest reason that is written.
const MAX_REASON: usize = 1024;

/// Writes these annotations on the run, if it still is the run with that uid. Answers whether it is.
pub(crate) async fn annotate(runs: &Runs, key: &Key, uid: &str, new: &[(&str, &str)]) -> Result<bool, Error> {
    let Some(live) = runs.get(key).await? else { return Ok(false) };
    if live.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid) {
        return Ok(false);
    }
    let resource = key.kind.resource();
    let patch = Patch::Apply(json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "annotations": wanted(&live, new)},
    }));
    let params = PatchParams::apply(FIELD_MANAGER);
    match runs.of(key).patch(&key.name, &params, &patch).await {
        Ok(_) => Ok(true),
        Err(e) if is_status(&e, 404) => Ok(false),
        Err(e) if is_status(&e, 409) => {
            tracing::warn!(%key, "somebody else wrote the observer's annotations; taking them back");
            runs.of(key).patch(&key.name, &params.force(), &patch).await?;
            Ok(true)
        }
        Err(e) => Err(e.into()),
    }
}

/// All annotations that are this manager's: applying fewer would remove the others.
fn wanted(live: &Value, new: &[(&str, &str)]) -> BTreeMap<String, String> {
    let existing = live.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let ours = existing.filter(|(name, _)| name.starts_with(CHAINS_PREFIX));
    let mut all: BTreeMap<String, String> =
        ours.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    all.extend(new.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// The number of attempts so far that failed.
pub(crate) fn failed_attempts(run: &Value) -> u32 {
    annotation(run, RETRIES).map_or(0, |text| text.parse::<u32>().map_or(u32::MAX, |n| n.saturating_add(1)))
}

/// A reason on one line, and not too long for an annotation.
pub(crate) fn reason(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keeps_its_own_annotations_and_takes_no_other() {
        let live = json!({"metadata": {"annotations": {"chains.tekton.dev/retries": "1", "a": "b", FAILURE: "old"}}});
        let all = wanted(&live, &[(SIGNED, "true")]);
        let want = [(RETRIES, "1"), (SIGNED, "true")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(all, BTreeMap::from(want));
    }

    #[test]
    fn attempts_are_counted_as_chains_counts_retries() {
        let run = |text: &str| json!({"metadata": {"annotations": {RETRIES: text}}});
        assert_eq!(failed_attempts(&json!({})), 0);
        assert_eq!(failed_attempts(&run("0")), 1);
        assert_eq!(failed_attempts(&run("3")), 4);
        assert_eq!(failed_attempts(&run("many")), u32::MAX);
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(reason("a\n\nb\u{7}  c"), "a b c");
        assert_eq!(reason(&"é".repeat(5000)).chars().count(), MAX_REASON);
    }
}
