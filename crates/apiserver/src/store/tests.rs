//! What the store promises: one rising revision, no lost update, a history that says when it is too short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use serde_json::json;

fn maps() -> Resource {
    Resource::new("", "configmaps")
}

fn object(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "ns"}})
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("store.redb")).unwrap()
}

#[tokio::test]
async fn objects_and_revision_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new(&maps(), "ns", "a");
    let (first, last) = {
        let store = open(folder.path());
        let first = store.put(key.clone(), Expect::Absent, Guard::None, object("a")).await.unwrap();
        let gone = Key::new(&maps(), "ns", "b");
        let made = store.put(gone.clone(), Expect::Absent, Guard::None, object("b")).await.unwrap();
        (first, store.delete(gone, made.revision, Guard::None).await.unwrap())
    };
    let store = open(folder.path());
    assert_eq!(store.get(&key).unwrap().object, first.object);
    assert_eq!(store.revision(), last.revision);
    // A revision that was given out is never given again, even if what had it is gone.
    let next = store.put(Key::new(&maps(), "ns", "b"), Expect::Absent, Guard::None, object("b")).await.unwrap();
    assert_eq!(next.revision, last.revision + 1);
    // The history is of this process only; a watch from before must list again.
    assert_eq!(store.changes(&maps(), first.revision).unwrap_err(), Expired { oldest: last.revision });
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_one_process() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mode = std::fs::metadata(folder.path().join("store.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(Store::open(&folder.path().join("store.redb")).is_err());
    drop(store);
    open(folder.path());
}

#[tokio::test]
async fn expectations_and_guards() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let key = Key::new(&maps(), "ns", "a");
    let active = Guard::NamespaceActive("ns".to_owned());
    let missing = store.put(key.clone(), Expect::Absent, active.clone(), object("a")).await;
    assert_eq!(missing.unwrap_err(), StoreError::NoNamespace("ns".to_owned()));
    let namespace = Key::new(&Resource::new("", "namespaces"), "", "ns");
    let made =
        store.put(namespace.clone(), Expect::Absent, Guard::None, json!({"metadata": {"name": "ns"}})).await.unwrap();
    let stored = store.put(key.clone(), Expect::Absent, active.clone(), object("a")).await.unwrap();
    let put = |expect| store.put(key.clone(), expect, Guard::None, object("a"));
    assert_eq!(put(Expect::Absent).await.unwrap_err(), StoreError::Exists);
    assert_eq!(put(Expect::Revision(stored.revision + 9)).await.unwrap_err(), StoreError::Conflict);
    let empty = Guard::NamespaceEmpty("ns".to_owned());
    let busy = store.delete(namespace.clone(), made.revision, empty.clone()).await;
    assert_eq!(busy.unwrap_err(), StoreError::NamespaceNotEmpty("ns".to_owned()));
    let ending = json!({"metadata": {"name": "ns", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let ending = store.put(namespace.clone(), Expect::Revision(made.revision), Guard::None, ending).await.unwrap();
    let late = store.put(Key::new(&maps(), "ns", "b"), Expect::Absent, active, object("b")).await;
    assert_eq!(late.unwrap_err(), StoreError::NamespaceTerminating("ns".to_owned()));
    store.delete(key, stored.revision, Guard::None).await.unwrap();
    store.delete(namespace, ending.revision, empty).await.unwrap();
}

#[tokio::test]
async fn too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut large = object("a");
    large["data"] = json!("x".repeat(MAX_OBJECT_BYTES));
    let put = store.put(Key::new(&maps(), "ns", "a"), Expect::Absent, Guard::None, large).await;
    assert!(matches!(put, Err(StoreError::TooLarge(_))));
    let mut deep = json!(1);
    for _ in 0..MAX_DEPTH {
        deep = json!([deep]);
    }
    let mut nested = object("a");
    nested["data"] = deep;
    let put = store.put(Key::new(&maps(), "ns", "a"), Expect::Absent, Guard::None, nested.clone()).await;
    assert_eq!(put.unwrap_err(), StoreError::TooDeep);
    // What is just not too deep is read again at the next start.
    nested["data"] = nested["data"][0].clone();
    store.put(Key::new(&maps(), "ns", "a"), Expect::Absent, Guard::None, nested).await.unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.revision(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_increment_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let key = Key::new(&maps(), "ns", "counter");
    let mut counter = object("counter");
    counter["n"] = json!(0);
    store.put(key.clone(), Expect::Absent, Guard::None, counter).await.unwrap();
    let one = |store: Store, key: Key| async move {
        for _ in 0..10 {
            loop {
                let stored = store.get(&key).unwrap();
                let mut next = stored.object.as_ref().clone();
                next["n"] = json!(next["n"].as_i64().unwrap() + 1);
                match store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, next).await {
                    Ok(_) => break,
                    Err(StoreError::Conflict) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    };
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(one(store.clone(), key.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.get(&key).unwrap().object["n"], 80);
    assert_eq!(store.revision(), 81);
}

#[tokio::test]
async fn history_is_complete_or_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut revision = 0;
    let writes = (0..5000).map(|i| {
        let name = format!("o{i}");
        let object = object(&name);
        store.put(Key::new(&maps(), "ns", &name), Expect::Absent, Guard::None, object)
    });
    for stored in futures::future::join_all(writes).await {
        revision = revision.max(stored.unwrap().revision);
    }
    let expired = store.changes(&maps(), 1).unwrap_err();
    let (changes, upto) = store.changes(&maps(), expired.oldest).unwrap();
    assert_eq!(upto, revision);
    let seen: Vec<u64> = changes.iter().map(|c| c.after.revision).collect();
    let all: Vec<u64> = (expired.oldest + 1..=revision).collect();
    assert_eq!(seen, all);
}

#[test]
fn a_record_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let database = Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    let table: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("objects");
    let record: &[u8] = br#"{"version":2,"revision":1,"object":{}}"#;
    write.open_table(table).unwrap().insert("/configmaps/ns/a", record).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(error.contains("version 2"), "{error}");
}
