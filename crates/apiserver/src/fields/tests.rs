//! Ownership of fields: what an apply may change, keeps and removes.
#![allow(clippy::unwrap_used)]

use super::*;

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": data})
}

fn applied(old: Option<&Value>, wanted: &Value, manager: &str, force: bool) -> Result<Value, Conflicts> {
    apply(old, wanted, manager, "v1", "", force, "2026-01-01T00:00:00Z").map(|a| {
        let mut object = a.object;
        meta::set(&mut object, "managedFields", a.managed);
        object
    })
}

#[test]
fn what_is_no_longer_named_is_removed() {
    let first = applied(None, &config_map(json!({"a": "1", "b": "2"})), "m", false).unwrap();
    let second = applied(Some(&first), &config_map(json!({"a": "1"})), "m", false).unwrap();
    assert_eq!(second["data"], json!({"a": "1"}));
}

#[test]
fn what_another_owns_too_is_kept() {
    let first = applied(None, &config_map(json!({"a": "1", "b": "2"})), "m", false).unwrap();
    let shared = applied(Some(&first), &config_map(json!({"b": "2"})), "other", false).unwrap();
    let second = applied(Some(&shared), &config_map(json!({"a": "1"})), "m", false).unwrap();
    assert_eq!(second["data"], json!({"a": "1", "b": "2"}));
}

#[test]
fn a_change_of_what_another_owns_is_a_conflict_unless_forced() {
    let first = applied(None, &config_map(json!({"a": "1"})), "m", false).unwrap();
    let conflict = applied(Some(&first), &config_map(json!({"a": "2"})), "other", false).unwrap_err();
    assert_eq!(conflict, Conflicts(vec![("m".into(), "v1".into(), ".data.a".into())]));
    let forced = applied(Some(&first), &config_map(json!({"a": "2"})), "other", true).unwrap();
    assert_eq!(forced["data"]["a"], "2");
    // The first manager lost the field, so now the conflict is his.
    assert!(applied(Some(&forced), &config_map(json!({"a": "1"})), "m", false).is_err());
}

#[test]
fn an_update_takes_what_it_changes() {
    let first = applied(None, &config_map(json!({"a": "1", "b": "2"})), "m", false).unwrap();
    let mut edited = first.clone();
    edited["data"]["a"] = json!("9");
    record_update(Some(&first), &mut edited, "kubectl-edit", "v1", "", "2026-01-02T00:00:00Z");
    assert!(applied(Some(&edited), &config_map(json!({"a": "1", "b": "2"})), "m", false).is_err());
    // It changed `a` only.
    let again = applied(Some(&edited), &config_map(json!({"a": "9", "b": "3"})), "m", false).unwrap();
    assert_eq!(again["data"], json!({"a": "9", "b": "3"}));
}

#[test]
fn applying_the_same_twice_changes_nothing() {
    let first = applied(None, &config_map(json!({"a": "1"})), "m", false).unwrap();
    let second =
        apply(Some(&first), &config_map(json!({"a": "1"})), "m", "v1", "", false, "2027-01-01T00:00:00Z").unwrap();
    let mut object = second.object;
    meta::set(&mut object, "managedFields", second.managed);
    assert!(same_but_times(&first, &object));
}

#[test]
fn sets_and_keyed_lists_are_owned_by_item() {
    let account = |secrets: Value, finalizers: Value| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
               "metadata": {"name": "s", "finalizers": finalizers}, "secrets": secrets})
    };
    let first = applied(None, &account(json!([{"name": "a"}]), json!(["x/a"])), "m", false).unwrap();
    let second = applied(Some(&first), &account(json!([{"name": "b"}]), json!(["x/b"])), "other", false).unwrap();
    assert_eq!(second["secrets"], json!([{"name": "a"}, {"name": "b"}]));
    assert_eq!(second["metadata"]["finalizers"], json!(["x/a", "x/b"]));
    let third = applied(Some(&second), &account(json!([]), json!([])), "m", false).unwrap();
    assert_eq!(third["secrets"], json!([{"name": "b"}]));
    assert_eq!(third["metadata"]["finalizers"], json!(["x/b"]));
}

#[test]
fn fields_survive_their_json_form() {
    let object = config_map(json!({"a": "1", "b.c": "2"}));
    let set: Set = leaves(&object).into_keys().collect();
    assert_eq!(from_json(&to_json(&set)), set);
    assert_eq!(to_json(&set), json!({"f:data": {"f:a": {}, "f:b.c": {}}}));
}
