//! Whatever stands in an object, statements are made or refused: nothing panics and nothing grows without bound.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use sluice_attest::provenance::{Options, ProvenanceError, provenance};
use sluice_attest::witness::{StatusSignature, statement};
use sluice_attest::{PublicKey, Run, hints, simplesigning, status};

fn child() -> Value {
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
        "metadata": {"name": "r-build", "namespace": "n", "uid": "u", "labels": {"tekton.dev/pipelineTask": "build"}, "annotations": {"a": "b"}},
        "spec": {"params": [{"name": "CHAINS-GIT_URL", "value": "https://h/r"}], "taskRef": {"resolver": "bundles", "params": [{"name": "name", "value": "x"}]}},
        "status": {
            "conditions": [{"type": "Succeeded", "status": "True"}],
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z",
            "taskSpec": {"params": [{"name": "p", "default": ["a"]}], "steps": [{"name": "s", "command": ["c"], "args": ["d"]}]},
            "steps": [{"name": "s", "imageID": format!("r/n@sha256:{}", "a".repeat(64)), "terminated": {"exitCode": 0}}],
            "sidecars": [{"name": "c", "imageID": "r/n@sha256:b"}],
            "results": [{"name": "IMAGE_URL", "value": "gcr.io/a/b"}, {"name": "IMAGE_DIGEST", "value": format!("sha256:{}", "a".repeat(64))},
                        {"name": "x-ARTIFACT_OUTPUTS", "value": {"uri": "pkg:x", "digest": format!("sha256:{}", "a".repeat(64))}}],
            "provenance": {"refSource": {"uri": "u", "digest": {"sha256": "x"}, "entryPoint": "e"}},
            "witness": {"version": 1, "steps": [{"name": "s", "image": "i", "network": "none"}], "pushed": [{"repository": "gcr.io/a/b", "digest": "d", "kind": "manifest"}]},
            "annotations": {status::STATUS_SIGNATURE: "AAAA", status::CHILD_UIDS: "{}"},
        },
    })
}

fn parent() -> Value {
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "r", "namespace": "n", "uid": "u"},
        "spec": {"params": [{"name": "p", "value": "v"}], "taskRunTemplate": {"serviceAccountName": "s"}},
        "status": {
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z",
            "pipelineSpec": {"tasks": [{"name": "build", "params": [{"name": "p", "value": "$(tasks.a.results.b)"}],
                                        "matrix": {"params": [{"name": "m", "value": ["x"]}]}, "when": [{"input": "i"}]}],
                             "finally": [{"name": "end", "taskSpec": {"steps": [{"env": [{"name": "e", "value": "v"}]}]}}]},
            "results": [{"name": "IMAGES", "value": "gcr.io/a/b@sha256:c"}],
        },
    })
}

/// Calls `with` with the value after each of its parts was replaced by each of the others in turn.
fn mutations(value: &Value, with: &mut impl FnMut(&Value)) {
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("$(tasks.a.results.b[)"),
        json!("\u{0}é@:@"),
        json!([]),
        json!([[null]]),
        json!({}),
        json!({"": {"": null}}),
        json!("a".repeat(10_000)),
    ];
    let mut pointers = vec![];
    collect(value, String::new(), &mut pointers);
    for pointer in pointers {
        for other in &others {
            let mut mutated = value.clone();
            *mutated.pointer_mut(&pointer).unwrap() = other.clone();
            with(&mutated);
        }
    }
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => fields.iter().for_each(|(k, v)| collect(v, format!("{at}/{}", escape(k)), pointers)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| collect(v, format!("{at}/{i}"), pointers)),
        _ => {}
    }
    pointers.push(at);
}

fn all(run: &Run) {
    for deep in [true, false] {
        let options = Options { deep, ..Options::default() };
        if let Ok(statement) = provenance(run, &options) {
            assert_eq!(statement.to_vec().unwrap(), provenance(run, &options).unwrap().to_vec().unwrap());
        }
        let _ = statement(run, deep, StatusSignature::Verified);
    }
    hints::images(run.results()).iter().for_each(|image| drop(simplesigning::payload(image)));
}

#[test]
fn no_part_of_an_object_makes_it_panic() {
    let key = PublicKey::from_pem(include_str!("../testdata/p256.pub")).unwrap();
    let (mut made, mut refused) = (0, 0);
    let mut count = |run: Result<Run, ProvenanceError>| match run {
        Ok(run) => {
            all(&run);
            made += 1;
        }
        Err(_) => refused += 1,
    };
    mutations(&child(), &mut |child| {
        count(Run::task_run(child));
        count(Run::pipeline_run(&parent(), [child]));
        assert!(status::verify_status(child, &key).is_err());
        let _ = status::child_uid(child, "x");
    });
    mutations(&parent(), &mut |parent| count(Run::pipeline_run(parent, [&child()])));
    assert!(made > 100 && refused > 100, "{made} {refused}");
}

#[test]
fn too_many_claims_are_refused() {
    let images: Vec<String> = (0..20_000).map(|n| format!("r.io/nn@sha256:{n:064x}")).collect();
    let mut run = child();
    run["status"]["results"] = json!([{"name": "IMAGES", "value": images.join(",")}]);
    let run = Run::task_run(&run).unwrap();
    assert_eq!(provenance(&run, &Options::default()), Err(ProvenanceError::TooMany));
    assert_eq!(statement(&run, true, StatusSignature::Verified), Err(ProvenanceError::TooMany));
}

#[test]
fn what_would_repeat_itself_without_bound_is_refused() {
    let mut run = parent();
    run["status"]["pipelineSpec"]["tasks"] = json!(vec![json!({"name": "build"}); 1000]);
    let run = Run::pipeline_run(&run, [&child()]).unwrap();
    assert!(matches!(provenance(&run, &Options::default()), Err(ProvenanceError::Shape { .. })));
    let mut run = parent();
    let params = "$(tasks.t.results.r) ".repeat(10) + &"x".repeat(100_000);
    run["status"]["pipelineSpec"]["tasks"][0]["runAfter"] = json!([params]);
    let children = vec![child(); 300];
    let run = Run::pipeline_run(&run, &children).unwrap();
    assert_eq!(provenance(&run, &Options::default()), Err(ProvenanceError::TooLarge));
}

#[test]
fn many_references_take_no_time() {
    let mut run = parent();
    let references: String = (0..60_000).map(|n| format!("$(tasks.t{n}.results.r)")).collect();
    run["status"]["pipelineSpec"]["tasks"][0]["params"][0]["value"] = json!(references);
    let run = Run::pipeline_run(&run, [&child()]).unwrap();
    let statement = provenance(&run, &Options::default()).unwrap();
    assert_eq!(statement.predicate["buildConfig"]["tasks"][0]["after"].as_array().unwrap().len(), 60_000);
}
