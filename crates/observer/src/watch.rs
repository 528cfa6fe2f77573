//! The loop: watches both kinds of runs, keeps the names of those that are to be looked at (never the objects), and
//! looks at a few of them at a time. What it misses while it is away comes with the next list.

use crate::error::Error;
use crate::queue::Queue;
use crate::runs::{Key, Kind, is_decided, is_done, owner};
use crate::sign::{Observer, Outcome};
use futures::stream::{FuturesUnordered, StreamExt, select};
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

/// Runs that are signed at the same time.
const WORKERS: usize = 8;
/// A waiting PipelineRun is looked at that often, besides when a child of it changes.
const WAIT: Duration = Duration::from_secs(30);
/// After the API server could not be asked.
const PATIENCE: Duration = Duration::from_secs(2);

impl Observer {
    /// Watches and signs until `shutdown`.
    ///
    /// # Errors
    /// When the API server does not accept this observer's credential (any more).
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let config = watcher::Config::default().page_size(100);
        let events = |kind: Kind| {
            let stream = watcher::watcher(self.runs.all(kind), config.clone()).default_backoff();
            stream.map(move |event| (kind, event))
        };
        let mut events = Box::pin(select(events(Kind::TaskRun), events(Kind::PipelineRun)));
        let mut shutdown = Box::pin(shutdown);
        let mut queue = Queue::default();
        let mut work = FuturesUnordered::new();
        loop {
            while queue.working() < WORKERS
                && let Some(key) = queue.take(Instant::now())
            {
                let span =
                    tracing::info_span!("sign", kind = key.kind.name(), namespace = key.namespace, name = key.name);
                work.push(async move { (self.reconcile(&key).await, key) }.instrument(span));
            }
            let due = queue.next().filter(|_| queue.working() < WORKERS);
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                event = events.next() => match event {
                    Some((kind, Ok(event))) => self.happened(kind, event, &mut queue),
                    Some((kind, Err(error))) => {
                        if is_unauthorized(&error) {
                            return Err(Error::Api(Box::new(refused(error))));
                        }
                        tracing::warn!(kind = kind.name(), %error, "the watch broke off; starting it again");
                    }
                    None => return Ok(()),
                },
                Some((outcome, key)) = work.next() => {
                    if let Err(error) = &outcome && error.is_unauthorized() {
                        return outcome.map(|_| ());
                    }
                    let retry = told(&key, outcome);
                    queue.done(key, retry, Instant::now());
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    fn happened(&self, kind: Kind, event: Event<DynamicObject>, queue: &mut Queue) {
        let (object, gone) = match event {
            Event::Apply(object) | Event::InitApply(object) => (object, false),
            Event::Delete(object) => (object, true),
            Event::Init | Event::InitDone => return,
        };
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let key = |kind, name: &str| Key { kind, namespace: namespace.clone(), name: name.to_owned() };
        let this = key(kind, object.metadata.name.as_deref().unwrap_or_default());
        let Ok(object) = serde_json::to_value(&object) else { return };
        if gone {
            queue.forget(&this);
        } else if is_done(&object) && !is_decided(&object) {
            queue.wake(this, Instant::now());
        }
        // A PipelineRun waits for its children to be decided; a child that goes decides it too.
        if kind == Kind::TaskRun
            && (gone || is_decided(&object))
            && let Some((name, _)) = owner(&object)
        {
            queue.wake(key(Kind::PipelineRun, name), Instant::now());
        }
    }
}

/// Says what came of it, and when to look again.
fn told(key: &Key, outcome: Result<Outcome, Error>) -> Option<(Duration, bool)> {
    let (namespace, name, kind) = (&key.namespace, &key.name, key.kind.name());
    match outcome {
        Ok(Outcome::Gone | Outcome::Running | Outcome::Decided) => None,
        Ok(Outcome::Waiting(child)) => {
            tracing::debug!(kind, namespace, name, child, "waits for a child to be signed");
            Some((WAIT, false))
        }
        Ok(Outcome::Signed(images)) => {
            tracing::info!(kind, namespace, name, images, "signed");
            None
        }
        Ok(Outcome::Failed(reason)) => {
            tracing::warn!(kind, namespace, name, reason, "not signed");
            None
        }
        Ok(Outcome::Retry(attempt, reason)) => {
            tracing::warn!(kind, namespace, name, attempt, reason, "not signed yet; trying again");
            Some((backoff(attempt), true))
        }
        Err(error) => {
            tracing::warn!(kind, namespace, name, %error, "not signed yet; trying again");
            Some((PATIENCE, true))
        }
    }
}

/// 1, 4, 16, then 64 seconds.
fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(4_u64.pow(attempt.saturating_sub(1).min(3)))
}

fn is_unauthorized(error: &watcher::Error) -> bool {
    let code = match error {
        watcher::Error::InitialListFailed(e) | watcher::Error::WatchStartFailed(e) | watcher::Error::WatchFailed(e) => {
            return crate::error::is_status(e, 401);
        }
        watcher::Error::WatchError(status) => status.code,
        _ => return false,
    };
    code == 401
}

fn refused(error: watcher::Error) -> kube::Error {
    match error {
        watcher::Error::InitialListFailed(e) | watcher::Error::WatchStartFailed(e) | watcher::Error::WatchFailed(e) => {
            e
        }
        other => kube::Error::Service(Box::new(other)),
    }
}
