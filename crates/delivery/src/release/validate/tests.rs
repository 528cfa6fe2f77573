//! Tables: a Release and what it names, and the exact refusal.

#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

struct World {
    release: Value,
    plan: Value,
    admission: Value,
    snapshot: Value,
}

fn world(change: impl FnOnce(&mut World)) -> World {
    let mut world = World {
        release: json!({
            "metadata": {"name": "r", "namespace": "acme", "creationTimestamp": "2026-11-21T10:00:00Z",
                "labels": {labels::AUTHOR: "ana"}},
            "spec": {"snapshot": "hello-1", "releasePlan": "hello"}}),
        plan: json!({
            "metadata": {"name": "hello", "namespace": "acme", "labels": {labels::AUTHOR: "bob"}},
            "spec": {"application": "hello", "target": "acme-managed"}}),
        admission: json!({
            "metadata": {"name": "hello", "namespace": "acme-managed", "labels": {labels::BLOCK_RELEASES: "false"}},
            "spec": {"applications": ["hello"], "origin": "acme", "policy": "release",
                "pipeline": {"pipelineRef": {"resolver": "bundles", "params": [{"name": "kind", "value": "pipeline"}]}}}}),
        snapshot: json!({
            "metadata": {"name": "hello-1", "namespace": "acme"},
            "spec": {"application": "hello", "components": [{"name": "hello", "containerImage": "r@sha256:0"}]}}),
    };
    change(&mut world);
    world
}

fn answer(world: World) -> Result<(Attribution, Ref), Refusal> {
    let parse = |value: Value| serde_json::from_value(value).unwrap();
    let release = parse(world.release);
    let plan: Option<ReleasePlan> = (!world.plan.is_null()).then(|| serde_json::from_value(world.plan).unwrap());
    let admissions: Vec<ReleasePlanAdmission> =
        if world.admission.is_null() { vec![] } else { vec![serde_json::from_value(world.admission).unwrap()] };
    let snapshot: Option<Snapshot> =
        (!world.snapshot.is_null()).then(|| serde_json::from_value(world.snapshot).unwrap());
    let facts = Facts {
        release: &release,
        plan: plan.as_ref(),
        admissions: &admissions,
        snapshot: snapshot.as_ref(),
        now: "2026-11-21T10:02:00Z".parse().unwrap(),
    };
    validate(&facts).map(|v| (v.attribution, v.pipeline_ref))
}

fn refused(change: impl FnOnce(&mut World)) -> String {
    match answer(world(change)) {
        Err(Refusal::Final(message)) => message,
        Err(Refusal::Wait(message)) => format!("wait: {message}"),
        Ok(_) => "valid".to_owned(),
    }
}

#[test]
fn a_valid_release() {
    let (attribution, reference) = answer(world(|_| ())).unwrap();
    assert_eq!(attribution, Attribution { author: "ana".to_owned(), standing: false });
    assert_eq!(reference.resolver, "bundles");
}

#[test]
fn refusals_in_order() {
    assert_eq!(refused(|w| w.plan = Value::Null), "releaseplans.appstudio.redhat.com \"hello\" not found");
    assert_eq!(
        refused(|w| w.plan["spec"]["target"] = json!("")),
        "releasePlan has no pipeline or target. Each Release should define a tenant pipeline, managed pipeline, or both"
    );
    assert_eq!(
        refused(|w| w.plan["spec"]["tenantPipeline"] = json!({})),
        "releasePlan hello defines tenantPipeline, which is not supported; remove it"
    );
    assert_eq!(
        refused(|w| w.admission = Value::Null),
        "no ReleasePlanAdmission found in namespace (acme-managed) with the origin (acme) for 'hello'"
    );
    assert_eq!(
        refused(|w| w.admission["spec"]["origin"] = json!("other")),
        "no ReleasePlanAdmission found in namespace (acme-managed) with the origin (acme) for 'hello'"
    );
    assert_eq!(
        refused(|w| w.admission["metadata"]["labels"][labels::BLOCK_RELEASES] = json!("true")),
        "found ReleasePlanAdmission 'hello' with block-releases label set to true"
    );
    assert_eq!(
        refused(|w| w.admission["spec"]["pipeline"] = Value::Null),
        "releasePlan and releasePlanAdmission both have no pipeline. Each Release should define a tenant pipeline, managed \
         pipeline, or both"
    );
    assert_eq!(
        refused(|w| w.admission["spec"]["pipeline"]["maxRetries"] = json!(2)),
        "releasePlanAdmission hello sets pipeline.maxRetries, which is not supported; remove it or set it to 0"
    );
    assert_eq!(refused(|w| w.snapshot = Value::Null), "snapshots.appstudio.redhat.com \"hello-1\" not found");
    assert_eq!(
        refused(|w| w.snapshot["spec"]["components"] = json!([])),
        "Snapshot hello-1 has no components, so there is nothing to release"
    );
    let different = "different Application referenced in ReleasePlan and Snapshot";
    assert_eq!(refused(|w| w.snapshot["spec"]["application"] = json!("other")), different);
    assert_eq!(refused(|w| w.release["metadata"]["labels"] = json!({})), "no author found for manual release");
}

#[test]
fn component_groups_are_compared_too() {
    let grouped = |plan: &'static str, snapshot: &'static str| {
        refused(move |w| {
            w.plan["spec"] = json!({"componentGroup": plan, "target": "acme-managed"});
            w.admission["spec"]["applications"] = json!([]);
            w.admission["spec"]["componentGroups"] = json!(["a", "b"]);
            w.snapshot["spec"]["application"] = json!("");
            w.snapshot["spec"]["componentGroup"] = json!(snapshot);
        })
    };
    assert_eq!(grouped("a", "a"), "valid");
    assert_eq!(grouped("a", "b"), "different Application referenced in ReleasePlan and Snapshot");
}

#[test]
fn nobody_asked_but_the_plan_stands_for_it() {
    let automated = |w: &mut World| {
        w.release["metadata"]["labels"] = json!({labels::AUTOMATED: "true", labels::AUTHOR: "eve"});
    };
    let marked = |w: &mut World| w.release["status"] = json!({"automated": true});
    let waiting = "automated not set in status for automated release";
    assert_eq!(refused(automated), format!("wait: {waiting}"));
    let late = |w: &mut World| {
        automated(w);
        w.release["metadata"]["creationTimestamp"] = json!("2026-11-21T09:00:00Z");
    };
    assert_eq!(refused(late), waiting);
    let no_author = |w: &mut World| {
        automated(w);
        marked(w);
        w.plan["metadata"]["labels"] = json!({});
    };
    assert_eq!(refused(no_author), "no author in the ReleasePlan found for automated release");
    let (attribution, _) = answer(world(|w| {
        automated(w);
        marked(w);
    }))
    .unwrap();
    assert_eq!(attribution, Attribution { author: "bob".to_owned(), standing: true });
}

#[test]
fn a_pipeline_object_comes_from_the_admissions_namespace_only() {
    let cluster = |namespace: &str, kind: &str| {
        let params = json!([{"name": "kind", "value": kind}, {"name": "name", "value": "release"},
                            {"name": "namespace", "value": namespace}]);
        answer(world(|w| {
            w.admission["spec"]["pipeline"]["pipelineRef"] = json!({"resolver": "cluster", "params": params})
        }))
    };
    assert_eq!(cluster("acme-managed", "pipeline").unwrap().1, Ref { name: "release".to_owned(), ..Ref::default() });
    for (namespace, kind) in [("acme", "pipeline"), ("", "pipeline"), ("acme-managed", "task")] {
        let Err(Refusal::Final(message)) = cluster(namespace, kind) else { unreachable!() };
        assert!(
            message
                .starts_with("tried using debug only options while debug mode is disabled in the ReleaseServiceConfig")
        );
    }
    assert!(
        refused(|w| w.admission["spec"]["pipeline"]["pipelineRef"] = json!({}))
            .starts_with("pipelineRef has no resolver")
    );
}

#[test]
fn expiration_is_the_releases_grace_or_the_plans() {
    let at = |release: Value, plan: Value| {
        let mut world = world(|_| ());
        world.release["spec"]["gracePeriodDays"] = release;
        world.plan["spec"]["releaseGracePeriodDays"] = plan;
        let (release, plan) =
            (serde_json::from_value(world.release).unwrap(), serde_json::from_value(world.plan).unwrap());
        expiration(&release, &plan).unwrap().to_string()
    };
    assert_eq!(at(json!(1), json!(2)), "2026-11-22T10:00:00Z");
    assert_eq!(at(json!(0), json!(2)), "2026-11-23T10:00:00Z");
    assert_eq!(at(Value::Null, Value::Null), "2026-11-28T10:00:00Z");
}
