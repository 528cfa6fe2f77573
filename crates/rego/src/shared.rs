//! Collections that many values share: immutable, compared by address first, and hashed once. What a call is remembered
//! by holds whole documents, so that a hash must not read them again and again.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

/// A shared collection. Cheap to clone; reads go through to the collection.
#[derive(Debug)]
pub struct Shared<T>(Arc<Hashed<T>>);

#[derive(Debug)]
struct Hashed<T> {
    /// Of the items; 0 where nobody has asked yet.
    hash: AtomicU64,
    /// Likewise what they take, written out, and how deeply they nest.
    size: AtomicU64,
    items: T,
}

impl<T: Clone> Shared<T> {
    /// The collection to change, copied first where others share it.
    pub fn make_mut(&mut self) -> &mut T {
        let inner = Arc::make_mut(&mut self.0);
        *inner.hash.get_mut() = 0;
        *inner.size.get_mut() = 0;
        &mut inner.items
    }

    /// The collection itself, copied where others share it.
    pub fn into_inner(self) -> T {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.items.clone(), |own| own.items)
    }
}

impl<T: Hash> Shared<T> {
    /// The hash of the items, the same in every process.
    fn hash_of_items(&self) -> u64 {
        let known = self.0.hash.load(Memory::Relaxed);
        if known != 0 {
            return known;
        }
        let mut hasher = DefaultHasher::new();
        self.0.items.hash(&mut hasher);
        let hash = hasher.finish().max(1);
        self.0.hash.store(hash, Memory::Relaxed);
        hash
    }
}

impl<T> Shared<T> {
    /// Where it is kept: one for all that share it.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// Whether others share it, so that a change copies it.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// What the items take, written out, and how deeply they nest, this level included. `measure` finds it of the items,
    /// the first time. Both are kept in one word.
    pub(crate) fn measured(&self, measure: impl FnOnce(&T) -> (u64, u32)) -> (u64, u32) {
        const DEEPEST: u64 = 0xffff;
        let mut known = self.0.size.load(Memory::Relaxed);
        if known == 0 {
            let (size, nested) = measure(&self.0.items);
            let nested = u64::from(nested).saturating_add(1).min(DEEPEST);
            known = size.min(u64::MAX >> 16) << 16 | nested;
            self.0.size.store(known, Memory::Relaxed);
        }
        (known >> 16, u32::try_from(known & DEEPEST).unwrap_or(u32::MAX))
    }
}

impl<T> From<T> for Shared<T> {
    fn from(items: T) -> Self {
        Self(Arc::new(Hashed { hash: AtomicU64::new(0), size: AtomicU64::new(0), items }))
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self::from(T::default())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> Clone for Hashed<T> {
    fn clone(&self) -> Self {
        Self { hash: AtomicU64::new(0), size: AtomicU64::new(0), items: self.items.clone() }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.items
    }
}

impl<T> AsRef<T> for Shared<T> {
    fn as_ref(&self) -> &T {
        &self.0.items
    }
}

impl<T: Eq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let hashes = (self.0.hash.load(Memory::Relaxed), other.0.hash.load(Memory::Relaxed));
        let differ = hashes.0 != 0 && hashes.1 != 0 && hashes.0 != hashes.1;
        !differ && self.0.items == other.0.items
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.items.cmp(&other.0.items) }
    }
}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash_of_items());
    }
}
