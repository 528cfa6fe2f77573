//! TaskRuns: prepared, started, followed and ended. Each pass looks at everything anew and does what is next.

use super::runs::{Active, Phase};
use super::{Engine, Work};
use crate::clock::metav1;
use crate::context::RunIdentity;
use crate::objects::{ApiError, Key, POD, TASK_RUN};
use crate::plan::{self, pod, task_run};
use crate::prepare::{self, PrepareError, Prepared, TimeLeft};
use crate::rundir::RunDir;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sluice_api::runner::{self, Request, RunSpec};
use sluice_api::tekton::{TaskRun, TaskRunStatus, duration};
use sluice_api::witness::WitnessRecord;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a runner has to stop its steps before it is killed.
const GRACE: SignedDuration = SignedDuration::from_secs(15);
/// What is prepared within this time needs no status of its own before it runs.
const PATIENCE: Duration = Duration::from_millis(100);

impl Engine {
    pub(super) async fn reconcile_task_run(self: &Arc<Self>, key: &Key) -> Result<(), ApiError> {
        let Some(object) = self.task_runs.get(key) else {
            self.forget(key, false);
            return Ok(());
        };
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.runs.with(key, |active| active.uid != uid) == Some(true) {
            self.forget(key, false);
        }
        if plan::is_done_object(&object) {
            self.forget(key, false);
            return Ok(());
        }
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            self.forget(key, false);
            return Ok(());
        }
        let run: TaskRun = match serde_json::from_value((*object).clone()) {
            Ok(run) => run,
            Err(error) => return self.unreadable(&object, &error).await,
        };
        enum Next {
            Wait,
            Start,
            Follow(Arc<RunSpec>, Option<Arc<Prepared>>),
        }
        let next = self.runs.with(key, |active| match &active.phase {
            Phase::Preparing(_) => Next::Wait,
            Phase::Prepared(_) => Next::Start,
            Phase::Running(spec, prepared) => Next::Follow(spec.clone(), prepared.clone()),
        });
        match next {
            Some(Next::Follow(spec, prepared)) => self.follow(key, &object, &run, &spec, prepared.as_deref()).await,
            Some(Next::Start) => self.start(key, &object, &run).await,
            Some(Next::Wait) if self.give_up(key, &object, &run).await? => Ok(()),
            Some(Next::Wait) => {
                let status = task_run::waiting(&run, "Pending", "preparing the images of the steps", &self.now());
                self.write_status(TASK_RUN, &object, &status).await?;
                self.wake_at_timeout(key, &run);
                Ok(())
            }
            None => self.begin(key, &object, &run).await,
        }
    }

    fn now(&self) -> String {
        metav1(self.context.clock.now())
    }

    async fn unreadable(&self, object: &Value, error: &serde_json::Error) -> Result<(), ApiError> {
        let message = format!("the TaskRun cannot be read: {error}");
        let mut status = object.get("status").cloned().unwrap_or_else(|| json!({}));
        let now = self.now();
        status["conditions"] = json!([{"type": plan::SUCCEEDED, "status": "False", "lastTransitionTime": now,
            "reason": prepare::VALIDATION_FAILED, "message": message}]);
        status["completionTime"] = now.into();
        self.write_final(TASK_RUN, object, &status).await.map(drop)
    }

    /// First look at a run in this process: new, or left by an earlier process.
    async fn begin(self: &Arc<Self>, key: &Key, object: &Value, run: &TaskRun) -> Result<(), ApiError> {
        let id = run.metadata.uid.clone();
        let dir = RunDir::new(&self.context.data, &id);
        let left_spec = dir.read_spec().unwrap_or_default();
        let has_run = self.runs.is_alive(&id) || dir.events_len() > 0;
        let adopted = left_spec.filter(|_| has_run);
        if adopted.is_none() && self.give_up(key, object, run).await? {
            return Ok(());
        }
        if run.spec.status == "TaskRunPending" {
            let message = format!("TaskRun \"{}\" is pending", run.metadata.name);
            let mut status = task_run::waiting(run, "TaskRunPending", &message, &self.now());
            status.start_time = None;
            self.write_status(TASK_RUN, object, &status).await?;
            return Ok(());
        }
        let mut active = Active {
            uid: id.clone(),
            id,
            phase: Phase::Prepared(Err(PrepareError::Transient(String::new()))),
            permit: None,
            adopted: adopted.is_some(),
            cancelled_at: None,
            killed: false,
            pictured: false,
            feed: None,
        };
        if let Some(spec) = adopted {
            if let Some(access) = &spec.registry {
                self.context.registry.resume(&identity(run), access);
            }
            if run.status.as_ref().is_some_and(|s| s.task_spec.is_some()) {
                let spec = Arc::new(spec);
                active.phase = Phase::Running(spec.clone(), None);
                active.feed = Some(self.feed(key, &spec.id));
                self.runs.insert(key, active);
                return self.follow(key, object, run, &spec, None).await;
            }
        } else {
            self.recorder.record(object, "Started", "");
        }
        let (finished, ready) = tokio::sync::oneshot::channel::<()>();
        active.phase = Phase::Preparing(self.spawn_prepare(key, run, finished));
        self.runs.insert(key, active);
        // Mostly all is there already, and the run starts within this pass.
        match tokio::time::timeout(PATIENCE, ready).await {
            Ok(_) => self.start(key, object, run).await,
            Err(_) => {
                let status = task_run::waiting(run, "Pending", "preparing the images of the steps", &self.now());
                self.write_status(TASK_RUN, object, &status).await.map(drop)
            }
        }
    }

    fn spawn_prepare(
        self: &Arc<Self>,
        key: &Key,
        run: &TaskRun,
        finished: tokio::sync::oneshot::Sender<()>,
    ) -> tokio::task::AbortHandle {
        let (engine, key, run) = (self.clone(), key.clone(), run.clone());
        let task = async move {
            let permit = engine.slots.clone().acquire_owned().await.ok();
            let identity = identity(&run);
            let pod = pod::name(&run.metadata.name, 0);
            let left = TimeLeft(engine.seconds_left(&run));
            let mut tries = 0;
            let result = loop {
                let result =
                    prepare::prepare(&engine.context, &engine.objects, &engine.layers, &run, &identity, &pod, left)
                        .await;
                match result {
                    Err(PrepareError::Transient(message)) if tries < 5 => {
                        tracing::info!(run = %key, %message, "preparing failed; trying again");
                        tokio::time::sleep(Duration::from_millis(200 << tries)).await;
                        tries += 1;
                    }
                    result => break result,
                }
            };
            engine.runs.with(&key, |active| {
                active.phase = Phase::Prepared(result.map(Box::new));
                active.permit = permit;
            });
            // Whoever waits goes on at once; where nobody waits any more, the queue tells.
            let _ = finished.send(());
            engine.queue.add(Work::TaskRun(key));
        };
        tokio::spawn(task).abort_handle()
    }

    /// Starts what is prepared, or ends what could not be.
    async fn start(self: &Arc<Self>, key: &Key, object: &Value, run: &TaskRun) -> Result<(), ApiError> {
        enum Ready {
            Go(Box<Prepared>),
            Failed(&'static str, String),
            NotYet,
        }
        let adopted = self.runs.with(key, |active| active.adopted).unwrap_or(false);
        if !adopted && self.give_up(key, object, run).await? {
            return Ok(());
        }
        let ready = self.runs.with(key, |active| match &active.phase {
            Phase::Prepared(Ok(prepared)) => Ready::Go(prepared.clone()),
            Phase::Prepared(Err(PrepareError::Refused { reason, message })) => Ready::Failed(reason, message.clone()),
            Phase::Prepared(Err(PrepareError::Transient(message))) => {
                Ready::Failed("PodCreationFailed", message.clone())
            }
            Phase::Preparing(_) | Phase::Running(..) => Ready::NotYet,
        });
        let mut prepared = match ready {
            None | Some(Ready::NotYet) => return Ok(()),
            Some(Ready::Failed(reason, message)) => {
                return self
                    .end(key, object, run, None, task_run::failed(run, reason, &message, &self.now()), Vec::new())
                    .await;
            }
            Some(Ready::Go(prepared)) => prepared,
        };
        let object = &self.propagate(key, object, run, &prepared).await?;
        let dir = RunDir::new(&self.context.data, &prepared.run.id);
        if adopted {
            // What the runner was really given counts.
            if let Some(spec) = dir.read_spec().unwrap_or_default() {
                prepared.run = spec;
            }
        } else if let Err(message) = self.launch(&dir, &prepared.run) {
            return Err(ApiError::Request { verb: "start", kind: TASK_RUN.kind, key: key.clone(), message });
        }
        let spec = Arc::new(prepared.run.clone());
        let prepared: Arc<Prepared> = Arc::from(prepared);
        let feed = self.feed(key, &spec.id);
        self.runs.with(key, |active| {
            active.phase = Phase::Running(spec.clone(), Some(prepared.clone()));
            active.feed = Some(feed);
        });
        self.recorder.record(object, "Running", "Not all Steps in the Task have finished executing");
        self.follow(key, object, run, &spec, Some(&prepared)).await
    }

    fn launch(&self, dir: &RunDir, spec: &RunSpec) -> Result<(), String> {
        dir.write_spec(spec).map_err(|e| format!("cannot write spec.json: {e}"))?;
        self.context.launcher.send(Request::Start { v: runner::VERSION, id: spec.id.clone() })
    }

    /// Labels and annotations of the Task go onto its run, as upstream does it; the run's own win.
    async fn propagate(
        &self,
        key: &Key,
        object: &Value,
        run: &TaskRun,
        prepared: &Prepared,
    ) -> Result<Value, ApiError> {
        let lacking = |from: &BTreeMap<String, String>, have: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            from.iter()
                .filter(|(k, _)| !have.contains_key(*k) && *k != "kubectl.kubernetes.io/last-applied-configuration")
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        let definition = &prepared.definition;
        let mut labels = lacking(&definition.labels, &run.metadata.labels);
        if run.spec.task_ref.is_some() && !run.metadata.labels.contains_key("tekton.dev/task") {
            labels.insert("tekton.dev/task".into(), definition.name.clone());
        }
        let annotations = lacking(&definition.annotations, &run.metadata.annotations);
        if labels.is_empty() && annotations.is_empty() {
            return Ok(object.clone());
        }
        let patch = json!({"metadata": {"labels": labels, "annotations": annotations}});
        let stored = self.objects.merge(TASK_RUN, key, "", &patch).await?;
        let stored = stored.ok_or_else(|| ApiError::Conflict { kind: TASK_RUN.kind, key: key.clone() })?;
        self.learn(TASK_RUN, stored.clone());
        Ok(stored)
    }

    /// Follows a run that has (or had) a runner.
    async fn follow(
        self: &Arc<Self>,
        key: &Key,
        object: &Value,
        run: &TaskRun,
        spec: &RunSpec,
        prepared: Option<&Prepared>,
    ) -> Result<(), ApiError> {
        let dir = RunDir::new(&self.context.data, &spec.id);
        // In this order: a runner writes its last event before it ends.
        let lost = self.lost(key, spec);
        let events = dir.read_events().map_err(|e| ApiError::Request {
            verb: "read the events of",
            kind: TASK_RUN.kind,
            key: key.clone(),
            message: e.to_string(),
        })?;
        let now = self.now();
        let stored = run.status.clone().unwrap_or_default();
        let before = match (stored.task_spec.is_some(), prepared) {
            (false, Some(p)) => task_run::started(run, &p.task_spec, &p.provenance, &spec.pod, &now),
            _ => stored.clone(),
        };
        let progress = task_run::progressed(run, &before, spec, &events, lost.as_deref(), &now);
        if progress.done {
            return self.end(key, object, run, Some(spec), progress.status, progress.witness).await;
        }
        self.stop_if_wanted(key, run, &dir, spec);
        if stored != progress.status {
            let (written, pictured) = tokio::join!(
                self.write_status(TASK_RUN, object, &progress.status),
                self.picture(key, run, spec, &progress.status)
            );
            pictured?;
            written?;
        }
        Ok(())
    }

    /// Makes the Pod show that status.
    async fn picture(&self, key: &Key, run: &TaskRun, spec: &RunSpec, status: &TaskRunStatus) -> Result<(), ApiError> {
        let pod_key = Key::new(&spec.namespace, &spec.pod);
        let patch = json!({"status": pod::status(spec, status)});
        if self.runs.with(key, |active| active.pictured) == Some(true)
            && self.objects.merge(POD, &pod_key, "/status", &patch).await?.is_some()
        {
            return Ok(());
        }
        let mut whole = pod::object(run, spec);
        whole["status"] = pod::status(spec, status);
        // A server may drop the status of a new object, and the Pod may be there from before a restart.
        let fresh = self.objects.create(POD, &whole).await?;
        if fresh.is_none_or(|pod| pod.pointer("/status/phase") != whole.pointer("/status/phase")) {
            self.objects.merge(POD, &pod_key, "/status", &patch).await?;
        }
        self.runs.with(key, |active| active.pictured = true);
        Ok(())
    }

    /// Why the runner is known to be gone, if it is.
    fn lost(&self, key: &Key, spec: &RunSpec) -> Option<String> {
        if let Some((code, message)) = self.runs.exit(&spec.id) {
            let message = message.trim();
            let killed = self.runs.with(key, |a| a.killed).unwrap_or(false);
            return Some(match (killed, message) {
                (true, _) => "it did not stop in time and was killed".to_owned(),
                (_, "") => format!("it ended with code {code} and did not say why"),
                (_, message) => format!("it ended with code {code}: {message}"),
            });
        }
        let adopted = self.runs.with(key, |active| active.adopted).unwrap_or(false);
        (adopted && !self.runs.is_alive(&spec.id))
            .then(|| "it ended while the control plane was not running".to_owned())
    }

    /// Asks the runner to stop a run that is cancelled or out of time; kills it if it does not.
    fn stop_if_wanted(&self, key: &Key, run: &TaskRun, dir: &RunDir, spec: &RunSpec) {
        let now = self.context.clock.now();
        let overdue = self.deadline(run).is_some_and(|deadline| now >= deadline + GRACE);
        let cancelled = run.spec.status == "TaskRunCancelled";
        if !cancelled && !overdue {
            self.wake_at_timeout(key, run);
            return;
        }
        let asked = self.runs.with(key, |active| *active.cancelled_at.get_or_insert(now)).unwrap_or(now);
        if asked == now
            && let Err(error) = dir.write_cancel()
        {
            tracing::warn!(run = %key, %error, "cannot ask the runner to stop");
        }
        if overdue || now >= asked + GRACE {
            let first = self.runs.with(key, |active| !std::mem::replace(&mut active.killed, true));
            if first == Some(true)
                && let Err(error) =
                    self.context.launcher.send(Request::Kill { v: runner::VERSION, id: spec.id.clone() })
            {
                tracing::warn!(run = %key, %error, "cannot kill the runner");
            }
        }
        self.queue.add_after(Work::TaskRun(key.clone()), Duration::from_secs(1));
    }

    /// Ends a run that has no runner and is not to get one.
    async fn give_up(self: &Arc<Self>, key: &Key, object: &Value, run: &TaskRun) -> Result<bool, ApiError> {
        let (reason, message) = if run.spec.status == "TaskRunCancelled" {
            (task_run::CANCELLED, task_run::cancelled_message(run))
        } else if self.deadline(run).is_some_and(|deadline| self.context.clock.now() >= deadline) {
            (task_run::TIMED_OUT, task_run::timeout_message(run))
        } else {
            return Ok(false);
        };
        self.end(key, object, run, None, task_run::failed(run, reason, &message, &self.now()), Vec::new()).await?;
        Ok(true)
    }

    /// The last write of a run: pod, then the final status with witness and signature; then its traces are removed.
    async fn end(
        self: &Arc<Self>,
        key: &Key,
        object: &Value,
        run: &TaskRun,
        spec: Option<&RunSpec>,
        mut status: TaskRunStatus,
        witness: Vec<sluice_api::witness::WitnessedStep>,
    ) -> Result<(), ApiError> {
        let id = identity(run).id;
        let told = !witness.is_empty();
        // Its steps are dead, so nothing follows. The record is kept until the status that holds it is stored.
        let (pushed, pulled) = self.context.registry.transfers(&id);
        status.witness = Some(WitnessRecord { version: 1, steps: witness, pushed, pulled });
        if let Some(spec) = spec {
            self.picture(key, run, spec, &status).await?;
        }
        let stored = self.write_final(TASK_RUN, object, &status).await?;
        let condition = status.conditions.iter().find(|c| c.type_ == plan::SUCCEEDED);
        let (reason, message) = condition
            .map_or(("Failed", ""), |c| (if c.status == "True" { "Succeeded" } else { "Failed" }, c.message.as_str()));
        self.recorder.record(&stored, reason, message);
        self.forget(key, told);
        Ok(())
    }

    /// Drops what is known of a run that is over or gone; its folder goes once its runner has. A runner that has told
    /// its end is left to clean up after itself, any other is killed.
    fn forget(self: &Arc<Self>, key: &Key, told: bool) {
        let exited = self.runs.with(key, |active| active.id.clone()).and_then(|id| self.runs.exit(&id));
        let alive = self.runs.with(key, |active| active.id.clone()).is_some_and(|id| self.runs.is_alive(&id));
        let Some(active) = self.runs.remove(key) else { return };
        let id = active.id.clone();
        self.context.registry.revoke(&id);
        let has_runner = matches!(active.phase, Phase::Running(..)) || (active.adopted && alive);
        if exited.is_some() || !has_runner {
            self.remove_folder(&id);
            return;
        }
        self.runs.end(&id);
        if !told {
            self.kill(&id);
            return;
        }
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::try_from(GRACE).unwrap_or_default()).await;
            if let Some(engine) = engine.upgrade().filter(|e| e.runs.is_ending(&id)) {
                engine.kill(&id);
            }
        });
    }

    fn deadline(&self, run: &TaskRun) -> Option<Timestamp> {
        let timeout = duration::parse(&run.spec.timeout).ok().filter(|t| !t.is_zero())?;
        let started = run.status.as_ref().and_then(|s| s.start_time.as_deref())?;
        let started: Timestamp = started.parse().ok()?;
        started.checked_add(timeout).ok()
    }

    fn seconds_left(&self, run: &TaskRun) -> u64 {
        let Some(timeout) = duration::parse(&run.spec.timeout).ok().filter(|t| !t.is_zero()) else { return 0 };
        let Some(deadline) = self.deadline(run) else {
            return timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        };
        let left = deadline.duration_since(self.context.clock.now());
        u64::try_from(left.as_secs()).unwrap_or(0).max(1)
    }

    fn wake_at_timeout(&self, key: &Key, run: &TaskRun) {
        if let Some(deadline) = self.deadline(run) {
            let now = self.context.clock.now();
            let wait = deadline.duration_since(now) + if now >= deadline { GRACE } else { SignedDuration::ZERO };
            let wait = Duration::try_from(wait).unwrap_or(Duration::from_secs(1));
            self.queue.add_after(Work::TaskRun(key.clone()), wait);
        }
    }

    /// Looks for new events of a run: often at first, when steps come and go, then less so.
    fn feed(self: &Arc<Self>, key: &Key, id: &str) -> tokio::task::AbortHandle {
        let (engine, key, dir) = (Arc::downgrade(self), key.clone(), RunDir::new(&self.context.data, id));
        let task = async move {
            let (mut seen, mut quiet) = (0, 0u32);
            while let Some(engine) = engine.upgrade() {
                let length = dir.events_len();
                if length > seen {
                    (seen, quiet) = (length, 0);
                    engine.queue.add(Work::TaskRun(key.clone()));
                }
                drop(engine);
                quiet = quiet.saturating_add(1);
                tokio::time::sleep(Duration::from_millis(if quiet < 1000 { 5 } else { 25 })).await;
            }
        };
        tokio::spawn(task).abort_handle()
    }
}

fn identity(run: &TaskRun) -> RunIdentity {
    RunIdentity {
        id: run.metadata.uid.clone(),
        namespace: run.metadata.namespace.clone(),
        task_run: run.metadata.name.clone(),
        service_account: run.spec.service_account_name.clone(),
    }
}
