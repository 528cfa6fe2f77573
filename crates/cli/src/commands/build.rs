//! `sluice build`: a repository that holds a Containerfile becomes a signed image with a verdict and, where a ReleasePlan
//! asks for it, a release. This command creates one PipelineRun and watches; all else happens without it.

use super::connect::{Connection, Kind};
use super::lock::ALIAS;
use super::watch;
use super::{follow, run};
use crate::args::Build;
use crate::error::{CliError, Result};
use kube::ResourceExt;
use serde_json::{Value, json};
use sluice_api::konflux::Component;
use sluice_api::tekton::PipelineRun;

/// Runs the command.
///
/// # Errors
/// When the build cannot be created, fails, or the policy says no.
pub async fn run(args: Build) -> Result {
    let connection = Connection::open(&args.target.kubeconfig).await?;
    let namespace = args.target.namespace.clone();
    let object = pipeline_run(&connection, &args).await?;
    let created = run::create(&connection, &namespace, object).await?;
    println!("pipelinerun/{}", created.name_any());
    let end: PipelineRun =
        watch::pipeline_run(&connection, &namespace, &created.name_any(), |line| eprintln!("  {line}")).await?;
    if !end.status.as_ref().is_some_and(|s| watch::succeeded(&s.conditions)) {
        return Err(watch::failure(&connection, &end).await);
    }
    let outcome = follow::follow(&connection, &end, |line| eprintln!("  {line}")).await?;
    print!("{}", outcome.render());
    outcome.verdict()
}

/// The PipelineRun of the library's docker-build pipeline for this source.
async fn pipeline_run(connection: &Connection, args: &Build) -> Result<Value> {
    let lock = connection.lock().await?;
    let bundle = lock.pin(&format!("{ALIAS}/pipelines/docker-build:0.1"))?;
    let namespace = &args.target.namespace;
    let component = component(connection, args).await?;
    let name = component.as_ref().map_or_else(|| image_name(&args.source), |c| c.metadata.name.clone());
    let tag = format!("build-{}", jiff::Timestamp::now().as_millisecond());
    let repository = component.as_ref().map(|c| c.spec.container_image.clone()).filter(|image| !image.is_empty());
    let repository = repository.unwrap_or_else(|| format!("{}/{namespace}/{name}", connection.host));
    let image = args.output_image.clone().unwrap_or_else(|| format!("{repository}:{tag}"));
    let account = args.service_account.clone().unwrap_or_else(|| match component {
        Some(_) => format!("build-pipeline-{name}"),
        None => "default".into(),
    });
    let mut labels = json!({"pipelines.appstudio.openshift.io/type": "build"});
    if let Some(component) = &component {
        labels["appstudio.openshift.io/component"] = json!(component.metadata.name);
        labels["appstudio.openshift.io/application"] = json!(component.spec.application);
    }
    Ok(json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": format!("{name}-build-"), "namespace": namespace, "labels": labels},
        "spec": {
            "pipelineRef": {"resolver": "bundles", "params": [
                {"name": "bundle", "value": bundle},
                {"name": "name", "value": "docker-build"},
                {"name": "kind", "value": "pipeline"},
            ]},
            "taskRunTemplate": {"serviceAccountName": account},
            "params": [
                {"name": "git-url", "value": source(&args.source)?},
                {"name": "revision", "value": args.revision},
                {"name": "output-image", "value": image},
            ],
        },
    }))
}

async fn component(connection: &Connection, args: &Build) -> Result<Option<Component>> {
    let Some(name) = &args.component else { return Ok(None) };
    let api = connection.api(Kind::Component, &args.target.namespace);
    match api.get_opt(name).await? {
        Some(object) => Ok(Some(watch::view(&object)?)),
        None => Err(CliError::usage(format!("Component `{}/{name}` does not exist", args.target.namespace))
            .hint("create it from YAML such as examples/tenant, or leave out `--component`")),
    }
}

/// The last part of the URL's path, as a name.
fn image_name(source: &str) -> String {
    let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
    let name: String = last
        .trim_end_matches(".git")
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "image".into() } else { name.chars().take(40).collect() }
}

fn source(source: &str) -> Result<String> {
    if source.contains("://") {
        return Ok(source.to_owned());
    }
    Err(CliError::usage(format!("`{source}` is not a git URL")).hint("write http://, https:// or git://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_names_its_image() {
        for (source, want) in [
            ("https://example.org/team/Hello_World.git", "hello-world"),
            ("git://host/x/", "x"),
            ("https://example.org/.git", "image"),
        ] {
            assert_eq!(image_name(source), want, "{source}");
        }
    }
}
