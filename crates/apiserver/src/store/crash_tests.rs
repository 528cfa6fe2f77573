//! The store on a disk that loses power: what was not synced is dropped, reordered or torn, at many points. Every
//! acknowledged write is there afterwards, in order, and no half of one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use redb::StorageBackend;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

/// What reached the disk's queue, in order.
#[derive(Clone, Debug)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

#[derive(Debug, Default)]
struct Disk {
    /// What a program that goes on running reads.
    live: Vec<u8>,
    log: Vec<Op>,
}

#[derive(Clone, Debug, Default)]
struct Backend(Arc<Mutex<Disk>>);

impl Backend {
    fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Disk { live: image, log: Vec::new() })))
    }

    fn position(&self) -> usize {
        self.0.lock().unwrap().log.len()
    }
}

fn write_at(image: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = usize::try_from(offset).unwrap();
    if image.len() < start + data.len() {
        image.resize(start + data.len(), 0);
    }
    image[start..start + data.len()].copy_from_slice(data);
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let end = start + out.len();
        let bytes = disk.live.get(start..end).ok_or_else(|| io::Error::other("read beyond the end"))?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut disk = self.0.lock().unwrap();
        disk.live.resize(usize::try_from(len).unwrap(), 0);
        disk.log.push(Op::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.lock().unwrap().log.push(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut disk = self.0.lock().unwrap();
        write_at(&mut disk.live, offset, data);
        disk.log.push(Op::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// Repeatable pseudo-random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }
}

fn apply(image: &mut Vec<u8>, op: &Op, torn_at: Option<usize>) {
    match op {
        Op::Write(offset, data) => write_at(image, *offset, &data[..torn_at.unwrap_or(data.len()).min(data.len())]),
        Op::SetLen(len) => image.resize(usize::try_from(*len).unwrap(), 0),
        Op::Sync => {}
    }
}

/// What a disk may hold after a power cut at that point: all that was synced; of the rest any part in any order, the
/// last of it maybe torn between sectors.
fn after_cut(log: &[Op], cut: usize, dice: &mut Dice) -> Vec<u8> {
    let synced = log[..cut].iter().rposition(|op| matches!(op, Op::Sync)).map_or(0, |at| at + 1);
    let mut image = Vec::new();
    for op in &log[..synced] {
        apply(&mut image, op, None);
    }
    let mut loose: Vec<&Op> = log[synced..cut].iter().collect();
    match dice.roll(4) {
        // All of it arrived, or nothing.
        0 => {}
        1 => loose.clear(),
        _ => {
            loose.retain(|_| dice.roll(2) == 0);
            for i in (1..loose.len()).rev() {
                loose.swap(i, dice.roll(i + 1));
            }
        }
    }
    let last = loose.len();
    for (i, op) in loose.into_iter().enumerate() {
        let torn = (i + 1 == last && dice.roll(2) == 0).then(|| 512 * dice.roll(9));
        apply(&mut image, op, torn);
    }
    image
}

fn store_on(backend: Backend) -> Result<Store, String> {
    let database = Database::builder().create_with_backend(backend).map_err(|e| e.to_string())?;
    Store::start(database)
}

/// A write that was acknowledged: which, and how long the disk's log was then.
struct Acknowledged {
    revision: u64,
    name: String,
    object: Option<Value>,
    position: usize,
}

fn resource() -> Resource {
    Resource::new("", "configmaps")
}

/// Creates, changes and deletes, several at a time, so that commits hold one write or many.
async fn workload(store: &Store, backend: &Backend) -> Vec<Acknowledged> {
    let mut done = Vec::new();
    for round in 0..12_usize {
        let one = |i: usize| async move {
            let name = format!("o{}", (round + i * 3) % 9);
            let key = Key::new(&resource(), "ns", &name);
            let current = store.get(&key);
            let fill = "x".repeat(37 * (round + 1) * (i + 1));
            let object = json!({"metadata": {"name": name, "namespace": "ns"}, "round": round, "fill": fill});
            let result = match current {
                Some(stored) if (round + i).is_multiple_of(4) => {
                    store.delete(key, stored.revision, Guard::None).await.map(|s| (s.revision, None))
                }
                Some(stored) => {
                    let put = store.put(key, Expect::Revision(stored.revision), Guard::None, object).await;
                    put.map(|s| (s.revision, Some(s.object.as_ref().clone())))
                }
                None => {
                    let put = store.put(key, Expect::Absent, Guard::None, object).await;
                    put.map(|s| (s.revision, Some(s.object.as_ref().clone())))
                }
            };
            let position = backend.position();
            result.ok().map(|(revision, object)| Acknowledged { revision, name, object, position })
        };
        done.extend(futures::future::join_all((0..3).map(one)).await.into_iter().flatten());
    }
    done
}

/// The objects after all writes up to that revision.
fn replay(done: &[Acknowledged], revision: u64) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    let mut upto: Vec<&Acknowledged> = done.iter().filter(|a| a.revision <= revision).collect();
    upto.sort_by_key(|a| a.revision);
    for write in upto {
        match &write.object {
            Some(object) => objects.insert(write.name.clone(), object.clone()),
            None => objects.remove(&write.name),
        };
    }
    objects
}

fn contents(store: &Store) -> BTreeMap<String, Value> {
    let items = store.list(&resource(), None, None).items;
    items
        .iter()
        .map(|s| (s.object["metadata"]["name"].as_str().unwrap().to_owned(), s.object.as_ref().clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_survives_every_cut() {
    let backend = Backend::default();
    let store = store_on(backend.clone()).unwrap();
    let opened = backend.position();
    let done = workload(&store, &backend).await;
    assert!(done.len() > 25, "{}", done.len());
    drop(store);
    let log = backend.0.lock().unwrap().log.clone();

    let mut dice = Dice(0x5EED_CAFE_F00D_D1CE);
    let mut cuts = 0;
    for cut in opened..=log.len() {
        for _ in 0..3 {
            let image = after_cut(&log, cut, &mut dice);
            let again = store_on(Backend::of(image)).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
            let acknowledged = done.iter().filter(|a| a.position <= cut).map(|a| a.revision).max().unwrap_or(0);
            let revision = again.revision();
            assert!(revision >= acknowledged, "cut at {cut}: {revision} is before {acknowledged}");
            assert_eq!(contents(&again), replay(&done, revision), "cut at {cut}, revision {revision}");
            cuts += 1;
        }
    }
    assert!(cuts > 300, "{cuts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_cut_goes_on() {
    let backend = Backend::default();
    let store = store_on(backend.clone()).unwrap();
    let opened = backend.position();
    let done = workload(&store, &backend).await;
    drop(store);
    let log = backend.0.lock().unwrap().log.clone();
    let mut dice = Dice(7);
    for cut in (opened..log.len()).step_by(17) {
        let again = store_on(Backend::of(after_cut(&log, cut, &mut dice))).unwrap();
        let before = again.revision();
        let key = Key::new(&resource(), "ns", "later");
        let put = again.put(key, Expect::Absent, Guard::None, json!({"metadata": {"name": "later"}})).await.unwrap();
        assert_eq!(put.revision, before + 1);
        assert_eq!(contents(&again).len(), replay(&done, before).len() + 1);
    }
}

/// A disk that fails from some write on.
#[derive(Debug)]
struct Failing(Backend, Mutex<usize>);

impl StorageBackend for Failing {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut left = self.1.lock().unwrap();
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("no space left on device"))?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_the_disk_refused_is_not_acknowledged_and_not_seen() {
    let backend = Failing(Backend::default(), Mutex::new(12));
    let store = Store::start(Database::builder().create_with_backend(backend).unwrap()).unwrap();
    let mut acknowledged = 0;
    for i in 0..40 {
        let name = format!("o{i}");
        let object = json!({"metadata": {"name": name}});
        match store.put(Key::new(&resource(), "ns", &name), Expect::Absent, Guard::None, object).await {
            Ok(_) => acknowledged += 1,
            Err(StoreError::Disk(_)) => {}
            Err(other) => panic!("{other}"),
        }
        assert_eq!(store.list(&resource(), None, None).items.len(), acknowledged);
    }
    assert!((1..40).contains(&acknowledged), "{acknowledged}");
}
