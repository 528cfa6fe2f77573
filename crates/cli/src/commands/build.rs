//! `sluice build`: a repository that holds a Containerfile becomes a signed image with a verdict and, where a ReleasePlan
//! asks for it, a release. This command creates one PipelineRun and watches; all else happens without it.

use super::connect::{Connection, Kind};
use super::lock::ALIAS;
use super::watch;
use super::{follow, run};
use crate::args::Build;
use crate::error::{CliError, Context, Exit, Result};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use sluice_api::konflux::Component;
use sluice_api::tekton::PipelineRun;
use sluice_artifacts::{CreateRequest, Environment, Limits};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// When the build cannot be created, fails, or the policy says no.
pub async fn run(args: Build) -> Result {
    let connection = Connection::open(&args.target.kubeconfig).await?;
    let namespace = args.target.namespace.clone();
    let object = pipeline_run(&connection, &args).await?;
    let created = run::create(&connection, &namespace, object).await?;
    let name = created.name_any();
    println!("pipelinerun/{name}");
    let end = async {
        let end: PipelineRun =
            watch::pipeline_run(&connection, &namespace, &name, |line| eprintln!("  {line}")).await?;
        if !end.status.as_ref().is_some_and(|s| watch::succeeded(&s.conditions)) {
            return Err(watch::failure(&connection, &end).await);
        }
        let outcome = follow::follow(&connection, &end, |line| eprintln!("  {line}")).await?;
        print!("{}", outcome.render());
        outcome.verdict()
    };
    watch::or_interrupted(&namespace, &name, end).await
}

/// The PipelineRun of the library's docker-build pipeline for this source.
async fn pipeline_run(connection: &Connection, args: &Build) -> Result<Value> {
    let namespace = &args.target.namespace;
    let component = component(connection, args).await?;
    let extra = run::params(&args.params)?;
    let lock = connection.lock().await?;
    let bundle = lock.pin(&format!("{ALIAS}/pipelines/docker-build:0.1"))?;
    let name = component.as_ref().map_or_else(|| image_name(&absolute(&args.source)), |c| c.metadata.name.clone());
    let tag = format!("build-{}", jiff::Timestamp::now().as_millisecond());
    let repository = component.as_ref().map(|c| c.spec.container_image.clone()).filter(|image| !image.is_empty());
    let repository = repository.unwrap_or_else(|| format!("{}/{namespace}/{name}", connection.host));
    let image = args.output_image.clone().unwrap_or_else(|| format!("{repository}:{tag}"));
    let account = args.service_account.clone().unwrap_or_else(|| match component {
        Some(_) => format!("build-pipeline-{name}"),
        None => {
            eprintln!(
                "  no --component: runs as ServiceAccount `default`, which needs push rights, and is not released"
            );
            "default".into()
        }
    });
    account_exists(connection, namespace, &account).await?;
    let git = component.as_ref().and_then(|c| c.spec.source.as_ref()).and_then(|s| s.git.clone()).unwrap_or_default();
    let (url, revision) = source(connection, args, &git.revision, &format!("{namespace}/{name}.git")).await?;
    let mut params = vec![
        ("git-url".to_owned(), url),
        ("revision".to_owned(), revision),
        ("output-image".to_owned(), image),
        ("path-context".to_owned(), git.context),
        ("dockerfile".to_owned(), git.dockerfile_url),
    ];
    // What the Component leaves open, the pipeline's own defaults say.
    params.retain(|(name, value)| !value.is_empty() || name == "revision");
    params.retain(|(name, _)| !extra.iter().any(|(given, _)| given == name));
    params.extend(extra);
    let params: Vec<Value> = params.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
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
            "params": params,
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

/// A run as nobody would be refused by the registry only, in its first task.
async fn account_exists(connection: &Connection, namespace: &str, account: &str) -> Result {
    let namespaces: Api<Namespace> = Api::all(connection.client.clone());
    if let Ok(None) = namespaces.get_opt(namespace).await {
        return Err(CliError::usage(format!("namespace `{namespace}` does not exist"))
            .hint("`-n` names the tenant's namespace; examples/tenant makes one"));
    }
    let api: Api<ServiceAccount> = Api::namespaced(connection.client.clone(), namespace);
    match api.get_opt(account).await {
        Ok(None) => Err(CliError::usage(format!("ServiceAccount `{namespace}/{account}` does not exist")).hint(format!(
            "`kubectl -n {namespace} create serviceaccount {account}`, and a RoleBinding that lets it push:\n\
             `kubectl -n {namespace} create rolebinding {account} --role registry-push \\\n  --serviceaccount {namespace}:{account}` (see examples/tenant/10-roles.yaml)"
        ))),
        // Whoever may not look at ServiceAccounts may still create a run.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// A folder such as `.` by its name.
fn absolute(source: &str) -> String {
    match source.contains("://") {
        true => source.to_owned(),
        false => Path::new(source).canonicalize().map_or_else(|_| source.to_owned(), |path| path.display().to_string()),
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

/// What to clone and which revision of it. A URL as it is; a folder's repository as a trusted artifact, so that the run
/// needs nothing of this machine's user, and its revision as a commit.
async fn source(connection: &Connection, args: &Build, default: &str, repository: &str) -> Result<(String, String)> {
    if args.source.contains("://") {
        if !["http://", "https://", "git://"].iter().any(|scheme| args.source.starts_with(scheme)) {
            return Err(CliError::usage(format!("`{}` is not an http, https or git URL", args.source)).hint(
                "a build has no credential for git: name where the repository is served to everybody, or a folder",
            ));
        }
        return Ok((args.source.clone(), args.revision.clone().unwrap_or_else(|| default.to_owned())));
    }
    let folder = Path::new(&args.source);
    if !folder.is_dir() {
        return Err(CliError::usage(format!("`{}` is neither a URL nor a folder", args.source))
            .hint("write http://, https:// or git://, or name a folder with a git repository"));
    }
    let commit = commit(folder, args.revision.as_deref())?;
    let scratch = tempfile::tempdir().context(Exit::Usage, "making a temporary folder")?;
    let origin = scratch.path().join("origin");
    let clone = std::process::Command::new("git")
        .args(["clone", "--quiet", "--bare", "--no-hardlinks"])
        .arg(folder)
        .arg(&origin)
        .output()
        .context(Exit::Usage, "running `git`")?;
    if !clone.status.success() {
        let why = String::from_utf8_lossy(&clone.stderr).trim().to_owned();
        return Err(CliError::usage(format!("`{}`: {why}", args.source)).hint("only what is committed is built"));
    }
    let auth = connection.auth.clone();
    let registries = connection.registry.registries().clone();
    let store = format!("{}/{repository}:latest", connection.host);
    let work = move || {
        let result = scratch.path().join("SOURCE");
        let request = CreateRequest {
            store: store.parse().map_err(|e| CliError::usage(format!("`{store}`: {e}")))?,
            pairs: vec![(result, origin)],
            expires_after: None,
            limits: Limits::default(),
        };
        let mut notes = |line: &str| tracing::info!("{line}");
        let made = sluice_artifacts::create(&Environment { auth, registries }, &request, &mut notes);
        let made = made.map_err(|e| refused(&e))?;
        let uri = made.first().ok_or_else(|| CliError::defect("no artifact was made"))?;
        Ok(uri.to_string())
    };
    let uri: Result<String> = tokio::task::spawn_blocking(work).await.context(Exit::Defect, "storing the source")?;
    Ok((uri?, commit))
}

/// A source that could not be stored: the registry's refusal apart from all else.
fn refused(error: &sluice_artifacts::Error) -> CliError {
    let denied = ["the registry answered 401", "the registry answered 403"];
    let exit = match error {
        sluice_artifacts::Error::Registry { problem, .. } if denied.iter().any(|d| problem.contains(d)) => {
            Exit::NotAllowed
        }
        _ => Exit::Usage,
    };
    let text = error.to_string();
    match text.split_once("\n\n") {
        Some((message, remedy)) => CliError::new(exit, format!("storing the source: {message}")).hint(remedy),
        None => CliError::new(exit, format!("storing the source: {text}")),
    }
}

/// The commit that a folder's revision names; its HEAD where none is given.
fn commit(folder: &Path, revision: Option<&str>) -> Result<String> {
    let git = |args: &[&str]| {
        std::process::Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(args)
            .output()
            .context(Exit::Usage, "running `git`")
    };
    let shown = folder.display();
    let top = git(&["rev-parse", "--git-dir"])?;
    if !top.status.success() {
        let why = String::from_utf8_lossy(&top.stderr).trim().to_owned();
        let error = CliError::usage(format!("`{shown}`: {why}"));
        return Err(match why.contains("not a git repository") {
            true => error.hint("`git init`, `git add` and `git commit` there: only what is committed is built"),
            // Such as "dubious ownership", where git's own message says what to do.
            false => error,
        });
    }
    let wanted = revision.unwrap_or("HEAD");
    let found = git(&["rev-parse", "--quiet", "--verify", "--end-of-options", &format!("{wanted}^{{commit}}")])?;
    if !found.status.success() {
        return Err(match revision {
            Some(revision) => {
                CliError::usage(format!("`--revision {revision}`: `{shown}` has no such branch, tag or commit"))
                    .hint(format!("`git -C {shown} log --oneline --all` lists them"))
            }
            None => CliError::usage(format!("`{shown}` has no commit yet")).hint("only what is committed is built"),
        });
    }
    let changed = git(&["status", "--porcelain"])?;
    if revision.is_none() && !changed.stdout.is_empty() {
        eprintln!("  `{shown}` has changes that are not committed: they are not built");
    }
    Ok(String::from_utf8_lossy(&found.stdout).trim().to_owned())
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
