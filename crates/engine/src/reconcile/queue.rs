//! Work queue: each key waits at most once and is worked on by at most one worker; what is added while it is worked on
//! is worked on again.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The queue. Shared by reference.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<K>,
    /// What is in `ready`.
    waiting: HashSet<K>,
    working: HashSet<K>,
    /// Added while it was worked on.
    again: HashSet<K>,
    later: BTreeMap<(Instant, u64), K>,
    due: HashMap<K, (Instant, u64)>,
    counter: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                ready: VecDeque::new(),
                waiting: HashSet::new(),
                working: HashSet::new(),
                again: HashSet::new(),
                later: BTreeMap::new(),
                due: HashMap::new(),
                counter: 0,
            }),
            changed: Notify::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be worked on as soon as possible.
    pub fn add(&self, key: K) {
        self.state().push(key);
        self.changed.notify_one();
    }

    /// To be worked on after that time, or earlier if it is due earlier.
    pub fn add_after(&self, key: K, delay: Duration) {
        let mut state = self.state();
        let at = Instant::now() + delay;
        if let Some(slot) = state.due.get(&key).copied() {
            if slot.0 <= at {
                return;
            }
            state.later.remove(&slot);
        }
        state.counter += 1;
        let slot = (at, state.counter);
        state.later.insert(slot, key.clone());
        state.due.insert(key, slot);
        drop(state);
        self.changed.notify_one();
    }

    /// The next key; [`Queue::done`] must follow.
    pub async fn next(&self) -> K {
        loop {
            let sleep = {
                let mut state = self.state();
                let now = Instant::now();
                while let Some(entry) = state.later.first_entry().filter(|e| e.key().0 <= now) {
                    let key = entry.remove();
                    state.due.remove(&key);
                    state.push(key);
                }
                if let Some(key) = state.ready.pop_front() {
                    state.waiting.remove(&key);
                    state.working.insert(key.clone());
                    return key;
                }
                state.later.first_key_value().map(|(slot, _)| slot.0)
            };
            match sleep {
                None => self.changed.notified().await,
                Some(until) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(until) => {}
                },
            }
        }
    }

    /// The work on that key is over.
    pub fn done(&self, key: &K) {
        let mut state = self.state();
        state.working.remove(key);
        if state.again.remove(key) {
            state.push(key.clone());
            drop(state);
            self.changed.notify_one();
        }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn push(&mut self, key: K) {
        if self.working.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_worker_for_a_key_and_nothing_lost() {
        let queue = Queue::default();
        queue.add("a");
        queue.add("a");
        queue.add_after("b", Duration::from_secs(5));
        queue.add_after("b", Duration::from_secs(1));
        assert_eq!(queue.next().await, "a");
        queue.add("a");
        let begin = Instant::now();
        assert_eq!(queue.next().await, "b");
        assert_eq!(begin.elapsed().as_secs(), 1);
        queue.done(&"b");
        queue.done(&"a");
        assert_eq!(queue.next().await, "a");
        queue.done(&"a");
        let nothing = tokio::time::timeout(Duration::from_secs(60), queue.next()).await;
        assert!(nothing.is_err());
    }
}
