//! watch: a collection's changes as a stream of events. It must not know of connections; ending the stream ends it.

use super::Context;
use crate::error::ApiError;
use crate::selector::Selector;
use crate::store::{Change, ChangeKind, Resource, Stored};
use futures::Stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch as revisions;
use tokio::time::Instant;

/// How long a watch lasts that names no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often a watch that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// One event of a watch.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Object(&'static str, Arc<Value>),
    /// A revision up to which everything was sent; whether it ends the initial events.
    Bookmark(u64, bool),
    Error(Value),
}

struct Watch {
    context: Context,
    selector: Selector,
    resource: Resource,
    /// Everything up to this revision is in `ready` or was sent.
    at: u64,
    ready: VecDeque<Event>,
    revisions: revisions::Receiver<u64>,
    bookmarks: bool,
    next_bookmark: Instant,
    ends: Instant,
    ended: bool,
}

/// Begins a watch.
pub(crate) fn watch(context: Context) -> Result<impl Stream<Item = Event> + Send + 'static, ApiError> {
    let query = &context.query;
    let mut labels_and_fields = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    if !context.path.name.is_empty() {
        let fields = format!("metadata.name={}", context.path.name);
        labels_and_fields = Selector::parse(query.get("labelSelector"), Some(&fields))?;
    }
    let bookmarks = query.flag("allowWatchBookmarks");
    let initial = match query.get("sendInitialEvents") {
        None => None,
        Some(_) if query.get("resourceVersionMatch") != Some("NotOlderThan") => {
            let message =
                "resourceVersionMatch: Forbidden: sendInitialEvents requires resourceVersionMatch=NotOlderThan";
            return Err(ApiError::bad_request(message));
        }
        Some(_) => Some(query.flag("sendInitialEvents")),
    };
    let from = match query.get("resourceVersion") {
        None | Some("0") => None,
        Some(text) => {
            let wrong = || ApiError::bad_request(format!("invalid resource version \"{text}\": not a number"));
            Some(text.parse::<u64>().map_err(|_| wrong())?)
        }
    };
    let timeout = query.number("timeoutSeconds")?.filter(|t| *t > 0).map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let store = context.state.store.clone();
    let revisions = store.subscribe();
    let resource = context.kind.resource();
    let now = Instant::now();
    let mut watch = Watch {
        selector: labels_and_fields,
        resource,
        at: from.unwrap_or(0),
        ready: VecDeque::new(),
        revisions,
        bookmarks,
        next_bookmark: now + BOOKMARK_EVERY,
        ends: now + timeout.min(Duration::from_secs(24 * 3600)),
        ended: false,
        context,
    };
    match (initial, from) {
        // Without a revision to start from, a watch begins with what is there.
        (Some(true), _) | (None, None) => watch.send_initial(initial == Some(true)),
        (Some(false), None) => watch.at = store.revision(),
        // A revision that is too old is told of by the first event, as Kubernetes does: clients list anew after that, and
        // some of them try again for ever after a response of 410.
        (_, Some(_)) => {}
    }
    Ok(futures::stream::unfold(watch, |mut watch| async move { watch.next().await.map(|event| (event, watch)) }))
}

impl Watch {
    fn in_scope(&self, namespace: &str) -> bool {
        self.context.path.namespace.is_empty() || self.context.path.namespace == namespace
    }

    fn send_initial(&mut self, with_bookmark: bool) {
        let namespace = self.context.path.namespace.as_str();
        let page = self.context.state.store.list(&self.resource, (!namespace.is_empty()).then_some(namespace), None);
        for stored in page.items.iter().filter(|s| self.selector.matches(&s.object)) {
            self.ready.push_back(Event::Object("ADDED", self.context.present(&stored.object)));
        }
        self.at = page.revision;
        if with_bookmark {
            self.ready.push_back(Event::Bookmark(page.revision, true));
        }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.revisions.borrow_and_update();
            match self.context.state.store.changes(&self.resource, self.at) {
                Err(expired) => {
                    self.ended = true;
                    let message = format!("too old resource version: {} ({})", self.at, expired.oldest);
                    return Some(Event::Error(ApiError::expired(message).status()));
                }
                Ok((changes, upto)) => {
                    let events: Vec<Event> = changes.iter().filter_map(|c| self.event(c)).collect();
                    self.ready.extend(events);
                    self.at = upto;
                }
            }
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        let stopping = self.context.state.stopping.clone();
        let until = if self.bookmarks { self.next_bookmark.min(self.ends) } else { self.ends };
        tokio::select! {
            changed = self.revisions.changed() => self.ended = changed.is_err(),
            () = stopping.cancelled() => self.ended = true,
            () = tokio::time::sleep_until(until) => {
                self.ended = Instant::now() >= self.ends;
                if self.bookmarks {
                    self.ready.push_back(Event::Bookmark(self.at, false));
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                }
            }
        }
    }

    /// What the change is to someone who sees only what is selected.
    fn event(&self, change: &Change) -> Option<Event> {
        if !self.in_scope(&change.namespace) {
            return None;
        }
        let selected = |stored: &Stored| self.selector.is_empty() || self.selector.matches(&stored.object);
        let before = change.before.as_ref().is_some_and(selected);
        let after = change.kind != ChangeKind::Deleted && selected(&change.after);
        let type_ = match (before, after) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(Event::Object(type_, self.context.present(&change.after.object)))
    }
}

/// The object of a bookmark event.
pub(crate) fn bookmark(context: &Context, revision: u64, ends_initial: bool) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if ends_initial {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    json!({"kind": context.kind.kind, "apiVersion": context.api_version(), "metadata": metadata})
}
