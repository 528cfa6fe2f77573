//! Plans of PipelineRuns, by table: what is known in, what is said and done out. No server, no clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use sluice_api::tekton::{PipelineRun, PipelineSpec, TaskRun};
use sluice_engine::plan::pipeline_run::{BY_CANCEL, BY_TIMEOUT, Facts, Plan, begin, plan};

const NOW: &str = "2026-01-01T01:00:00Z";

struct Case {
    run: Value,
    pipeline: Value,
    /// (pipeline task, condition status, reason, results)
    children: Vec<(&'static str, &'static str, &'static str, Value)>,
}

impl Case {
    fn new(pipeline: Value) -> Self {
        let run = json!({"apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
            "metadata": {"name": "pr", "namespace": "ns", "uid": "u1"},
            "spec": {"timeouts": {"pipeline": "0"}}, "status": {"startTime": "2026-01-01T00:00:00Z"}});
        Self { run, pipeline, children: Vec::new() }
    }

    fn with(mut self, task: &'static str, status: &'static str, reason: &'static str) -> Self {
        self.children.push((task, status, reason, json!([])));
        self
    }

    fn results(mut self, results: Value) -> Self {
        self.children.last_mut().unwrap().3 = results;
        self
    }

    fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.run.pointer_mut(parent).unwrap()[key] = value;
        self
    }

    fn plan(&self) -> Plan {
        let run: PipelineRun = serde_json::from_value(self.run.clone()).unwrap();
        let spec: PipelineSpec = serde_json::from_value(self.pipeline.clone()).unwrap();
        let spec = begin(&run, "p", &spec).unwrap();
        let message = if self.run["spec"]["status"] == json!("Cancelled") { BY_CANCEL } else { "" };
        let children: Vec<TaskRun> = self
            .children
            .iter()
            .map(|(task, status, reason, results)| {
                let mut child = json!({"metadata": {"name": format!("pr-{task}"), "labels": {"tekton.dev/pipelineTask": task}},
                    "spec": {"statusMessage": message},
                    "status": {"conditions": [{"type": "Succeeded", "status": status, "reason": reason}], "results": results}});
                if *reason == "ByTimeout" {
                    child["spec"]["statusMessage"] = BY_TIMEOUT.into();
                    child["status"]["conditions"][0]["reason"] = "TaskRunCancelled".into();
                }
                serde_json::from_value(child).unwrap()
            })
            .collect();
        plan(&Facts { run: &run, spec: &spec, children: &children, now: NOW.parse().unwrap() }).unwrap()
    }
}

fn task(name: &str) -> Value {
    json!({"name": name, "taskRef": {"name": "t"}})
}

fn after(name: &str, parent: &str) -> Value {
    json!({"name": name, "taskRef": {"name": "t"}, "runAfter": [parent]})
}

fn consumer(name: &str, of: &str) -> Value {
    json!({"name": name, "taskRef": {"name": "t"}, "params": [{"name": "p", "value": format!("$(tasks.{of}.results.r)")}]})
}

fn when(mut task: Value, input: &str) -> Value {
    task["when"] = json!([{"input": input, "operator": "in", "values": ["yes"]}]);
    task
}

fn created(plan: &Plan) -> Vec<&str> {
    plan.create.iter().map(|c| c.metadata.name.as_str()).collect()
}

fn said(plan: &Plan) -> (String, String, String) {
    let c = &plan.status.conditions[0];
    (c.status.clone(), c.reason.clone(), c.message.clone())
}

fn says(plan: &Plan, status: &str, reason: &str, message: &str) {
    assert_eq!(said(plan), (status.to_owned(), reason.to_owned(), message.to_owned()));
}

fn skipped(plan: &Plan) -> Vec<(&str, &str)> {
    plan.status.skipped_tasks.iter().map(|s| (s.name.as_str(), s.reason.as_str())).collect()
}

#[test]
fn roots_start_first_and_followers_when_their_parents_are_done() {
    let pipeline = json!({"tasks": [after("c", "a"), task("a"), task("b")], "finally": [task("f")]});
    let plan = Case::new(pipeline.clone()).plan();
    assert_eq!(created(&plan), ["pr-a", "pr-b"]);
    says(&plan, "Unknown", "Running", "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 4, Skipped: 0");
    let plan = Case::new(pipeline.clone()).with("a", "True", "Succeeded").with("b", "Unknown", "Running").plan();
    assert_eq!(created(&plan), ["pr-c"]);
    let all = Case::new(pipeline).with("a", "True", "Succeeded").with("b", "True", "Succeeded").with(
        "c",
        "True",
        "Succeeded",
    );
    let plan = all.plan();
    assert_eq!(created(&plan), ["pr-f"]);
    assert_eq!(plan.create[0].metadata.labels["tekton.dev/memberOf"], "finally");
    assert_eq!(plan.status.finally_start_time.as_deref(), Some(NOW));
    let plan = all.with("f", "True", "Succeeded").plan();
    assert!(plan.done);
    says(&plan, "True", "Succeeded", "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0");
}

#[test]
fn a_failure_stops_what_has_not_started_but_not_finally() {
    let pipeline = json!({"tasks": [task("a"), after("b", "a"), task("c")], "finally": [task("f")]});
    let case = Case::new(pipeline).with("a", "False", "StepFailed").with("c", "Unknown", "Running");
    let plan = case.plan();
    assert!(created(&plan).is_empty());
    assert_eq!(skipped(&plan), [("b", "PipelineRun was stopping")]);
    let case = Case { children: vec![], ..case }.with("a", "False", "StepFailed").with("c", "True", "Succeeded");
    assert_eq!(created(&case.plan()), ["pr-f"]);
    let plan = case.with("f", "True", "Succeeded").plan();
    says(&plan, "False", "Failed", "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1");
}

#[test]
fn an_ignored_failure_goes_on() {
    let mut a = task("a");
    a["onError"] = "continue".into();
    let case = Case::new(json!({"tasks": [a, after("b", "a")]})).with("a", "False", "FailureIgnored");
    assert_eq!(created(&case.plan()), ["pr-b"]);
    let plan = case.with("b", "True", "Succeeded").plan();
    says(&plan, "True", "Succeeded", "Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0");
}

#[test]
fn expressions_skip_one_task_and_those_that_need_its_results() {
    let pipeline = json!({"tasks": [when(task("a"), "no"), after("order", "a"), consumer("need", "a"), after("below", "need")],
        "finally": [consumer("last", "a")]});
    let plan = Case::new(pipeline.clone()).plan();
    assert_eq!(created(&plan), ["pr-order"]);
    let missing = "Results were missing";
    assert_eq!(
        skipped(&plan),
        [("a", "When Expressions evaluated to false"), ("need", missing), ("below", "Parent Tasks were skipped")]
    );
    let plan = Case::new(pipeline).with("order", "True", "Succeeded").plan();
    assert!(plan.done);
    assert_eq!(skipped(&plan).last(), Some(&("last", missing)));
    says(&plan, "True", "Completed", "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 4");
}

#[test]
fn expressions_read_results() {
    let pipeline = json!({"tasks": [task("a"), when(task("b"), "$(tasks.a.results.r)")]});
    for (value, starts) in [("yes", vec!["pr-b"]), ("no", vec![])] {
        let case = Case::new(pipeline.clone())
            .with("a", "True", "Succeeded")
            .results(json!([{"name": "r", "type": "string", "value": value}]));
        assert_eq!(created(&case.plan()), starts);
    }
}

#[test]
fn results_of_each_type_are_put_in() {
    let mut b = task("b");
    b["params"] = json!([{"name": "s", "value": "$(tasks.a.results.s) $(tasks.a.results.l[1]) $(tasks.a.results.o.k)"},
        {"name": "l", "value": "$(tasks.a.results.l[*])"}, {"name": "o", "value": "$(tasks.a.results.o[*])"},
        {"name": "in", "value": ["x", "$(tasks.a.results.l[*])"]}, {"name": "pr", "value": "$(context.pipelineRun.name)"}]);
    let case = Case::new(json!({"tasks": [task("a"), b]})).with("a", "True", "Succeeded").results(json!([
        {"name": "s", "type": "string", "value": "text"}, {"name": "l", "type": "array", "value": ["1", "2"]},
        {"name": "o", "type": "object", "value": {"k": "v"}}]));
    let plan = case.plan();
    assert_eq!(
        serde_json::to_value(&plan.create[0].spec.params).unwrap(),
        json!([{"name": "s", "value": "text 2 v"}, {"name": "l", "value": ["1", "2"]}, {"name": "o", "value": {"k": "v"}},
            {"name": "in", "value": ["x", "1", "2"]}, {"name": "pr", "value": "pr"}])
    );
}

#[test]
fn a_result_that_was_not_written_fails_validation() {
    let pipeline = json!({"tasks": [task("a"), consumer("b", "a")], "finally": [task("f")]});
    let case = Case::new(pipeline).with("a", "True", "Succeeded");
    assert_eq!(created(&case.plan()), ["pr-f"]);
    let plan = case.with("f", "True", "Succeeded").plan();
    let (status, reason, message) = said(&plan);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "PipelineValidationFailed"));
    assert!(message.contains("task \"a\" did not produce the result \"r\""), "{message}");
}

#[test]
fn finally_reads_how_the_tasks_ended() {
    let mut f = task("f");
    f["params"] = json!([{"name": "all", "value": "$(tasks.status)"}, {"name": "a", "value": "$(tasks.a.status) $(tasks.a.reason)"}]);
    let table = [
        ("True", "Succeeded", "Succeeded", "Succeeded Succeeded"),
        ("False", "StepFailed", "Failed", "Failed StepFailed"),
    ];
    for (status, reason, all, a) in table {
        let case = Case::new(json!({"tasks": [task("a")], "finally": [f]})).with("a", status, reason);
        let params = serde_json::to_value(&case.plan().create[0].spec.params).unwrap();
        assert_eq!(params, json!([{"name": "all", "value": all}, {"name": "a", "value": a}]));
    }
}

#[test]
fn cancel_ends_all_and_the_graceful_ways_run_finally() {
    let pipeline = json!({"tasks": [task("a"), after("b", "a")], "finally": [task("f")]});
    let running =
        |status: &str| Case::new(pipeline.clone()).set("/spec/status", status.into()).with("a", "Unknown", "Running");
    let plan = running("Cancelled").plan();
    assert_eq!(plan.cancel, [("pr-a".to_owned(), BY_CANCEL)]);
    assert!(!plan.done && plan.create.is_empty());
    let ended = |status: &str| {
        Case::new(pipeline.clone()).set("/spec/status", status.into()).with("a", "False", "TaskRunCancelled")
    };
    let plan = ended("Cancelled").plan();
    assert!(plan.done);
    says(&plan, "False", "Cancelled", "PipelineRun \"pr\" was cancelled");
    let plan = running("CancelledRunFinally").plan();
    assert_eq!(plan.cancel.len(), 1);
    assert_eq!(said(&plan).1, "CancelledRunningFinally");
    assert_eq!(created(&ended("CancelledRunFinally").plan()), ["pr-f"]);
    let plan = running("StoppedRunFinally").plan();
    assert!(plan.cancel.is_empty());
    assert_eq!(said(&plan).1, "StoppedRunningFinally");
    let stopped =
        Case::new(pipeline.clone()).set("/spec/status", "StoppedRunFinally".into()).with("a", "True", "Succeeded");
    let plan = stopped.plan();
    assert_eq!(created(&plan), ["pr-f"]);
    assert_eq!(skipped(&plan), [("b", "PipelineRun was gracefully stopped")]);
    says(&stopped.with("f", "True", "Succeeded").plan(), "False", "Cancelled", "PipelineRun \"pr\" was cancelled");
}

#[test]
fn timeouts_end_what_they_are_for() {
    let pipeline = json!({"tasks": [task("a"), after("b", "a")], "finally": [task("f")]});
    let whole = Case::new(pipeline.clone()).set("/spec/timeouts", json!({"pipeline": "30m"}));
    let plan = Case { children: vec![], run: whole.run.clone(), pipeline: pipeline.clone() }
        .with("a", "Unknown", "Running")
        .plan();
    assert_eq!(plan.cancel, [("pr-a".to_owned(), BY_TIMEOUT)]);
    assert!(!plan.done);
    let plan = whole.with("a", "False", "ByTimeout").plan();
    assert!(plan.done);
    says(&plan, "False", "PipelineRunTimeout", "PipelineRun \"pr\" failed to finish within \"30m0s\"");
    let tasks = || Case::new(pipeline.clone()).set("/spec/timeouts", json!({"pipeline": "3h", "tasks": "30m"}));
    let plan = tasks().with("a", "False", "ByTimeout").plan();
    assert_eq!(created(&plan), ["pr-f"]);
    let plan = tasks().with("a", "False", "ByTimeout").with("f", "True", "Succeeded").plan();
    says(
        &plan,
        "False",
        "PipelineRunTimeout",
        "PipelineRun \"pr\" failed due to tasks failed to finish within \"30m0s\"",
    );
    let later = Case::new(pipeline).set("/spec/timeouts", json!({"pipeline": "2h"})).plan();
    assert_eq!(later.wake.map(|w| w.to_string()).as_deref(), Some("2026-01-01T02:00:00Z"));
}

#[test]
fn what_does_not_fit_the_pipeline_is_told() {
    let table = [
        (json!({"params": [{"name": "x"}], "tasks": [task("a")]}), json!({}), "ParameterMissing"),
        (
            json!({"params": [{"name": "x"}], "tasks": [task("a")]}),
            json!({"params": [{"name": "x", "value": ["l"]}]}),
            "ParameterTypeMismatch",
        ),
        (json!({"workspaces": [{"name": "w"}], "tasks": [task("a")]}), json!({}), "InvalidWorkspaceBindings"),
        (json!({"tasks": [task("a")]}), json!({"taskRunSpecs": [{"pipelineTaskName": "z"}]}), "InvalidTaskRunSpecs"),
        (json!({"tasks": [after("a", "b"), after("b", "a")]}), json!({}), "PipelineInvalidGraph"),
        (
            json!({"tasks": [{"name": "a", "taskRef": {"name": "t"}, "matrix": {}}]}),
            json!({}),
            "PipelineValidationFailed",
        ),
    ];
    for (pipeline, spec, reason) in table {
        let run: PipelineRun =
            serde_json::from_value(json!({"metadata": {"name": "pr", "namespace": "ns"}, "spec": spec})).unwrap();
        let pipeline: PipelineSpec = serde_json::from_value(pipeline).unwrap();
        let failure = begin(&run, "p", &pipeline).unwrap_err();
        assert_eq!(failure.reason, reason, "{failure}");
    }
}

#[test]
fn workspaces_are_bound_and_claims_have_their_name() {
    let mut a = task("a");
    a["workspaces"] = json!([{"name": "src", "workspace": "shared", "subPath": "x"}]);
    let embedded = json!({"name": "b", "taskSpec": {"steps": [{"image": "i", "script": "ls $(workspaces.shared.path) $(params.p)"}]}});
    let case = Case::new(
        json!({"params": [{"name": "p", "default": "v"}], "workspaces": [{"name": "shared"}], "tasks": [a, embedded]}),
    )
    .set("/spec/workspaces", json!([{"name": "shared", "subPath": "base", "volumeClaimTemplate": {"spec": {}}}]));
    let plan = case.plan();
    let bound = &plan.create[0].spec.workspaces[0];
    assert_eq!((bound.name.as_str(), bound.sub_path.as_str()), ("src", "base/x"));
    let claim = bound.persistent_volume_claim.as_ref().unwrap()["claimName"].as_str().unwrap();
    assert!(claim.starts_with("pvc-"), "{claim}");
    let propagated = plan.create[1].spec.task_spec.as_ref().unwrap();
    assert_eq!(propagated.workspaces[0].name, "shared");
    assert_eq!(propagated.steps[0].script, "ls $(workspaces.shared.path) v");
}
