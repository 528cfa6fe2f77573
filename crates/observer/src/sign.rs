//! Signing one run: from the object as the API server has it now to the annotation that says it is signed. Every step
//! may be taken again; nothing is remembered between two attempts but what stands on the run and in the registry.

use crate::access::Access;
use crate::annotate::{self, FAILURE, RETRIES, SIGNED, annotate};
use crate::error::{Error, Remedy};
use crate::pace::{Pace, Step, Unpaced};
use crate::runs::{Key, Kind, Runs, is_decided, is_done, owner};
use crate::store::{Signed, Store, checked};
use crate::subjects::images;
use serde_json::Value;
use sluice_attest::provenance::{Options, provenance};
use sluice_attest::status::{child_uid, verify_status};
use sluice_attest::witness::{self, StatusSignature};
use sluice_attest::{PublicKey, Run};
use std::sync::Arc;

/// Attempts that may fail before the run is marked as failed, as in Chains.
const MAX_ATTEMPTS: u32 = 5;

/// What the observer is told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Builder id and deep inspection.
    pub options: Options,
    /// Given: every status must be signed by it. Not given (upstream Tekton): the witness statement says "not signed".
    pub engine_key: Option<PublicKey>,
    /// `host:port` of the embedded registry, whose repositories RBAC governs.
    pub registry: Option<String>,
}

/// What came of looking at a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The run is not there (any more).
    Gone,
    /// It has not ended.
    Running,
    /// It was signed, or has failed to be, before.
    Decided,
    /// A PipelineRun whose child is not decided.
    Waiting(String),
    /// Signed now; for that many images.
    Signed(usize),
    /// Not signed, and it will not be; the reason is on the run.
    Failed(String),
    /// Not signed; worth trying again after that attempt.
    Retry(u32, String),
}

/// Signs runs.
#[derive(Clone)]
pub struct Observer {
    pub(crate) runs: Runs,
    store: Store,
    access: Access,
    settings: Arc<Settings>,
    pace: Arc<dyn Pace>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The objects that statements are made of, read and checked.
struct Read {
    uid: String,
    run: Run,
    has_own_statement: bool,
}

impl Observer {
    /// An observer over that API and that store.
    pub fn new(client: kube::Client, store: Store, settings: Settings) -> Self {
        let access = Access {
            client: client.clone(),
            registry: settings.registry.clone(),
            registries: store.registries().clone(),
        };
        Self { runs: Runs::new(client), store, access, settings: Arc::new(settings), pace: Arc::new(Unpaced) }
    }

    /// The same observer, at another pace.
    pub fn paced(self, pace: Arc<dyn Pace>) -> Self {
        Self { pace, ..self }
    }

    /// Looks at a run and does what is due.
    ///
    /// # Errors
    /// When the API server cannot be asked, which says nothing about the run.
    pub async fn reconcile(&self, key: &Key) -> Result<Outcome, Error> {
        let Some(object) = self.runs.get(key).await? else { return Ok(Outcome::Gone) };
        if !is_done(&object) {
            return Ok(Outcome::Running);
        }
        if is_decided(&object) {
            return Ok(Outcome::Decided);
        }
        let error = match self.sign(key, &object).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        let reason = annotate::reason(&error.to_string());
        let attempt = annotate::failed_attempts(&object).saturating_add(1);
        let uid = uid_of(&object);
        match error.remedy() {
            Remedy::Patience => Err(error),
            Remedy::Retry if attempt < MAX_ATTEMPTS => {
                let retries = (attempt - 1).to_string();
                annotate(&self.runs, key, uid, &[(RETRIES, &retries), (FAILURE, &reason)]).await?;
                Ok(Outcome::Retry(attempt, reason))
            }
            Remedy::Retry | Remedy::None => {
                annotate(&self.runs, key, uid, &[(SIGNED, "failed"), (FAILURE, &reason)]).await?;
                Ok(Outcome::Failed(reason))
            }
        }
    }

    async fn sign(&self, key: &Key, object: &Value) -> Result<Outcome, Error> {
        let read = match self.read(key, object).await? {
            Ok(read) => read,
            Err(child) => return Ok(Outcome::Waiting(child)),
        };
        checked(&*self.pace, Step::Read)?;
        let deep = self.settings.options.deep;
        let mut images = images(&read.run, deep)?;
        let statements = self.statements(&read)?;
        if let Some(signed) = statements.first() {
            images.retain(|image| {
                let subjects = &signed.statement.subject;
                subjects.iter().any(|s| s.name == image.repository && s.digest.get("sha256") == Some(&image.sha256))
            });
        }
        // All before the first is written: a run is signed as a whole or not at all.
        for image in &images {
            self.access.check(&read.run, image).await?;
        }
        checked(&*self.pace, Step::Made)?;
        for image in &images {
            if read.has_own_statement {
                self.store.attest(image, &statements, &*self.pace).await?;
            }
            self.store.sign_image(image, &*self.pace).await?;
        }
        checked(&*self.pace, Step::Verified)?;
        if !annotate(&self.runs, key, &read.uid, &[(SIGNED, "true")]).await? {
            return Ok(Outcome::Gone);
        }
        checked(&*self.pace, Step::Annotated)?;
        Ok(Outcome::Signed(images.len()))
    }

    /// Both statements, signed. They are made for every run, so that one of which none can be made is not called signed.
    fn statements(&self, read: &Read) -> Result<Vec<Signed>, Error> {
        let signature = match self.settings.engine_key {
            Some(_) => StatusSignature::Verified,
            None => StatusSignature::NotSigned,
        };
        let provenance = provenance(&read.run, &self.settings.options)?;
        let witness = witness::statement(&read.run, self.settings.options.deep, signature)?;
        [provenance, witness].into_iter().map(|statement| self.store.sign(statement, &read.uid)).collect()
    }

    /// Reads the children and checks every signature; or names the child that is still to be waited for.
    async fn read(&self, key: &Key, object: &Value) -> Result<Result<Read, String>, Error> {
        self.check_status(key, object)?;
        let uid = uid_of(object).to_owned();
        if key.kind == Kind::TaskRun {
            let has_own_statement = owner(object).is_none();
            return Ok(Ok(Read { uid, run: Run::task_run(object)?, has_own_statement }));
        }
        let mut children = vec![];
        for child in child_references(object) {
            let name = child["name"].as_str().unwrap_or_default();
            let problem = |problem: &str| Error::Child { child: name.to_owned(), problem: problem.to_owned() };
            if child["kind"] != "TaskRun" {
                return Err(problem("it is no TaskRun, and of other kinds nothing is known here"));
            }
            let child_key = Key { kind: Kind::TaskRun, namespace: key.namespace.clone(), name: name.to_owned() };
            let Some(run) = self.runs.get(&child_key).await? else {
                return Err(problem("it was deleted before the PipelineRun was signed, so what it did is not known"));
            };
            if !is_done(&run) || !is_decided(&run) {
                return Ok(Err(name.to_owned()));
            }
            self.check_status(&child_key, &run)?;
            let engine_signs = self.settings.engine_key.is_some();
            check_child(object, child, &run, engine_signs).map_err(|text| problem(&text))?;
            children.push(run);
        }
        Ok(Ok(Read { uid, run: Run::pipeline_run(object, &children)?, has_own_statement: true }))
    }

    fn check_status(&self, key: &Key, object: &Value) -> Result<(), Error> {
        let Some(engine) = &self.settings.engine_key else { return Ok(()) };
        verify_status(object, engine).map_err(|source| Error::Status { object: key.to_string(), source })
    }
}

/// Whether a TaskRun is the child that the PipelineRun names. Labels and owners are not covered by the engine's
/// signature, so whoever may write TaskRuns could put another one in the place of a child, or a child in the place of
/// another task.
fn check_child(parent: &Value, reference: &Value, child: &Value, engine_signs: bool) -> Result<(), String> {
    let controlled = owner(child).is_some_and(|(_, uid)| !uid.is_empty() && uid == uid_of(parent));
    if !controlled {
        return Err("it is not controlled by this PipelineRun; it was replaced by another of the same name".to_owned());
    }
    let label =
        child.pointer("/metadata/labels").and_then(|labels| labels.get(sluice_attest::run::PIPELINE_TASK_LABEL));
    let task = reference.get("pipelineTaskName");
    if task.and_then(Value::as_str).unwrap_or_default() != label.and_then(Value::as_str).unwrap_or_default() {
        return Err(format!(
            "its label `{}` does not name the pipeline task that the PipelineRun's status names; the label was changed",
            sluice_attest::run::PIPELINE_TASK_LABEL
        ));
    }
    let name = child.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    match child_uid(parent, name) {
        Some(uid) if uid != uid_of(child) => {
            Err("its uid is not the one that the PipelineRun's status names; it was replaced".to_owned())
        }
        // Upstream Tekton names no uids; an engine that signs its statuses does.
        None if engine_signs => Err("the PipelineRun's status does not name its uid".to_owned()),
        _ => Ok(()),
    }
}

fn child_references(run: &Value) -> impl Iterator<Item = &Value> {
    run.pointer("/status/childReferences").and_then(Value::as_array).into_iter().flatten()
}

fn uid_of(run: &Value) -> &str {
    run.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
}
