//! Bad input: each ends with a message that names the object and the remedy, the exit code of its meaning, and nothing
//! published.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Cluster, Ran, condition, folder, sluice, up};

fn run(cluster: &Cluster, text: &str) -> Ran {
    let file = cluster.file(text);
    cluster.sluice(&["run", "-n", "acme", "-f", file.to_str().unwrap()])
}

const BUILD: &str = include_str!("../../../tests/fixtures/build.yaml");

#[test]
fn a_port_in_use_and_a_folder_that_cannot_be_used() {
    support::programs::ready();
    let root = folder("ports");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let data = root.join("data");
    let data = data.to_str().unwrap();
    let up_on = |api: &str, registry: &str| {
        sluice(&["up", "--detach", "--data-dir", data, "--listen", api, "--registry-listen", registry])
    };
    up_on(&address, "127.0.0.1:0").refused(2, &[&format!("`--listen {address}`"), "in use", "\n\nhint: "]);
    up_on("127.0.0.1:0", &address).refused(2, &[&format!("`--registry-listen {address}`"), "in use", "\n\nhint: "]);
    up_on("nonsense", "127.0.0.1:0").refused(2, &["`--listen nonsense` is not an address", "\n\nhint: "]);

    let file = root.join("file");
    std::fs::write(&file, "").unwrap();
    up(&file).refused(2, &[file.to_str().unwrap(), "\n\nhint: "]);
    let inside = root.join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(inside.join("control"), "").unwrap();
    up(&inside).refused(2, &["`control` in the data folder is not a folder", "\n\nhint: "]);
    sluice(&["status", "--data-dir", root.join("none").to_str().unwrap()]).refused(2, &["none", "\n\nhint: "]);
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_store_that_cannot_be_read_is_named() {
    support::programs::ready();
    let root = folder("store");
    let data = root.join("data");
    std::fs::create_dir_all(data.join("control")).unwrap();
    std::fs::write(data.join("control/store.redb"), "not a store").unwrap();
    up(&data).refused(2, &["the control plane could not start", "store", "\n\nhint: "]);
    assert!(!data.join("state.json").exists());
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn commands_say_what_is_wrong_and_what_to_do() {
    let cluster = Cluster::bare("bad-input");
    let data = cluster.data.to_str().unwrap();

    // A second `up` on the folder.
    let pids = cluster.pids().unwrap();
    let in_use = format!("`sluice up` runs on it as process {}", pids.supervisor);
    up(&cluster.data).refused(2, &["this data folder is in use", &in_use, "\n\nhint: "]);
    assert_eq!(cluster.pids(), Some(pids), "the first one goes on");

    // Before anything was published.
    run(&cluster, BUILD).refused(2, &["the trusted task library is empty", "\n\nhint: `sluice task push library`"]);
    let empty = folder("no-images");
    let library = support::programs::workspace().join("tests/fixtures/library");
    let push = cluster.sluice(&["task", "push", library.to_str().unwrap(), "--images", empty.to_str().unwrap()]);
    push.refused(2, &["`library.sluice.dev/images/toolbox:0.1` is not in the library", "\n\nhint: "]);
    let missing = empty.join("missing");
    let push = cluster.sluice(&["task", "push", library.to_str().unwrap(), "--images", missing.to_str().unwrap()]);
    push.refused(2, &[missing.to_str().unwrap(), "\n\nhint: "]);
    assert!(cluster.manifest(&format!("{}/library/data:latest", cluster.host())).is_none(), "nothing was published");

    cluster.publish();
    let broken = run(&cluster, "kind: [");
    broken.refused(2, &["reading `", ".yaml`"]);
    run(&cluster, "kind: PipelineRun\n").refused(2, &["an object has no apiVersion or no kind", "\n\nhint: "]);
    let embedded = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: x-}\nspec: {pipelineSpec: {params: [{name: a, default: b}], tasks: []}}\n";
    let embedded = cluster.file(embedded);
    let ran = cluster.sluice(&["run", "-f", embedded.to_str().unwrap(), "-p", "no-such=1"]);
    ran.refused(2, &["`--param no-such`: the PipelineRun has no such param", "\n\nhint: it has: a"]);
    run(&cluster, &BUILD.replace("PipelineRun", "PipelineRum"))
        .refused(2, &["kind `PipelineRum` of `tekton.dev/v1` is not served"]);
    run(&cluster, &BUILD.replace("small-build:0.1", "no-such:0.1"))
        .refused(2, &["`library.sluice.dev/pipelines/no-such:0.1` is not in the library", "\n\nhint: it has: "]);
    let no_file = cluster.sluice(&["run", "-f", "/no/such/file.yaml"]);
    no_file.refused(2, &["reading `/no/such/file.yaml`"]);
    let param = cluster.file(BUILD);
    cluster.sluice(&["run", "-f", param.to_str().unwrap(), "-p", "x"]).refused(2, &["`--param x` is not NAME=VALUE"]);
    let library = cluster.sluice(&["build", "https://git.example.org/x", "-n", "default"]);
    library.refused(2, &["`library.sluice.dev/pipelines/docker-build:0.1` is not in the library", "\n\nhint: "]);
    cluster.sluice(&["status", "--data-dir", data]).ok();

    // A credential that is nobody's.
    let config = std::fs::read_to_string(cluster.data.join("admin.kubeconfig")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"]["token"] = "wrong".into();
    let file = cluster.file(&config.to_string());
    let output = cluster
        .command(support::programs::sluice())
        .env("KUBECONFIG", &file)
        .args(["run", "-f", param.to_str().unwrap()])
        .output();
    Ran::of(output.unwrap()).refused(4, &["nauthorized"]);

    cluster.sluice(&["down", "--data-dir", data]).ok();
    cluster.sluice(&["down", "--data-dir", data]).refused(1, &["nothing runs on"]);
    cluster.sluice(&["status", "--data-dir", data]).refused(1, &["nothing runs on", "\n\nhint: `sluice up"]);
    run(&cluster, BUILD).refused(2, &["the API server could not be asked", "\n\nhint: "]);
    std::fs::remove_dir_all(empty).unwrap();
}

#[test]
fn runs_that_cannot_be_are_refused_or_end_with_the_reason() {
    let cluster = Cluster::full("bad-runs");

    // A param that nobody declares, and one that is required and not given.
    let one = |params: &str, script: &str| {
        format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{generateName: x-, namespace: acme}}\nspec:\n  pipelineSpec:\n    params: [{params}]\n    tasks:\n    - name: t\n      params: [{{name: p, value: '{script}'}}]\n      taskSpec: {{params: [{{name: p}}], steps: [{{name: s, image: 'library.sluice.dev/images/toolbox:0.1', script: 'echo $(params.p)'}}]}}\n"
        )
    };
    let ran = run(&cluster, &one("", "$(params.no-such)"));
    ran.refused(2, &["no-such"]);
    let ran = run(&cluster, &one("{name: needed}", "$(params.needed)"));
    ran.refused(1, &["needed", "\n\nhint: "]);

    // A Pipeline with a cycle.
    let task = |name: &str, after: &str| {
        format!(
            "  - {{name: {name}, runAfter: [{after}], taskSpec: {{steps: [{{name: s, image: x, script: 'true'}}]}}}}\n"
        )
    };
    let cycle = format!(
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: cycle, namespace: acme}}\nspec:\n  tasks:\n{}{}",
        task("a", "b"),
        task("b", "a")
    );
    let ran = run(&cluster, &cycle);
    ran.refused(2, &["cycle detected", "\"a\"", "\"b\""]);

    // An image that nobody has.
    let missing = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: x-, namespace: acme}\nspec:\n  pipelineSpec:\n    tasks:\n    - name: t\n      taskSpec: {steps: [{name: s, image: 'localhost:5000/acme/no-such:1', script: 'true'}]}\n";
    let ran = run(&cluster, missing);
    ran.refused(1, &["acme/no-such:1", "\n\nhint: "]);

    let component = cluster.sluice(&["build", "https://git.example.org/x", "--component", "none", "-n", "acme"]);
    component.refused(2, &["Component `acme/none` does not exist", "\n\nhint: "]);

    // A Release that no admission is for: the plan's application belongs to another tenant's admission.
    cluster.apply(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n---\n\
         apiVersion: appstudio.redhat.com/v1alpha1\nkind: Application\nmetadata: {name: hello, namespace: other}\nspec: {displayName: hello}\n---\n\
         apiVersion: appstudio.redhat.com/v1alpha1\nkind: ReleasePlan\nmetadata: {name: hello, namespace: other}\nspec: {application: hello, target: acme-managed}\n---\n\
         apiVersion: appstudio.redhat.com/v1alpha1\nkind: Snapshot\nmetadata: {name: s, namespace: other}\nspec: {application: hello, components: [{name: hello, containerImage: 'localhost:5000/acme/hello@sha256:0000000000000000000000000000000000000000000000000000000000000000'}]}\n",
    );
    let (_, name) = cluster.create_one("apiVersion: appstudio.redhat.com/v1alpha1\nkind: Release\nmetadata: {generateName: r-, namespace: other}\nspec: {snapshot: s, releasePlan: hello}\n");
    let end = cluster.release_end("other", &name);
    let released = condition(&end, "Released").unwrap();
    assert_eq!(released["status"], "False", "{end:#}");
    let why = condition(&end, "Validated").unwrap()["message"].as_str().unwrap();
    assert!(why.contains("no ReleasePlanAdmission found in namespace (acme-managed) with the origin (other)"), "{why}");
    assert!(cluster.list("pipelineruns", "acme-managed").is_empty(), "no managed pipeline ran");
}
