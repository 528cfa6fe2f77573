//! `sluice run -f FILE`: creates a file's objects with what they take from the library pinned by digest, and watches the
//! PipelineRun among them.

use super::connect::Connection;
use super::{pin, watch};
use crate::args::Run;
use crate::error::{CliError, Context, Exit, Result};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, PostParams};
use kube::discovery::Scope;
use serde_json::{Value, json};

/// Runs the command.
///
/// # Errors
/// When the file is not of Kubernetes objects, one is refused, or the run fails.
pub async fn run(args: Run) -> Result {
    let connection = Connection::open(&args.target.kubeconfig).await?;
    let path = args.filename.display().to_string();
    let text = std::fs::read_to_string(&args.filename).context(Exit::Usage, format!("reading `{path}`"))?;
    let mut objects = documents(&text).context(Exit::Usage, format!("reading `{path}`"))?;
    let params = params(&args.params)?;
    let lock = connection.lock().await?;
    for object in &mut objects {
        pin::pin(object, &lock)?;
        if matches!(object["kind"].as_str(), Some("PipelineRun" | "TaskRun")) {
            known_params(object, &params)?;
            set_params(object, &params);
        }
    }
    if args.dry_run {
        for object in &objects {
            print!("---\n{}", serde_saphyr::to_string(object).context(Exit::Defect, "writing YAML")?);
        }
        return Ok(());
    }
    for object in objects {
        let created = create(&connection, &args.target.namespace, object).await?;
        let kind = created.types.as_ref().map_or("", |t| t.kind.as_str()).to_lowercase();
        println!("{kind}/{}", created.name_any());
        if kind == "pipelinerun" {
            let namespace = created.namespace().unwrap_or_default();
            let name = created.name_any();
            let end = watch::pipeline_run(&connection, &namespace, &name, |line| eprintln!("  {line}"));
            let end = watch::or_interrupted(&namespace, &name, end).await?;
            if !end.status.as_ref().is_some_and(|s| watch::succeeded(&s.conditions)) {
                return Err(watch::failure(&connection, &end).await);
            }
        }
    }
    Ok(())
}

/// Creates one object of any kind that the API serves.
///
/// # Errors
/// When the kind is not served or the object is refused.
pub async fn create(connection: &Connection, namespace: &str, object: Value) -> Result<DynamicObject> {
    let object: DynamicObject = serde_json::from_value(object).context(Exit::Usage, "reading an object")?;
    let types = object.types.clone().unwrap_or_default();
    if types.api_version.is_empty() || types.kind.is_empty() {
        return Err(CliError::usage("an object has no apiVersion or no kind")
            .hint("each document of the file is one Kubernetes object, such as `apiVersion: tekton.dev/v1`"));
    }
    let gvk = kube::api::GroupVersionKind::try_from(&types)
        .context(Exit::Usage, format!("`apiVersion: {}`", types.api_version))?;
    let (resource, capabilities) = kube::discovery::pinned_kind(&connection.client, &gvk)
        .await
        .map_err(|e| CliError::usage(format!("kind `{}` of `{}` is not served: {e}", types.kind, types.api_version)))?;
    let namespace = object.namespace().unwrap_or_else(|| namespace.to_owned());
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(connection.client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(connection.client.clone(), &namespace, &resource),
    };
    let mut created = api.create(&PostParams::default(), &object).await?;
    created.types.get_or_insert(types);
    Ok(created)
}

/// The documents of a YAML stream, empty ones left out.
///
/// # Errors
/// What is wrong with the YAML, with its line.
pub fn documents(text: &str) -> std::result::Result<Vec<Value>, String> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|e| e.to_string())?;
    Ok(all.into_iter().filter(|value| !value.is_null()).collect())
}

/// Params of the command line.
///
/// # Errors
/// When one is not NAME=VALUE.
pub fn params(given: &[String]) -> Result<Vec<(String, String)>> {
    given
        .iter()
        .map(|param| {
            param
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| CliError::usage(format!("`--param {param}` is not NAME=VALUE")))
        })
        .collect()
}

/// A run with an embedded spec knows its params. Tekton ignores one too many, which on a command line is a slip.
fn known_params(object: &Value, params: &[(String, String)]) -> Result {
    let spec = &object["spec"];
    let Some(embedded) = ["pipelineSpec", "taskSpec"].iter().map(|key| &spec[*key]).find(|spec| spec.is_object())
    else {
        return Ok(());
    };
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|p| Some(p["name"].as_str()?.to_owned())).collect()
    };
    let known = [names(&embedded["params"]), names(&spec["params"])].concat();
    match params.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => {
            let kind = object["kind"].as_str().unwrap_or_default();
            let hint = if known.is_empty() { "it has none".into() } else { format!("it has: {}", known.join(", ")) };
            Err(CliError::usage(format!("`--param {name}`: the {kind} has no such param")).hint(hint))
        }
        None => Ok(()),
    }
}

/// Sets string params of a run, replacing those of the same name.
fn set_params(object: &mut Value, params: &[(String, String)]) {
    if params.is_empty() {
        return;
    }
    let list = &mut object["spec"]["params"];
    let mut kept: Vec<Value> = list.as_array().cloned().unwrap_or_default();
    kept.retain(|param| !params.iter().any(|(name, _)| param["name"] == name.as_str()));
    kept.extend(params.iter().map(|(name, value)| json!({"name": name, "value": value})));
    *list = Value::Array(kept);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn params_replace_those_of_the_same_name() {
        let mut run = json!({"spec": {"params": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}});
        set_params(&mut run, &params(&["b=3=4".into()]).unwrap());
        assert_eq!(run["spec"]["params"], json!([{"name": "a", "value": "1"}, {"name": "b", "value": "3=4"}]));
        assert!(params(&["b".into()]).unwrap_err().message.contains("NAME=VALUE"));
    }

    #[test]
    fn an_unknown_param_is_refused_where_the_params_are_known() {
        let run = json!({"kind": "PipelineRun", "spec": {"pipelineSpec": {"params": [{"name": "a"}]}}});
        let error = known_params(&run, &params(&["b=1".into()]).unwrap()).unwrap_err();
        assert_eq!(error.message, "`--param b`: the PipelineRun has no such param");
        assert_eq!(error.hint.as_deref(), Some("it has: a"));
        known_params(&run, &params(&["a=1".into()]).unwrap()).unwrap();
        known_params(&json!({"spec": {"pipelineRef": {}}}), &params(&["b=1".into()]).unwrap()).unwrap();
    }

    #[test]
    fn a_stream_may_have_empty_documents() {
        assert_eq!(documents("---\n---\na: 1\n---\nb: 2\n").unwrap(), [json!({"a": 1}), json!({"b": 2})]);
        assert!(documents("a: [").is_err());
    }
}
