//! PipelineRuns: the Pipeline is fetched once, then each pass carries out what `plan` says.

use super::{Engine, Work};
use crate::clock::metav1;
use crate::definition::{self, Definition, DefinitionError};
use crate::objects::{ApiError, CLAIM, Key, PIPELINE, PIPELINE_RUN, TASK, TASK_RUN};
use crate::plan::pipeline_run::{BY_CANCEL, Facts, Failure, Plan, begin, plan};
use crate::plan::{self as plans, feature_flags, set_condition};
use futures::future::try_join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sluice_api::tekton::{PipelineRun, PipelineSpec, Provenance, TaskRun, defaults, unsupported, workspaces};
use std::sync::Arc;
use std::time::Duration;

/// Upstream's `default-maximum-resolution-timeout`.
const RESOLUTION_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// What a first look ends with.
enum Begun {
    Go(Box<PipelineSpec>, Value),
    Failed(Failure),
    /// Something does not answer; the message says what.
    Later(String),
}

impl Engine {
    pub(super) async fn reconcile_pipeline_run(self: &Arc<Self>, key: &Key) -> Result<(), ApiError> {
        let Some(object) = self.pipeline_runs.get(key) else { return Ok(()) };
        if plans::is_done_object(&object) || object.pointer("/metadata/deletionTimestamp").is_some() {
            return Ok(());
        }
        let mut run: PipelineRun = match serde_json::from_value((*object).clone()) {
            Ok(run) => run,
            Err(error) => {
                let failure = Failure {
                    reason: "PipelineValidationFailed",
                    message: format!("the PipelineRun cannot be read: {error}"),
                };
                return self.fail_pipeline_run(&object, &PipelineRun::default(), failure).await;
            }
        };
        if run.spec.status == "PipelineRunPending" {
            let mut status = run.status.clone().unwrap_or_default();
            let message = format!("PipelineRun \"{}\" is pending", run.metadata.name);
            set_condition(&mut status.conditions, "Unknown", "PipelineRunPending", &message, &self.time());
            return self.write_status(PIPELINE_RUN, &object, &status).await.map(drop);
        }
        let mut object = (*object).clone();
        let spec = match run.status.as_ref().and_then(|s| s.pipeline_spec.clone()) {
            Some(spec) => spec,
            None => match self.first_look(key, &object, &run).await? {
                Begun::Failed(failure) => return self.fail_pipeline_run(&object, &run, failure).await,
                Begun::Later(message) => return self.later(key, &object, &run, message).await,
                Begun::Go(spec, stored) => {
                    object = stored;
                    run = serde_json::from_value(object.clone()).unwrap_or(run);
                    *spec
                }
            },
        };
        let children = self.task_runs.owned_by(&key.namespace, &run.metadata.uid);
        let children: Vec<TaskRun> =
            children.iter().filter_map(|c| serde_json::from_value((**c).clone()).ok()).collect();
        let now = self.context.clock.now();
        let planned = plan(&Facts { run: &run, spec: &spec, children: &children, now });
        match planned {
            Ok(planned) => self.carry_out(key, &object, &run, planned).await,
            Err(error) => {
                let failure = Failure { reason: "PipelineInvalidGraph", message: error.to_string() };
                self.fail_pipeline_run(&object, &run, failure).await
            }
        }
    }

    fn time(&self) -> String {
        metav1(self.context.clock.now())
    }

    /// Something that the Pipeline needs does not answer: said, and tried again for upstream's resolution timeout.
    async fn later(&self, key: &Key, object: &Value, run: &PipelineRun, message: String) -> Result<(), ApiError> {
        let mut status = run.status.clone().unwrap_or_default();
        let now = self.context.clock.now();
        let started = status.start_time.get_or_insert_with(|| metav1(now)).parse::<jiff::Timestamp>();
        if started.is_ok_and(|started| now.duration_since(started) > RESOLUTION_TIMEOUT) {
            let message = format!("Error retrieving pipeline for pipelinerun {key}: {message}");
            return self.fail_pipeline_run(object, run, Failure { reason: "CouldntGetPipeline", message }).await;
        }
        let waiting = format!("PipelineRun {key} awaiting remote resource: {message}");
        set_condition(&mut status.conditions, "Unknown", "ResolvingPipelineRef", &waiting, &metav1(now));
        self.write_status(PIPELINE_RUN, object, &status).await?;
        self.queue.add_after(Work::PipelineRun(key.clone()), Duration::from_secs(2));
        Ok(())
    }

    async fn carry_out(&self, key: &Key, object: &Value, run: &PipelineRun, plan: Plan) -> Result<(), ApiError> {
        for (name, message) in &plan.cancel {
            let patch = json!({"spec": {"status": "TaskRunCancelled", "statusMessage": message}});
            match self.objects.merge(TASK_RUN, &Key::new(&key.namespace, name), "", &patch).await {
                Ok(Some(stored)) => self.learn(TASK_RUN, stored),
                Ok(None) => {}
                // It ended meanwhile, and what is over cannot be changed.
                Err(error) if error.refusal().is_some() => tracing::debug!(%name, %error, "not cancelled"),
                Err(error) => return Err(error),
            }
        }
        let create = plan.create.iter().map(|child| self.create_child(key, child));
        if let Some(message) = try_join_all(create).await?.into_iter().flatten().next() {
            return self.fail_pipeline_run(object, run, Failure { reason: "CreateRunFailed", message }).await;
        }
        if let Some(wake) = plan.wake {
            let wait = Duration::try_from(wake.duration_since(self.context.clock.now())).unwrap_or_default();
            self.queue.add_after(Work::PipelineRun(key.clone()), wait);
        }
        if !plan.done {
            return self.write_status(PIPELINE_RUN, object, &plan.status).await.map(drop);
        }
        let stored = self.write_final(PIPELINE_RUN, object, &plan.status).await?;
        if let Some(condition) = plan.status.conditions.iter().find(|c| c.type_ == plans::SUCCEEDED) {
            let reason = if condition.status == "True" { "Succeeded" } else { "Failed" };
            self.recorder.record(&stored, reason, &condition.message);
        }
        Ok(())
    }

    /// Creates a TaskRun; gives the message of a refusal that will not change.
    async fn create_child(&self, key: &Key, child: &TaskRun) -> Result<Option<String>, ApiError> {
        let name = &child.metadata.name;
        let invalid =
            |message: String| ApiError::Request { verb: "create", kind: TASK_RUN.kind, key: key.clone(), message };
        let object = serde_json::to_value(child).map_err(|e| invalid(e.to_string()))?;
        match self.objects.create(TASK_RUN, &object).await {
            Ok(Some(stored)) => {
                self.learn(TASK_RUN, stored);
                return Ok(None);
            }
            Ok(None) => {}
            Err(error) => {
                let refusal = error.refusal().ok_or(error)?;
                return Ok(Some(format!("TaskRun `{name}` of PipelineRun {key} was refused: {refusal}")));
            }
        }
        // One of that name is there: ours from before a crash, or a stranger's, which must not be taken for ours.
        let there = self.objects.get(TASK_RUN, &Key::new(&key.namespace, name)).await?;
        let owner = child.metadata.owner_references.first().map(|o| o.uid.as_str()).unwrap_or_default();
        match there {
            Some(there) if super::controller(&there).is_some_and(|(_, _, uid)| uid == owner) => {
                self.learn(TASK_RUN, there);
                Ok(None)
            }
            Some(_) => Ok(Some(format!(
                "TaskRun `{name}` of PipelineRun {key} cannot be created: one of that name belongs to something else; delete it and create the run again"
            ))),
            None => Err(ApiError::Conflict { kind: TASK_RUN.kind, key: key.clone() }),
        }
    }

    /// Fetches and checks the Pipeline, makes claims, and stores the spec that will be run.
    async fn first_look(&self, key: &Key, object: &Value, run: &PipelineRun) -> Result<Begun, ApiError> {
        let definition = match self.pipeline(run).await {
            Ok(definition) => definition,
            Err(DefinitionError::Transient(message)) => return Ok(Begun::Later(message)),
            Err(DefinitionError::Missing(message)) => {
                return Ok(Begun::Failed(Failure {
                    reason: "CouldntGetPipeline",
                    message: format!("Error retrieving pipeline for pipelinerun {key}: {message}"),
                }));
            }
            Err(DefinitionError::Invalid(message)) => {
                return Ok(Begun::Failed(Failure {
                    reason: "PipelineValidationFailed",
                    message: format!("Pipeline {}/{} can't be Run; {message}", key.namespace, definition_name(run)),
                }));
            }
        };
        let spec: Result<PipelineSpec, _> = serde_json::from_value(definition.spec.clone());
        let begun = match spec {
            Ok(spec) => begin(run, &definition.name, &spec),
            Err(error) => Err(Failure {
                reason: "PipelineValidationFailed",
                message: format!(
                    "Pipeline {}/{} can't be Run; it cannot be read: {error}",
                    key.namespace, definition.name
                ),
            }),
        };
        let spec = match begun {
            Ok(spec) => spec,
            Err(failure) => return Ok(Begun::Failed(failure)),
        };
        match self.tasks_exist(key, &definition.name, &spec).await {
            Ok(()) => {}
            Err(Begun::Go(..)) => {}
            Err(ended) => return Ok(ended),
        }
        let object = self.propagate_pipeline(key, object, run, &definition).await?;
        if let Some(failure) = self.make_claims(run).await? {
            return Ok(Begun::Failed(failure));
        }
        let mut status = run.status.clone().unwrap_or_default();
        let now = self.time();
        status.start_time.get_or_insert_with(|| now.clone());
        status.pipeline_spec = Some(spec.clone());
        status.provenance = Some(Provenance {
            ref_source: definition.source.clone(),
            feature_flags: Some(feature_flags()),
            ..Provenance::default()
        });
        let message = format!(
            "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: {}, Skipped: 0",
            spec.tasks.len() + spec.finally.len()
        );
        set_condition(&mut status.conditions, "Unknown", "Running", &message, &now);
        // Before any child is created: what they are made of must not change between two looks.
        let stored = self.write_status(PIPELINE_RUN, &object, &status).await?;
        self.recorder.record(&stored, "Started", "");
        self.recorder.record(&stored, "Running", &message);
        Ok(Begun::Go(Box::new(spec), stored))
    }

    async fn pipeline(&self, run: &PipelineRun) -> Result<Definition, DefinitionError> {
        match (&run.spec.pipeline_spec, &run.spec.pipeline_ref) {
            (Some(spec), _) => {
                let mut spec = serde_json::to_value(spec).map_err(|e| DefinitionError::Invalid(e.to_string()))?;
                defaults::pipeline_spec(&mut spec);
                Ok(Definition { name: run.metadata.name.clone(), spec, ..Definition::default() })
            }
            (None, Some(reference)) => {
                definition::fetch(&self.context, &self.objects, &run.metadata.namespace, PIPELINE, reference).await
            }
            (None, None) => {
                Err(DefinitionError::Missing("expected exactly one, got neither: pipelineRef, pipelineSpec".to_owned()))
            }
        }
    }

    /// Every Task that can be looked up already is there and can be run: better told now than half way.
    async fn tasks_exist(&self, key: &Key, pipeline: &str, spec: &PipelineSpec) -> Result<(), Begun> {
        let tasks = spec.tasks.iter().chain(&spec.finally);
        let references = tasks.filter_map(|t| t.task_ref.as_ref().map(|r| (t, r)));
        for (task, reference) in references {
            let text = serde_json::to_string(reference).unwrap_or_default();
            if text.contains("$(tasks.") {
                continue;
            }
            let found = definition::fetch(&self.context, &self.objects, &key.namespace, TASK, reference).await;
            let definition = match found {
                Ok(definition) => definition,
                Err(DefinitionError::Transient(message)) => return Err(Begun::Later(message)),
                Err(DefinitionError::Missing(message)) => {
                    let message = format!(
                        "Pipeline {}/{pipeline} can't be Run; it contains Tasks that don't exist: {message}",
                        key.namespace
                    );
                    return Err(Begun::Failed(Failure { reason: "CouldntGetTask", message }));
                }
                Err(DefinitionError::Invalid(message)) => {
                    let message = format!(
                        "Pipeline {}/{pipeline} can't be Run; pipeline task `{}`: {message}",
                        key.namespace, task.name
                    );
                    return Err(Begun::Failed(Failure { reason: "PipelineValidationFailed", message }));
                }
            };
            let refused = serde_json::from_value(definition.spec).map_err(|e| e.to_string());
            let refused = refused.and_then(|spec| unsupported::task_spec(&spec).map_err(|e| e.to_string()));
            if let Err(message) = refused {
                let message = format!(
                    "Pipeline {}/{pipeline} can't be Run; Task `{}` of pipeline task `{}`: {message}",
                    key.namespace, definition.name, task.name
                );
                return Err(Begun::Failed(Failure { reason: "PipelineValidationFailed", message }));
            }
        }
        Ok(())
    }

    /// Labels and annotations of the Pipeline go onto its run, and from there onto its TaskRuns.
    async fn propagate_pipeline(
        &self,
        key: &Key,
        object: &Value,
        run: &PipelineRun,
        definition: &Definition,
    ) -> Result<Value, ApiError> {
        let mut labels = definition.labels.clone();
        labels.insert("tekton.dev/pipeline".to_owned(), definition.name.clone());
        let mut annotations = definition.annotations.clone();
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        labels.retain(|k, _| !run.metadata.labels.contains_key(k));
        annotations.retain(|k, _| !run.metadata.annotations.contains_key(k));
        if labels.is_empty() && annotations.is_empty() {
            return Ok(object.clone());
        }
        let patch = json!({"metadata": {"labels": labels, "annotations": annotations}});
        let stored = self.objects.merge(PIPELINE_RUN, key, "", &patch).await?;
        let stored = stored.ok_or_else(|| ApiError::Conflict { kind: PIPELINE_RUN.kind, key: key.clone() })?;
        self.learn(PIPELINE_RUN, stored.clone());
        Ok(stored)
    }

    async fn make_claims(&self, run: &PipelineRun) -> Result<Option<Failure>, ApiError> {
        let owner = json!({"apiVersion": PIPELINE_RUN.api_version(), "kind": PIPELINE_RUN.kind, "name": run.metadata.name,
            "uid": run.metadata.uid, "controller": true, "blockOwnerDeletion": true});
        for binding in &run.spec.workspaces {
            let Some(template) = &binding.volume_claim_template else { continue };
            let claim = workspaces::claim(template, &binding.name, &run.metadata.namespace, &run.metadata.uid, &owner);
            if let Err(error) = self.objects.create(CLAIM, &claim).await {
                let Some(refusal) = error.refusal() else { return Err(error) };
                let message = format!("Failed to create PVC for PipelineRun {} correctly: {refusal}", run.key());
                return Ok(Some(Failure { reason: "CouldntCreateWorkspacePVC", message }));
            }
        }
        Ok(None)
    }

    async fn fail_pipeline_run(&self, object: &Value, run: &PipelineRun, failure: Failure) -> Result<(), ApiError> {
        for child in self.task_runs.owned_by(&run.metadata.namespace, &run.metadata.uid) {
            if !plans::is_done_object(&child) {
                let patch = json!({"spec": {"status": "TaskRunCancelled", "statusMessage": BY_CANCEL}});
                if let Err(error) = self.objects.merge(TASK_RUN, &Key::of(&child), "", &patch).await {
                    tracing::warn!(child = %Key::of(&child), %error, "cannot cancel a TaskRun of a run that failed");
                }
            }
        }
        let mut status = run.status.clone().unwrap_or_default();
        let now = self.time();
        status.start_time.get_or_insert_with(|| now.clone());
        status.completion_time = Some(now.clone());
        set_condition(&mut status.conditions, "False", failure.reason, &failure.message, &now);
        let stored = self.write_final(PIPELINE_RUN, object, &status).await?;
        self.recorder.record(&stored, "Failed", &failure.message);
        Ok(())
    }
}

fn definition_name(run: &PipelineRun) -> &str {
    run.spec.pipeline_ref.as_ref().map_or(&run.metadata.name, |r| &r.name)
}
