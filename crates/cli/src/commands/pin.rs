//! Pins what a Tekton object takes from the library: bundles in taskRef and pipelineRef, and step images. Pure.

use super::lock::Lock;
use crate::error::Result;
use serde_json::Value;

/// Pins every reference to the library in the object, at any depth: a `bundle` param of a bundles resolver, and the
/// `image` of a step.
///
/// # Errors
/// When the library has no such task, pipeline or image.
pub fn pin(value: &mut Value, lock: &Lock) -> Result {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| pin(item, lock)),
        Value::Object(map) => {
            if map.get("resolver").and_then(Value::as_str) == Some("bundles")
                && let Some(Value::Array(params)) = map.get_mut("params")
            {
                for param in params.iter_mut().filter(|param| param["name"] == "bundle") {
                    pin_string(&mut param["value"], lock)?;
                }
                return Ok(());
            }
            for (key, child) in map.iter_mut() {
                if key == "image" && child.is_string() {
                    pin_string(child, lock)?;
                } else {
                    pin(child, lock)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn pin_string(value: &mut Value, lock: &Lock) -> Result {
    if let Value::String(text) = value {
        *text = lock.pin(text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn lock() -> Lock {
        let mut lock = Lock { v: 1, ..Lock::default() };
        lock.tasks.insert("git-clone:0.1".into(), "sha256:aa".into());
        lock.images.insert("toolbox:0.1".into(), "sha256:bb".into());
        lock
    }

    fn reference(bundle: &str) -> Value {
        json!({"spec": {"tasks": [{"taskRef": {"resolver": "bundles", "params": [
            {"name": "bundle", "value": bundle}, {"name": "name", "value": "git-clone"}]}}]}})
    }

    #[test]
    fn pins_the_library_and_nothing_else() {
        let table = [
            ("library.sluice.dev/tasks/git-clone:0.1", "library.sluice.dev/tasks/git-clone:0.1@sha256:aa"),
            ("library.sluice.dev/tasks/git-clone:0.1@sha256:cc", "library.sluice.dev/tasks/git-clone:0.1@sha256:cc"),
            ("quay.io/x/tasks/git-clone:0.1", "quay.io/x/tasks/git-clone:0.1"),
        ];
        for (given, want) in table {
            let mut object = reference(given);
            pin(&mut object, &lock()).unwrap();
            assert_eq!(object, reference(want));
        }
        let mut step = json!({"steps": [{"image": "library.sluice.dev/images/toolbox:0.1"}]});
        pin(&mut step, &lock()).unwrap();
        assert_eq!(step["steps"][0]["image"], "library.sluice.dev/images/toolbox:0.1@sha256:bb");
    }

    #[test]
    fn an_unknown_task_is_refused_by_name() {
        let error = pin(&mut reference("library.sluice.dev/tasks/nope:1"), &lock()).unwrap_err();
        assert!(error.message.contains("`library.sluice.dev/tasks/nope:1` is not in the library"));
        assert!(error.hint.unwrap().contains("git-clone:0.1"));
    }
}
