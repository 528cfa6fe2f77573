//! What is to be looked at: each key once, never twice at the same time, and again after a failure with growing delay.
//! It must not know what the keys stand for, nor what the time is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Keys that wait, that are being worked on, and that came again meanwhile.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    waiting: VecDeque<K>,
    queued: BTreeSet<K>,
    active: BTreeSet<K>,
    again: BTreeSet<K>,
    failures: BTreeMap<K, u32>,
}

impl<K: Ord + Clone> Queue<K> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            queued: BTreeSet::new(),
            active: BTreeSet::new(),
            again: BTreeSet::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Asks for a look at the key.
    pub(crate) fn add(&mut self, key: K) {
        if self.active.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.waiting.push_back(key);
        }
    }

    /// The next key to work on, which is then active until [`Queue::done`].
    pub(crate) fn next(&mut self) -> Option<K> {
        let key = self.waiting.pop_front()?;
        self.queued.remove(&key);
        self.active.insert(key.clone());
        Some(key)
    }

    /// The work on the key is over. After a failure: how long to wait before adding it again.
    pub(crate) fn done(&mut self, key: &K, failed: bool) -> Option<Duration> {
        self.active.remove(key);
        let again = self.again.remove(key);
        if !failed {
            self.failures.remove(key);
            if again {
                self.add(key.clone());
            }
            return None;
        }
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let delay = FIRST_DELAY.saturating_mul(1 << (*failures).min(16)).min(LONGEST_DELAY);
        *failures = failures.saturating_add(1);
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_worked_on_once_at_a_time() {
        let mut queue = Queue::new();
        queue.add("a");
        queue.add("a");
        queue.add("b");
        assert_eq!(queue.next(), Some("a"));
        queue.add("a");
        assert_eq!(queue.next(), Some("b"));
        assert_eq!(queue.next(), None, "a is being worked on");
        assert_eq!(queue.done(&"a", false), None);
        assert_eq!(queue.next(), Some("a"), "it came again meanwhile");
        queue.done(&"a", false);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn failures_wait_longer_each_time() {
        let mut queue = Queue::new();
        let mut delays = Vec::new();
        for _ in 0..14 {
            queue.add("a");
            queue.next();
            delays.extend(queue.done(&"a", true));
        }
        assert_eq!(delays[0], FIRST_DELAY);
        assert_eq!(delays[1], FIRST_DELAY * 2);
        assert_eq!(delays[13], LONGEST_DELAY);
        queue.add("a");
        queue.next();
        queue.done(&"a", false);
        queue.add("a");
        queue.next();
        assert_eq!(queue.done(&"a", true), Some(FIRST_DELAY));
    }
}
