//! Which runs are due when: each key at most once, none twice at the same time. Knows no API; time is given to it.

use crate::runs::Key;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// When a key is due, and whether an event may make that sooner.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    fixed: bool,
}

/// Keys that wait or are worked on.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<Key, Due>,
    working: HashSet<Key>,
    /// Keys for which something happened while they were worked on.
    again: HashSet<Key>,
}

impl Queue {
    /// Something happened to the run: it is due now, unless it waits for a retry.
    pub(crate) fn wake(&mut self, key: Key, now: Instant) {
        if self.working.contains(&key) {
            self.again.insert(key);
            return;
        }
        let due = self.waiting.entry(key).or_insert(Due { at: now, fixed: false });
        if !due.fixed {
            due.at = due.at.min(now);
        }
    }

    /// The run is gone.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.waiting.remove(key);
        self.again.remove(key);
    }

    /// The next key that is due; it is worked on until `done`.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Key> {
        let (key, _) = self.waiting.iter().filter(|(_, due)| due.at <= now).min_by_key(|(_, due)| due.at)?;
        let key = key.clone();
        self.waiting.remove(&key);
        self.working.insert(key.clone());
        Some(key)
    }

    /// When the next key is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.values().map(|due| due.at).min()
    }

    /// The key is not worked on any more. It is due again after `retry`, whatever happens (`fixed`) or unless something
    /// happens before.
    pub(crate) fn done(&mut self, key: Key, retry: Option<(Duration, bool)>, now: Instant) {
        self.working.remove(&key);
        let again = self.again.remove(&key);
        if let Some((after, fixed)) = retry {
            self.waiting.insert(key, Due { at: if again && !fixed { now } else { now + after }, fixed });
        } else if again {
            self.wake(key, now);
        }
    }

    pub(crate) fn working(&self) -> usize {
        self.working.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::runs::Kind;

    fn key(name: &str) -> Key {
        Key { kind: Kind::TaskRun, namespace: "ns".to_owned(), name: name.to_owned() }
    }

    #[tokio::test]
    async fn a_key_is_worked_on_once_at_a_time_and_again_if_something_happened() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.wake(key("a"), now);
        queue.wake(key("a"), now);
        assert_eq!(queue.take(now), Some(key("a")));
        assert_eq!(queue.take(now), None);
        queue.wake(key("a"), now);
        assert_eq!(queue.take(now), None);
        queue.done(key("a"), None, now);
        assert_eq!(queue.take(now), Some(key("a")));
        queue.done(key("a"), None, now);
        assert_eq!((queue.take(now), queue.working()), (None, 0));
    }

    #[tokio::test]
    async fn events_do_not_shorten_a_retry_but_they_end_a_wait() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let second = Duration::from_secs(1);
        for (name, fixed) in [("retry", true), ("wait", false)] {
            queue.wake(key(name), now);
            let taken = queue.take(now).unwrap();
            queue.done(taken, Some((second, fixed)), now);
            queue.wake(key(name), now);
        }
        assert_eq!(queue.take(now), Some(key("wait")));
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next(), Some(now + second));
        assert_eq!(queue.take(now + second), Some(key("retry")));
    }

    #[tokio::test]
    async fn what_is_gone_is_not_due() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.wake(key("a"), now);
        queue.forget(&key("a"));
        assert_eq!((queue.take(now), queue.next()), (None, None));
    }
}
