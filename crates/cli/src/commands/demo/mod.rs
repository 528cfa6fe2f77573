//! `sluice demo`: the main job on real input, by the commands that a user would type, each printed before it runs. It
//! succeeds only if the good release is in the production repository and the attack is not.

mod forge;
mod shell;
mod summary;

use super::connect::{Connection, Kind};
use super::follow::{self, Outcome};
use super::{report, watch};
use crate::args::Demo;
use crate::error::{CliError, Context, Exit, Result};
use crate::up::addresses::{self, Addresses};
use shell::Shell;
use sluice_api::tekton::PipelineRun;
use std::path::{Path, PathBuf};
use std::time::Instant;

const TENANT: &str = "acme";
const COMPONENT: &str = "hello";
/// The registry's name as the files under examples/ have it.
const EXAMPLE_HOST: &str = "localhost:5000";

/// Runs the story.
///
/// # Errors
/// When a command fails, the good release is not published, or the attack is.
pub fn run(args: &Demo) -> Result {
    let folder = Folder::make(args)?;
    let shell = Shell::new()?;
    let result = story(args, &folder, &shell);
    if args.keep {
        shell.say(&format!("everything is left running; `sluice down --data-dir {}` ends it", folder.data().display()));
        return result;
    }
    // What was started is ended however the story went.
    let down = match crate::up::status::down(&folder.data()) {
        Err(e) if result.is_ok() => Err(e),
        _ => Ok(()),
    };
    folder.remove();
    result.and(down)
}

fn story(args: &Demo, folder: &Folder, shell: &Shell) -> Result {
    let images = args.images.clone().ok_or_else(|| {
        CliError::usage("no step images")
            .hint("`make demo` builds them; or `library/images/build`, then `--images DIR`")
    })?;
    for (flag, folder) in [("--images", &images), ("--library", &args.library), ("--examples", &args.examples)] {
        if !folder.is_dir() {
            return Err(CliError::usage(format!("`{flag}`: `{}` is not a folder", folder.display()))
                .hint("run it in sluice's repository, where `make images` leaves the step images in target/images"));
        }
    }
    shell.heading("1", "up: control plane, registry and observer, each under an id of its own");
    let forge = forge::Forge::start(shell, &args.examples.join("hello"), &folder.root.join("git"))?;
    let addresses = up(shell, folder, &forge)?;
    let data = folder.data();
    shell.set("KUBECONFIG", &data.join("admin.kubeconfig"));
    shell.run(&["sluice", "status", "--data-dir", &text(&data)])?;

    shell.heading("2", "a trusted task library, a tenant and a managed namespace");
    shell.run(&["sluice", "task", "push", &text(&args.library), "--images", &text(&images)])?;
    let examples = examples(shell, args, folder, &addresses)?;
    shell.run(&["kubectl", "apply", "-f", &text(&examples.join("tenant")), "-f", &text(&examples.join("managed"))])?;

    shell.heading("3", "build, sign, test, release: one command, or none once the run exists");
    let good = Instant::now();
    shell.run(&["sluice", "build", &forge.url, "--component", COMPONENT, "-n", TENANT])?;
    let seconds = good.elapsed().as_secs_f64();

    let runtime = tokio::runtime::Runtime::new().context(Exit::Defect, "starting the runtime")?;
    let connection = runtime.block_on(Connection::open(&data.join("admin.kubeconfig")))?;
    let (run, outcome) = runtime.block_on(finished(&connection, &shell.last("pipelinerun/")?))?;
    outcome.verdict()?;
    let released = outcome.release.as_ref().ok_or_else(|| CliError::no("the good build was not released"))?;
    let published = report::published(released.artifacts.as_ref());
    let good_digest = digest(&outcome.image)?;
    runtime.block_on(expect_published(&connection, &published, good_digest))?;
    shell.heading("4", "what there is to show for it");
    shell.say(&runtime.block_on(summary::summary(&connection, &run, &outcome, seconds))?);
    peers(shell, &data, &published)?;

    shell.heading("5", "the attack: one more task, which reports a pre-built image as the build's output");
    let prebuilt = prebuilt(shell, &connection, &runtime, &toolbox_layout(&images)?)?;
    attack(shell, &runtime, &connection, &examples, &forge, &prebuilt)?;

    shell.heading("6", "its benign twin: the same task, claiming nothing");
    let twin = examples.join("attack/benign-pipelinerun.yaml");
    let image = format!("{}/{TENANT}/{COMPONENT}:twin", connection.host);
    shell.run(&[
        "sluice",
        "run",
        "-n",
        TENANT,
        "-f",
        &text(&twin),
        "-p",
        &format!("git-url={}", forge.url),
        "-p",
        "revision=twin",
        "-p",
        &format!("output-image={image}"),
    ])?;
    let (_, outcome) = runtime.block_on(finished(&connection, &shell.last("pipelinerun/")?))?;
    shell.say(&outcome.render());
    outcome.verdict()?;
    shell.say("the good release is published; the attack was built, signed and blocked; nothing of it was published");
    Ok(())
}

fn up(shell: &Shell, folder: &Folder, forge: &forge::Forge) -> Result<Addresses> {
    let data = folder.data();
    let allow = forge.address.clone();
    let mut command = vec!["sluice", "up", "--detach", "--data-dir", data.to_str().unwrap_or_default()];
    command.extend(["--egress-allow", &allow]);
    if addresses::recorded(&data).ok().flatten().is_none() {
        // The usual ports where they are free, any others where they are not.
        for (flag, usual) in [("--listen", "127.0.0.1:7443"), ("--registry-listen", "127.0.0.1:5000")] {
            if std::net::TcpListener::bind(usual).is_err() {
                command.extend([flag, "127.0.0.1:0"]);
            }
        }
    }
    shell.run(&command)?;
    addresses::recorded(&data)?.ok_or_else(|| CliError::defect("no addresses were recorded"))
}

/// The example's files, with the registry's name as it is here.
fn examples(shell: &Shell, args: &Demo, folder: &Folder, addresses: &Addresses) -> Result<PathBuf> {
    let host = addresses.registry_host();
    if host == EXAMPLE_HOST {
        return Ok(args.examples.clone());
    }
    let copy = folder.root.join("examples");
    shell.run(&["cp", "-r", &text(&args.examples), &text(&copy)])?;
    let edit = format!("s/{EXAMPLE_HOST}/{host}/g");
    for part in ["tenant", "managed", "attack"] {
        for file in super::library::files(&copy.join(part), "yaml")? {
            shell.quiet(&["sed", "-i", &edit, &text(&copy.join(part).join(file.0))])?;
        }
    }
    shell.say(&format!("# sed -i {edit} on them: port 5000 is another program's here"));
    Ok(copy)
}

async fn finished(connection: &Connection, name: &str) -> Result<(PipelineRun, Outcome)> {
    let object = connection.api(Kind::PipelineRun, TENANT).get(name).await?;
    let run: PipelineRun = watch::view(&object)?;
    let outcome = follow::follow(connection, &run, |_| {}).await?;
    Ok((run, outcome))
}

/// The published tags have that digest.
async fn expect_published(connection: &Connection, published: &[String], digest: &str) -> Result {
    if published.is_empty() {
        return Err(CliError::no("the release names no published image"));
    }
    for image in published {
        let reference: sluice_oci::Reference = image.parse().context(Exit::Defect, format!("`{image}`"))?;
        let found =
            connection.registry.resolve(&reference).await.context(Exit::No, format!("`{image}` in production"))?;
        if found.to_string() != digest {
            return Err(CliError::no(format!("`{image}` is {found}, not {digest}")));
        }
    }
    Ok(())
}

/// The same seen by other people's tools, where they are installed.
fn peers(shell: &Shell, data: &Path, published: &[String]) -> Result {
    shell.run(&["kubectl", "get", "pipelineruns,taskruns,snapshots,releases", "-A"])?;
    if let Some(image) = published.first()
        && shell.has("skopeo")
    {
        shell.run(&["skopeo", "inspect", "--tls-verify=false", &format!("docker://{image}")])?;
    }
    if let Some(image) = published.first()
        && shell.has("cosign")
    {
        let key = text(&data.join("cosign.pub"));
        shell.run(&["cosign", "verify", "--insecure-ignore-tlog", "--key", &key, image])?;
    }
    Ok(())
}

/// An image that no build here made, in a repository that the tenant may push to.
fn prebuilt(
    shell: &Shell,
    connection: &Connection,
    runtime: &tokio::runtime::Runtime,
    layout: &Path,
) -> Result<String> {
    let name = format!("{}/{TENANT}/prebuilt:latest", connection.host);
    let reference: sluice_oci::Reference = name.parse().context(Exit::Defect, format!("`{name}`"))?;
    let layout = sluice_oci::Layout::open(layout).context(Exit::Usage, "the toolbox image")?;
    let manifest = layout.manifest(None).context(Exit::Usage, "the toolbox image")?;
    let digest = runtime
        .block_on(connection.registry.push_layout(&layout, manifest, &reference))
        .context(Exit::Usage, format!("pushing `{name}`"))?;
    shell.say(&format!("# an image made elsewhere lies at {name} as {digest}"));
    Ok(digest.to_string())
}

fn toolbox_layout(images: &Path) -> Result<PathBuf> {
    let path = images.join("toolbox");
    if path.is_dir() { Ok(path) } else { Err(CliError::usage(format!("`{}` is missing", path.display()))) }
}

/// The attack is built and signed, and then it is refused.
fn attack(
    shell: &Shell,
    runtime: &tokio::runtime::Runtime,
    connection: &Connection,
    examples: &Path,
    forge: &forge::Forge,
    prebuilt: &str,
) -> Result {
    let file = examples.join("attack/pipelinerun.yaml");
    let image = format!("{}/{TENANT}/{COMPONENT}:attack", connection.host);
    let repository = format!("{}/{TENANT}/prebuilt", connection.host);
    shell.run(&[
        "sluice",
        "run",
        "-n",
        TENANT,
        "-f",
        &text(&file),
        "-p",
        &format!("git-url={}", forge.url),
        "-p",
        "revision=attack",
        "-p",
        &format!("output-image={image}"),
        "-p",
        &format!("reported-image-url={repository}"),
        "-p",
        &format!("reported-image-digest={prebuilt}"),
    ])?;
    let (_, outcome) = runtime.block_on(finished(connection, &shell.last("pipelinerun/")?))?;
    for test in &outcome.tests {
        // What the policy says is shown once, where it blocks the release.
        shell.say(&format!("verdict      {} {}{}", test.scenario, test.status, report::counts(test.report.as_ref())));
    }
    if outcome.verdict().is_ok() {
        return Err(CliError::no("the tests let the attack through"));
    }
    let snapshot = outcome.snapshot.ok_or_else(|| CliError::no("the attack has no snapshot"))?;
    if !outcome.image.ends_with(prebuilt) {
        return Err(CliError::defect(format!("the attack's run reports {}, not the pre-built image", outcome.image)));
    }
    shell.say("# the developer insists, and creates the Release by hand");
    let release = serde_json::json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1", "kind": "Release",
        "metadata": {"generateName": "insist-", "namespace": TENANT},
        "spec": {"snapshot": snapshot, "releasePlan": "hello"},
    });
    let file = examples_release(shell, &release)?;
    shell.run(&["kubectl", "create", "-f", &text(&file)])?;
    let name = shell.last("release.appstudio.redhat.com/")?;
    let name = name.split_whitespace().next().unwrap_or_default().to_owned();
    let end = runtime.block_on(follow::release_end(connection, TENANT, &name))?;
    let _ = std::fs::remove_file(&file);
    if end.released.status == "True" {
        return Err(CliError::no(format!("the attack was released as `{name}`")));
    }
    shell.say(&format!("release      {name} blocked: {}", end.released.message));
    shell.say(&report::explain(end.report.as_ref()));
    runtime.block_on(expect_absent(connection, prebuilt))?;
    Ok(())
}

fn examples_release(shell: &Shell, release: &serde_json::Value) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("sluice-release-{}.yaml", std::process::id()));
    let yaml = serde_saphyr::to_string(release).context(Exit::Defect, "writing YAML")?;
    std::fs::write(&path, &yaml).context(Exit::Usage, format!("writing `{}`", path.display()))?;
    shell.say(&yaml);
    Ok(path)
}

/// Nothing in production has that digest, by tag or otherwise.
async fn expect_absent(connection: &Connection, digest: &str) -> Result {
    let production: sluice_oci::Reference =
        format!("{}/production/{COMPONENT}@{digest}", connection.host).parse().context(Exit::Defect, "production")?;
    match connection.registry.resolve(&production).await {
        Err(e) if e.is_not_found() => Ok(()),
        Ok(_) => Err(CliError::no(format!("the attack's image is in production: {production}"))),
        Err(e) => Err(CliError::no(format!("asking production for {digest}: {e}"))),
    }
}

fn digest(image: &str) -> Result<&str> {
    image.rsplit_once('@').map(|(_, digest)| digest).ok_or_else(|| CliError::no(format!("`{image}` has no digest")))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Where the demo works: a folder of its own, removed at the end, but for a data folder that was named.
struct Folder {
    root: PathBuf,
    named: Option<PathBuf>,
}

impl Folder {
    fn make(args: &Demo) -> Result<Self> {
        let root = std::env::temp_dir().join(format!("sluice-demo-{}", std::process::id()));
        std::fs::create_dir(&root).context(Exit::Usage, format!("making `{}`", root.display()))?;
        Ok(Self { root, named: args.data_dir.clone() })
    }

    fn data(&self) -> PathBuf {
        self.named.clone().unwrap_or_else(|| self.root.join("data"))
    }

    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
