//! The engine's loops: watches fill caches and the queue, workers reconcile, the launcher's notices wake what they
//! concern. Nothing here decides what a run should be; that is `plan`.

mod cache;
mod pipeline_run;
mod queue;
mod runs;
mod sign;
mod task_run;

use crate::context::Context;
use crate::objects::{ApiError, Key, Kind, Objects, PIPELINE_RUN, TASK_RUN};
use crate::prepare::Layers;
use crate::recorder::Recorder;
use cache::{Cache, controller};
use futures::StreamExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::{WatchStreamExt, watcher};
use queue::Queue;
use runs::{Ended, Runs};
use serde_json::Value;
use sluice_api::runner::{self, Notice, Request};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

/// What is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    TaskRun(Key),
    PipelineRun(Key),
}

/// What all reconcilers share.
pub(crate) struct Engine {
    context: Context,
    objects: Objects,
    task_runs: Cache,
    pipeline_runs: Cache,
    queue: Queue<Work>,
    runs: Runs,
    layers: Layers,
    recorder: Recorder,
    slots: Arc<Semaphore>,
}

/// Wait before what failed is tried again; doubled by each failure up to the limit.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(20));

/// Runs the engine until it is dropped. All it knows it reads again when it is started anew.
pub async fn run(context: Context) {
    let objects = Objects::new(context.client.clone());
    let (recorder, recording) = Recorder::new(objects.clone(), context.clock.clone());
    let notices = context.launcher.notices();
    let engine = Arc::new(Engine {
        slots: Arc::new(Semaphore::new(context.limits.concurrent_runs.max(1))),
        objects,
        task_runs: Cache::default(),
        pipeline_runs: Cache::default(),
        queue: Queue::default(),
        runs: Runs::default(),
        layers: Layers::default(),
        recorder,
        context,
    });
    let listed = Arc::new(Notify::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(recording);
    tasks.spawn(engine.clone().hear(notices, listed.clone()));
    engine.ask_what_runs(&listed).await;
    let (ready, mut synced) = tokio::sync::mpsc::channel(2);
    tasks.spawn(engine.clone().watch(PIPELINE_RUN, ready.clone()));
    tasks.spawn(engine.clone().watch(TASK_RUN, ready));
    // Both kinds are known before anything is decided: a PipelineRun is judged by all of its TaskRuns.
    for _ in 0..2 {
        synced.recv().await;
    }
    engine.remove_leftovers();
    for _ in 0..engine.context.limits.concurrent_reconciles.max(1) {
        tasks.spawn(engine.clone().work());
    }
    while tasks.join_next().await.is_some() {}
}

impl Engine {
    /// Learns which runners outlived an earlier control plane. Without an answer nothing may be started: it could be the
    /// second runner of a run.
    async fn ask_what_runs(&self, listed: &Notify) {
        let mut wait = Duration::from_millis(200);
        loop {
            let sent = self.context.launcher.send(Request::List { v: runner::VERSION });
            match sent {
                Ok(()) if tokio::time::timeout(wait, listed.notified()).await.is_ok() => return,
                Ok(()) => tracing::warn!("the supervisor has not said which runners are alive; asking again"),
                Err(error) => {
                    tracing::warn!(%error, "cannot ask the supervisor which runners are alive");
                    tokio::time::sleep(wait).await;
                }
            }
            wait = (wait * 2).min(Duration::from_secs(10));
        }
    }

    async fn hear(self: Arc<Self>, mut notices: tokio::sync::mpsc::UnboundedReceiver<Notice>, listed: Arc<Notify>) {
        while let Some(notice) = notices.recv().await {
            match notice {
                Notice::Running { ids, .. } => {
                    self.runs.set_alive(ids);
                    listed.notify_one();
                }
                Notice::Exited { id, unpack: true, code, message, .. } => self.layers.exited(&id, code, message),
                Notice::Exited { id, unpack: false, code, message, .. } => match self.runs.exited(&id, code, message) {
                    Ended::Of(key) => self.queue.add(Work::TaskRun(key)),
                    Ended::Over => self.remove_folder(&id),
                    Ended::Unknown => {}
                },
            }
        }
        tracing::error!("the supervisor is gone; no run can be started");
    }

    fn cache(&self, kind: Kind) -> &Cache {
        if kind == TASK_RUN { &self.task_runs } else { &self.pipeline_runs }
    }

    async fn watch(self: Arc<Self>, kind: Kind, ready: tokio::sync::mpsc::Sender<()>) {
        let api: Api<DynamicObject> = Api::all_with(self.context.client.clone(), &kind.resource());
        let mut stream = watcher(api, watcher::Config::default()).default_backoff().boxed();
        let mut listed = HashSet::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Init) => listed.clear(),
                Ok(watcher::Event::InitApply(object)) => {
                    if let Some(object) = self.seen(kind, object) {
                        listed.insert(object);
                    }
                }
                Ok(watcher::Event::InitDone) => {
                    for key in self.cache(kind).retain(&listed) {
                        self.queue.add(work(kind, key));
                    }
                    // Only the first sync is waited for; later ones find the channel full or closed.
                    let _ = ready.try_send(());
                }
                Ok(watcher::Event::Apply(object)) => {
                    self.seen(kind, object);
                }
                Ok(watcher::Event::Delete(object)) => {
                    if let Ok(object) = serde_json::to_value(&object) {
                        let key = Key::of(&object);
                        self.cache(kind).remove(&key);
                        self.wake_owner(&object);
                        self.queue.add(work(kind, key));
                    }
                }
                Err(error) => tracing::warn!(kind = kind.kind, %error, "watch failed; trying again"),
            }
        }
    }

    fn seen(&self, kind: Kind, object: DynamicObject) -> Option<Key> {
        let mut object = serde_json::to_value(&object).ok()?;
        // Lists leave out what every item has in common.
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.kind.into();
        let key = Key::of(&object);
        self.learn(kind, object);
        Some(key)
    }

    /// Takes a newer state of an object, and wakes what depends on it.
    pub(crate) fn learn(&self, kind: Kind, object: Value) {
        let key = Key::of(&object);
        if kind == TASK_RUN {
            self.wake_owner(&object);
        }
        self.cache(kind).put(object);
        self.queue.add(work(kind, key));
    }

    fn wake_owner(&self, object: &Value) {
        if let Some(("PipelineRun", name, _)) = controller(object) {
            let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
            self.queue.add(Work::PipelineRun(Key::new(namespace, name)));
        }
    }

    async fn work(self: Arc<Self>) {
        loop {
            let work = self.queue.next().await;
            let done = match &work {
                Work::TaskRun(key) => self.reconcile_task_run(key).await,
                Work::PipelineRun(key) => self.reconcile_pipeline_run(key).await,
            };
            match done {
                Ok(()) => self.runs.succeeded(&work),
                // Whoever changed the object wakes us through the watch; the wait is for a watch that lags.
                Err(ApiError::Conflict { .. }) => self.queue.add_after(work.clone(), RETRY.0),
                Err(error) => {
                    let failures = self.runs.failed(&work);
                    let wait = RETRY.0.saturating_mul(1 << failures.min(10)).min(RETRY.1);
                    tracing::warn!(?work, %error, ?wait, "reconcile failed; trying again");
                    self.queue.add_after(work.clone(), wait);
                }
            }
            self.queue.done(&work);
        }
    }

    /// Run folders whose TaskRun is over or gone, which a crash left.
    fn remove_leftovers(&self) {
        let Ok(entries) = std::fs::read_dir(self.context.data.join("runs")) else { return };
        let wanted = self.task_runs.unfinished();
        for entry in entries.flatten() {
            let id = entry.file_name().to_string_lossy().into_owned();
            if !wanted.contains(&id) {
                self.context.registry.revoke(&id);
                if self.runs.is_alive(&id) {
                    self.runs.end(&id);
                    self.kill(&id);
                } else {
                    self.remove_folder(&id);
                }
            }
        }
    }

    fn kill(&self, id: &str) {
        if let Err(error) = self.context.launcher.send(Request::Kill { v: runner::VERSION, id: id.to_owned() }) {
            tracing::warn!(%id, %error, "cannot kill a runner");
        }
    }

    fn remove_folder(&self, id: &str) {
        if let Err(error) = self.context.launcher.send(Request::Remove { v: runner::VERSION, id: id.to_owned() }) {
            tracing::warn!(%id, %error, "cannot remove the folder of a run that is over");
        }
    }
}

fn work(kind: Kind, key: Key) -> Work {
    if kind == TASK_RUN { Work::TaskRun(key) } else { Work::PipelineRun(key) }
}
