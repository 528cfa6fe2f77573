//! What a report looks like, in each format, for a build that passes and for one whose image was only claimed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use sluice_policy::{Format, Options, Report, render};
use support::{Build, case};

async fn report(name: &str) -> (Build, Report) {
    let build = Build::new(case(name));
    let report = build.validate().await;
    (build, report)
}

fn json_of(report: &Report, options: Options) -> Value {
    serde_json::from_str(&render(report, Format::Json, options).unwrap()).unwrap()
}

#[tokio::test]
async fn json_has_the_keys_of_ec() {
    let (_, report) = report("hint-beside-build").await;
    let short = json_of(&report, Options::default());
    assert_eq!(short["success"], false);
    assert_eq!((&short["ec-version"], &short["effective-time"]), (&json!("test"), &json!("2026-02-01T00:00:00Z")));
    assert!(short["key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let component = &short["components"][0];
    assert_eq!((&component["name"], &component["success"]), (&json!("hello"), &json!(false)));
    assert_eq!(component["attestations"][0]["predicateBuildType"], "tekton.dev/v1/PipelineRun");
    assert!(component.get("successes").is_none());
    let keys: Vec<&String> = component["violations"][0]["metadata"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "term"]);

    let long = json_of(&report, Options { successes: true, warnings: true, info: true });
    let violation = &long["components"][0]["violations"][1];
    assert_eq!(violation["metadata"]["code"], "slsa_build_scripted_build.image_built_by_trusted_task");
    for key in ["title", "description", "solution", "collections"] {
        assert!(!violation["metadata"][key].is_null(), "{key}");
    }
    assert!(violation["metadata"].get("depends_on").is_none());
    let successes = long["components"][0]["successes"].as_array().unwrap();
    assert!(successes.iter().any(|s| s["msg"] == "Pass" && s["metadata"]["code"] == "builtin.image.signature_check"));
    let yaml = render(&report, Format::Yaml, Options::default()).unwrap();
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), short);
}

#[tokio::test]
async fn an_explanation_says_rule_task_claim_and_sight() {
    let (build, report) = report("hint-beside-build").await;
    let all = &report.components[0].explanation;
    let built = all.iter().find(|e| e.rule == "slsa_build_scripted_build.image_built_by_trusted_task").unwrap();
    assert_eq!(
        (built.tasks[0].pipeline_task.as_str(), built.tasks[0].task_run.as_str()),
        ("deploy-notes", "hello-x7k2p-deploy-notes")
    );
    assert_eq!(built.claimed, build.filled("built {{image}}"));
    assert!(built.witnessed.starts_with("deploy-notes pushed no image"), "{}", built.witnessed);
    assert!(built.remedy.contains("out of the pipeline"), "{}", built.remedy);
    let seen = all.iter().find(|e| e.rule == "witness.subject_witnessed").unwrap();
    assert_eq!(seen.claimed, "built by deploy-notes");
    assert_eq!(seen.witnessed, "no push of this digest by any TaskRun of the run");
}

#[tokio::test]
async fn text_is_for_people() {
    let (build, report) = report("hermetic-lie").await;
    let text = render(&report, Format::Text, Options::default()).unwrap();
    let text = text.replace(&build.filled("{{image}}"), "{{image}}");
    let path = support::fixtures().join("hermetic-lie/text.txt");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}

#[tokio::test]
async fn test_output_is_that_of_adr_30() {
    let (_, good) = report("good").await;
    let output: Value = serde_json::from_str(&render(&good, Format::Appstudio, Options::default()).unwrap()).unwrap();
    let successes = good.components[0].success_count;
    assert!(successes > 20, "{successes}");
    assert_eq!(
        output,
        json!({"timestamp": "1769904000", "namespace": "", "successes": successes, "failures": 0, "warnings": 0,
            "result": "SUCCESS", "note": "All checks passed successfully"})
    );
    let (_, empty) = report("empty-snapshot").await;
    assert_eq!(empty.test_output().result, "FAILURE");
    let summary: Value = serde_json::from_str(&render(&good, Format::Summary, Options::default()).unwrap()).unwrap();
    assert_eq!(summary["components"][0]["total_successes"], successes);
}
