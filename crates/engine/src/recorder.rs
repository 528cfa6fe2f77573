//! Kubernetes Events of runs, written in the background: they inform people, and no run waits for them.

use crate::clock::{Clock, metav1};
use crate::objects::{EVENT, Objects};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most that wait to be written; beyond it the newest are dropped rather than the engine slowed.
const BACKLOG: usize = 1024;

/// Takes Events.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Value>,
    clock: Arc<dyn Clock>,
}

impl Recorder {
    /// The recorder, and the future that writes what it takes.
    pub fn new(objects: Objects, clock: Arc<dyn Clock>) -> (Self, impl Future<Output = ()>) {
        let (queue, mut events) = mpsc::channel::<Value>(BACKLOG);
        let write = async move {
            while let Some(event) = events.recv().await {
                if let Err(error) = objects.create(EVENT, &event).await {
                    tracing::debug!(%error, "event not recorded");
                }
            }
        };
        (Self { queue, clock }, write)
    }

    /// Records that this happened to the object.
    pub fn record(&self, object: &Value, reason: &str, message: &str) {
        let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default();
        let now = self.clock.now();
        let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
        let kind = text("/kind");
        let failed = matches!(reason, "Failed" | "Error");
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": format!("{name}.{:x}", now.as_nanosecond()), "namespace": namespace},
            "involvedObject": {"apiVersion": text("/apiVersion"), "kind": kind, "name": name, "namespace": namespace,
                "uid": text("/metadata/uid"), "resourceVersion": text("/metadata/resourceVersion")},
            "reason": reason,
            "message": message.chars().take(1024).collect::<String>(),
            "type": if failed { "Warning" } else { "Normal" },
            "source": {"component": kind},
            "reportingComponent": kind,
            "reportingInstance": "",
            "count": 1,
            "firstTimestamp": metav1(now),
            "lastTimestamp": metav1(now),
        });
        if self.queue.try_send(event).is_err() {
            tracing::debug!(%name, reason, "event dropped: too many are waiting");
        }
    }
}
