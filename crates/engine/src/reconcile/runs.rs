//! What this process knows of the TaskRuns that it prepares or that run: volatile, and made again from the API, the run
//! folders and the supervisor after a restart.

use super::Work;
use crate::objects::Key;
use crate::prepare::{PrepareError, Prepared};
use jiff::Timestamp;
use sluice_api::runner::RunSpec;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

/// How far a run has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Being prepared, in a task of its own.
    Preparing(AbortHandle),
    /// Prepared, or not to be had.
    Prepared(Result<Box<Prepared>, PrepareError>),
    /// It has a runner, or had one. What was prepared is kept until a status holds it.
    Running(Arc<RunSpec>, Option<Arc<Prepared>>),
}

/// Whose runner ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Of a run that is followed.
    Of(Key),
    /// Of a run that is over.
    Over,
    Unknown,
}

/// One run.
#[derive(Debug)]
pub(super) struct Active {
    pub uid: String,
    pub id: String,
    pub phase: Phase,
    /// Its place among the concurrent runs.
    pub permit: Option<OwnedSemaphorePermit>,
    /// It was started by an earlier process: it must not be started again.
    pub adopted: bool,
    pub cancelled_at: Option<Timestamp>,
    pub killed: bool,
    /// Whether the Pod is known to exist.
    pub pictured: bool,
    /// Ends the task that looks for its events.
    pub feed: Option<AbortHandle>,
}

impl Drop for Active {
    fn drop(&mut self) {
        if let Some(feed) = &self.feed {
            feed.abort();
        }
        if let Phase::Preparing(task) = &self.phase {
            task.abort();
        }
    }
}

#[derive(Debug, Default)]
struct State {
    active: HashMap<Key, Active>,
    keys: HashMap<String, Key>,
    alive: HashSet<String>,
    /// Over for us; their folders go once their runners have.
    ending: HashSet<String>,
    exits: HashMap<String, (i32, String)>,
    failures: HashMap<Work, u32>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Runs {
    state: Mutex<State>,
}

impl Runs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_alive(&self, ids: Vec<String>) {
        self.state().alive.extend(ids);
    }

    /// Whether a runner of an earlier process is still alive.
    pub fn is_alive(&self, id: &str) -> bool {
        self.state().alive.contains(id)
    }

    /// How the runner of that id ended, if it did.
    pub fn exit(&self, id: &str) -> Option<(i32, String)> {
        self.state().exits.get(id).cloned()
    }

    /// A runner ended. Nobody is told of one that is not known here.
    pub fn exited(&self, id: &str, code: i32, message: String) -> Ended {
        let mut state = self.state();
        let listed = state.alive.remove(id);
        if state.ending.remove(id) {
            return Ended::Over;
        }
        let key = state.keys.get(id).cloned();
        if listed || key.is_some() {
            state.exits.insert(id.to_owned(), (code, message));
        }
        key.map_or(Ended::Unknown, Ended::Of)
    }

    /// The folder of that run is to go when its runner has ended.
    pub fn end(&self, id: &str) {
        self.state().ending.insert(id.to_owned());
    }

    /// Whether its runner is still waited for.
    pub fn is_ending(&self, id: &str) -> bool {
        self.state().ending.contains(id)
    }

    pub fn insert(&self, key: &Key, active: Active) {
        let mut state = self.state();
        state.keys.insert(active.id.clone(), key.clone());
        state.active.insert(key.clone(), active);
    }

    /// Works on the run of that key, if there is one.
    pub fn with<T>(&self, key: &Key, work: impl FnOnce(&mut Active) -> T) -> Option<T> {
        self.state().active.get_mut(key).map(work)
    }

    /// Forgets the run, and all that was known of its runner.
    pub fn remove(&self, key: &Key) -> Option<Active> {
        let mut state = self.state();
        let active = state.active.remove(key)?;
        state.keys.remove(&active.id);
        state.exits.remove(&active.id);
        state.alive.remove(&active.id);
        Some(active)
    }

    pub fn succeeded(&self, work: &Work) {
        self.state().failures.remove(work);
    }

    /// Counts a failure; gives how many there were before it.
    pub fn failed(&self, work: &Work) -> u32 {
        let mut state = self.state();
        let failures = state.failures.entry(work.clone()).or_default();
        *failures += 1;
        *failures - 1
    }
}
