//! A Snapshot is tested: one PipelineRun per IntegrationTestScenario that applies, their answers in the Snapshot's status
//! and in its test status annotation. What to run and what the answers amount to is decided in `plan`, `run` and
//! `status`; here it is read and written. It must not judge images: a test does, and later the gate does again.

mod policy;
mod run;
mod scenario;
mod status;

pub use scenario::reconcile as reconcile_scenario;

use crate::Config;
use crate::cluster::{Annotate, Cluster, PIPELINE_RUNS, SCENARIOS, SNAPSHOTS, TASK_RUNS};
use crate::conditions;
use crate::error::Error;
use crate::verdict;
use serde_json::json;
use sluice_api::konflux::{IntegrationTestScenario, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::PipelineRun;
use status::{Outcome, TestStatus};

/// Looks at one Snapshot and does what is missing. Says whether its tests are over.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile(cluster: &Cluster, config: &Config, snapshot: &Snapshot) -> Result<(), Error> {
    let conditions = snapshot.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    if status::is_invalid(conditions)
        || status::is_canceled(conditions)
        || snapshot.metadata.deletion_timestamp.is_some()
    {
        return Ok(());
    }
    if let Some(reason) = status::invalid(snapshot) {
        return write(cluster, config, snapshot, None, &status::Verdict::Invalid(reason)).await;
    }
    let known = status::read(snapshot);
    let finished = status::is_finished(conditions);
    if finished && known.iter().all(TestStatus::is_final) {
        return Ok(());
    }

    let all = cluster.list(SCENARIOS, &snapshot.metadata.namespace, &[]).await?;
    // What is tested is fixed by the first look: a scenario that comes later cannot reopen a finished Snapshot.
    let scenarios: Vec<&IntegrationTestScenario> = if finished {
        all.iter().filter(|s| known.iter().any(|k| k.scenario == s.metadata.name)).collect()
    } else {
        all.iter().filter(|s| scenario::applies(s, snapshot)).collect()
    };
    let now = conditions::time((config.now)());
    let mut tests = Vec::new();
    let mut required = Vec::new();
    for scenario in scenarios {
        let name = &scenario.metadata.name;
        let before = known.iter().find(|k| k.scenario == *name);
        let test = match before.filter(|t| t.is_final()) {
            Some(ended) => ended.clone(),
            None => {
                let outcome = look(cluster, config, snapshot, scenario).await?;
                TestStatus::new(name, outcome, before, &now)
            }
        };
        if !scenario::is_optional(scenario) {
            required.push(test.clone());
        }
        tests.push(test);
    }
    // A scenario that was deleted in the middle is no longer required, but the picture keeps it.
    let gone: Vec<&TestStatus> = known.iter().filter(|k| !tests.iter().any(|t| t.scenario == k.scenario)).collect();
    tests.extend(gone.into_iter().map(|gone| {
        if gone.is_final() {
            gone.clone()
        } else {
            TestStatus::new(&gone.scenario, Outcome::deleted(), Some(gone), &now)
        }
    }));
    let verdict = if finished { status::Verdict::Unchanged } else { status::judge(&required) };
    write(cluster, config, snapshot, Some(&tests), &verdict).await
}

/// Makes the scenario's run if it is not there yet, and says how it stands.
async fn look(
    cluster: &Cluster,
    config: &Config,
    snapshot: &Snapshot,
    scenario: &IntegrationTestScenario,
) -> Result<Outcome, Error> {
    let namespace = &snapshot.metadata.namespace;
    let name = run::name(snapshot, scenario);
    let found = match cluster.get(PIPELINE_RUNS, namespace, &name).await? {
        Some(found) => found,
        None => {
            if let Some(reason) = scenario::invalid(scenario) {
                return Ok(Outcome::invalid(reason));
            }
            let params = match policy::params(cluster, config, scenario).await {
                Ok(params) => params,
                Err(error) if error.is_transient() => return Err(into_error(error)),
                Err(error) => return Ok(Outcome::invalid(error.to_string())),
            };
            let object = run::object(snapshot, scenario, &name, params);
            match cluster.create(PIPELINE_RUNS, namespace, &object).await {
                Ok(created) => {
                    tracing::info!(%namespace, run = %name, snapshot = %snapshot.metadata.name, "integration test created");
                    created
                }
                // Another look at the same moment made it; the next one finds it.
                Err(error) if error.is_already_exists() => return Ok(Outcome::pending()),
                Err(error) if error.is_permanent() => {
                    let reason = format!("Creation of pipelineRun failed during creation due to: {error}.");
                    return Ok(Outcome::invalid(reason));
                }
                Err(error) => return Err(error),
            }
        }
    };
    if !run::is_of(&found, snapshot) {
        return Ok(Outcome::invalid(format!(
            "PipelineRun {name} exists already and was not made for this Snapshot; delete it"
        )));
    }
    outcome(cluster, &found).await
}

async fn outcome(cluster: &Cluster, run: &PipelineRun) -> Result<Outcome, Error> {
    let status = run.status.clone().unwrap_or_default();
    let succeeded = conditions::succeeded(&status.conditions);
    if succeeded.is_none() {
        return Ok(Outcome::running(run));
    }
    let mut answers = Vec::new();
    for child in status.child_references.iter().filter(|c| c.kind == "TaskRun") {
        let Some(task_run) = cluster.get(TASK_RUNS, &run.metadata.namespace, &child.name).await? else { continue };
        if let Some(answer) = verdict::answer(&task_run) {
            answers.push((answer, verdict::explanation(&task_run)));
        }
    }
    Ok(Outcome::ended(run, succeeded == Some(true), &answers))
}

async fn write(
    cluster: &Cluster,
    config: &Config,
    snapshot: &Snapshot,
    tests: Option<&[TestStatus]>,
    verdict: &status::Verdict,
) -> Result<(), Error> {
    let now = conditions::time((config.now)());
    // The annotation first: conditions say that testing is over only when its answers can be read.
    if let Some(tests) = tests {
        let text = json!(tests).to_string();
        let same = match snapshot.metadata.annotations.get(labels::TEST_STATUS) {
            Some(old) => *old == text,
            None => tests.is_empty(),
        };
        if !same {
            let changes = Annotate::default().annotation(labels::TEST_STATUS, text);
            cluster.annotate(SNAPSHOTS, &snapshot.metadata, changes).await?;
            // The status is written from the next look, on the version that this made.
            return Ok(());
        }
    }
    let mut next = snapshot.status.clone().unwrap_or_default();
    status::apply(verdict, &mut next.conditions, &now);
    if snapshot.status.clone().unwrap_or_default() == next {
        return Ok(());
    }
    cluster.update_status(SNAPSHOTS, &snapshot.metadata, &next).await
}

fn into_error(error: crate::policy_ref::PolicyError) -> Error {
    match error {
        crate::policy_ref::PolicyError::Api(error) => error,
        other => Error::Request { what: "policy".to_owned(), message: other.to_string() },
    }
}
