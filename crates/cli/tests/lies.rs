//! Who may lie about what (SECURITY.md), tried on a whole sluice: from inside a step (`tests/lies/NAME`), as the control
//! plane, as a tenant with a right too many, and on the registry's files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use rustix::process::Signal;
use serde_json::{Value, json};
use sluice_attest::{cosign, dsse};
use sluice_oci::{Artifact, Layer, Reference};
use support::{Cluster, condition, programs, result, run, scenario, signal, until};

const BUILD: &str = include_str!("../../../tests/fixtures/build.yaml");
/// The control plane's id.
const CONTROL_PLANE: &str = "64001";

/// Every folder of tests/lies, on one sluice.
#[test]
fn from_inside_a_step() {
    let cluster = Cluster::full("lies");
    let mut wrong = Vec::new();
    for folder in scenario::folders(&programs::workspace().join("tests/lies")) {
        let neighbour = std::fs::read_to_string(folder.join("neighbour.yaml")).ok().map(|text| {
            let (namespace, name) = cluster.create_one(&text);
            let running = |o: &Value| o["status"]["steps"][0]["running"].is_object();
            let run = cluster.until("taskruns", (&namespace, &name), running);
            until("the neighbour's word", || cluster.logs(&namespace, &run).contains("neighbour-waits").then_some(()));
            (namespace, name)
        });
        wrong.extend(scenario::task_run(&cluster, &folder));
        if let Some((namespace, name)) = neighbour {
            let run = cluster.get("taskruns", &namespace, &name).unwrap();
            assert_eq!(condition(&run, "Succeeded").unwrap()["status"], "Unknown", "it was running all the while");
            let cancel = r#"{"spec":{"status":"TaskRunCancelled"}}"#;
            cluster.kubectl(&["-n", &namespace, "patch", "taskrun", &name, "--type=merge", "-p", cancel]).ok();
            cluster.ended("taskruns", &namespace, &name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let pids = cluster.pids().unwrap();
    assert!(support::alive(pids.observer) && support::alive(pids.control_plane));
}

/// The process has an id without rights and no capability, and the kernel refuses that id the observer's key.
#[test]
fn from_inside_the_control_plane() {
    let cluster = Cluster::bare("border");
    let pids = cluster.pids().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pids.control_plane)).unwrap();
    let field =
        |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(field("Uid:"), [CONTROL_PLANE; 4]);
    assert_eq!(field("Gid:"), [CONTROL_PLANE; 4]);
    for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    let observer = std::fs::read_to_string(format!("/proc/{}/status", pids.observer)).unwrap();
    assert!(observer.contains("Uid:\t64002\t64002\t64002\t64002"), "{observer}");

    // Every way to the key or the process that the id has.
    let data = cluster.data.to_str().unwrap();
    let as_control_plane = |script: &str| {
        run("setpriv", &["--reuid", CONTROL_PLANE, "--regid", CONTROL_PLANE, "--clear-groups", "sh", "-c", script])
    };
    let pid = pids.observer;
    for attempt in [
        format!("cat {data}/observer/cosign.key"),
        format!("cat {data}/observer/token"),
        format!("ls {data}/observer"),
        format!("mv {data}/observer {data}/mine"),
        format!("ln {data}/observer/cosign.key {data}/control/key"),
        format!("cat /proc/{pid}/root{data}/observer/cosign.key"),
        format!("cat /proc/{pid}/environ"),
        format!("head -c 1 /proc/{pid}/mem"),
        format!("kill -9 {pid}"),
        format!("kill -STOP {}", pids.supervisor),
    ] {
        let ran = as_control_plane(&attempt);
        assert_ne!(ran.code, Some(0), "`{attempt}` was let through: {ran:?}");
        let said = ran.err.to_lowercase();
        assert!(said.contains("denied") || said.contains("not permitted"), "`{attempt}`: {ran:?}");
    }
    // Its own folder is its own, so the attempts fail for want of a right and not for want of a path.
    as_control_plane(&format!("ls {data}/control")).ok();
    assert!(support::alive(pids.observer));
}

/// It does not work where the border is not there.
#[test]
fn the_control_plane_refuses_to_run_where_it_could_read_the_key() {
    let cluster = Cluster::bare("refusal");
    let data = cluster.data.to_str().unwrap();
    let start = format!("cd {data} && exec {} control-plane --registry-host localhost:1", programs::sluice());
    run("sh", &["-c", &start]).refused(5, &["can open the observer's key", "\n\nhint: `sluice up`"]);
    // An id that cannot read the key, but has a capability. The program is started by an open descriptor, as `up` does it:
    // this id may not be let into the folder that it lies in.
    let script = format!(
        "exec 3<{}; cd {data} && exec setpriv --reuid {CONTROL_PLANE} --regid {CONTROL_PLANE} --clear-groups \
         --inh-caps +net_raw --ambient-caps +net_raw /proc/self/fd/3 control-plane --registry-host localhost:1",
        programs::sluice()
    );
    run("sh", &["-c", &script]).refused(5, &["has capabilities", "\n\nhint: "]);
    // A folder without a key, which would be one without a border.
    let empty = support::folder("no-key");
    let start =
        format!("cd {} && exec {} control-plane --registry-host localhost:1", empty.display(), programs::sluice());
    run("sh", &["-c", &start]).refused(5, &["finds no border around the observer's key"]);
    std::fs::remove_dir_all(empty).unwrap();
}

/// A build task that only says that it is hermetic is told of by the rule that looks at what was witnessed.
#[test]
fn hermetic_by_name_only_is_denied() {
    let cluster = Cluster::full("hermetic");
    let task = programs::workspace().join("tests/fixtures/library/tasks/build/0.1/build.yaml");
    let task = std::fs::read_to_string(task).unwrap();
    let without = task.replace("    sluice.dev/hermetic-param: HERMETIC\n", "");
    assert_ne!(task, without);
    // Even as a trusted task: it is published under the same name.
    cluster.publish_with("tasks/build/0.1/build.yaml", &without);
    let (_, snapshot) = cluster.build(BUILD);
    let release = cluster.release(&snapshot);
    assert_eq!(condition(&release, "Released").unwrap()["status"], "False", "{release:#}");
    let log = cluster.managed_log(&release);
    assert!(log.contains("witness.hermetic_network"), "{log}");
    assert!(log.contains(r#"Task "build" has to be hermetic but step "build" had the network "egress""#), "{log}");
}

/// An attestation that a tenant makes and pushes with its own right and its own key.
#[test]
fn an_attestation_by_another_key_is_refused() {
    let cluster = Cluster::full("alien-key");
    let (run, snapshot) = cluster.build(BUILD);
    let digest = result(&run, "IMAGE_DIGEST").unwrap().to_owned();
    let host = cluster.host().to_owned();
    // The true attestation and signature, signed anew by the tenant: the same statements, another key.
    let key = sluice_keys::SigningKey::generate().unwrap();
    let mut refs = Vec::new();
    for tag in [cosign::attestation_tag(&digest), cosign::signature_tag(&digest)] {
        let reference: Reference = format!("{host}/acme/hello:{tag}").parse().unwrap();
        let manifest = cluster.manifest(&reference.to_string()).unwrap();
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let bytes = cluster.block_on(cluster.registry().blob_bytes(&reference, layer, 1 << 20)).unwrap().to_vec();
            let mut annotations = layer.annotations.clone();
            let bytes = if tag.ends_with(".att") {
                let payload = dsse::Envelope::parse(&bytes).unwrap().payload_unverified().unwrap();
                key.sign_dsse(dsse::INTOTO, &payload).to_vec().unwrap()
            } else {
                annotations.insert(cosign::SIGNATURE.into(), STANDARD.encode(key.sign_der(&bytes)));
                bytes
            };
            let mut layer = Layer::bytes(&layer.media_type, bytes);
            layer.annotations = annotations;
            layers.push(layer);
        }
        refs.push((reference, Artifact { layers, ..Artifact::default() }));
    }
    // With the right that every step of its builds has.
    let tenant = cluster.connection_of("acme", "build-pipeline-hello").registry;
    for (reference, artifact) in refs {
        cluster.block_on(tenant.push_artifact(&reference, &artifact)).unwrap();
    }
    let release = cluster.release(&snapshot);
    assert_eq!(condition(&release, "Released").unwrap()["status"], "False", "{release:#}");
    let log = cluster.managed_log(&release);
    assert!(
        log.contains("builtin.attestation.signature_check") || log.contains("builtin.image.signature_check"),
        "{log}"
    );
    assert!(log.contains(&digest), "{log}");
}

/// A snapshot of an image that nobody signed.
#[test]
fn an_unsigned_image_is_refused() {
    let cluster = Cluster::full("unsigned");
    let image: Reference = format!("{}/acme/hello:by-hand", cluster.host()).parse().unwrap();
    let artifact = Artifact { layers: vec![Layer::bytes("text/plain", b"by hand".to_vec())], ..Artifact::default() };
    let digest = cluster.block_on(cluster.registry().push_artifact(&image, &artifact)).unwrap().to_string();
    cluster.apply(&format!(
        "apiVersion: appstudio.redhat.com/v1alpha1\nkind: Snapshot\nmetadata: {{name: by-hand, namespace: acme}}\n\
         spec: {{application: hello, components: [{{name: hello, containerImage: 'localhost:5000/acme/hello@{digest}'}}]}}\n"
    ));
    let release = cluster.release("by-hand");
    assert_eq!(condition(&release, "Released").unwrap()["status"], "False", "{release:#}");
    let log = cluster.managed_log(&release);
    assert!(log.contains("builtin.image.signature_check"), "{log}");
    assert!(log.contains(&digest), "{log}");
    assert!(!cluster.in_production(&digest));
}

/// Somebody who may patch a status makes another one of it before the observer looks.
#[test]
fn an_edited_status_is_not_signed() {
    let cluster = Cluster::full("edited");
    cluster.apply(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mallory, namespace: acme}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: editor, namespace: acme}\n\
         rules: [{apiGroups: [tekton.dev], resources: [taskruns, taskruns/status], verbs: [get, patch]}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: editor, namespace: acme}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: editor}\n\
         subjects: [{kind: ServiceAccount, name: mallory, namespace: acme}]\n",
    );
    let mallory = cluster.connection_of("acme", "mallory");
    let runs: Api<DynamicObject> = Api::namespaced_with(mallory.client, "acme", &support::resource("taskruns"));
    let observer = cluster.pids().unwrap().observer;
    signal(observer, Signal::STOP);
    let (namespace, name) = cluster.create_one(BUILD);
    let run = cluster.ended("pipelineruns", &namespace, &name);
    let build = format!("{name}-build");
    // The results claim another image, which is what a signature would then be for.
    let task = cluster.get("taskruns", &namespace, &build).unwrap();
    let mut results = task["status"]["results"].clone();
    let forged = format!("sha256:{}", "0".repeat(64));
    for entry in results.as_array_mut().unwrap() {
        if entry["name"] == "IMAGE_DIGEST" {
            entry["value"] = json!(forged);
        }
    }
    let patch = Patch::Merge(json!({"status": {"results": results}}));
    let edited = cluster.block_on(runs.patch_status(&build, &PatchParams::default(), &patch));
    signal(observer, Signal::CONT);
    edited.unwrap();
    for (plural, object) in [("taskruns", build.as_str()), ("pipelineruns", name.as_str())] {
        let end = cluster.signed(plural, &namespace, object);
        let annotations = &end["metadata"]["annotations"];
        assert_eq!(annotations["chains.tekton.dev/signed"], "failed", "{plural} {annotations:#}");
        let why = annotations["sluice.dev/signing-failure"].as_str().unwrap();
        assert!(why.contains("status signature broken"), "{why}");
    }
    let digest = result(&run, "IMAGE_DIGEST").unwrap();
    for tag in [cosign::attestation_tag(digest), cosign::attestation_tag(&forged), cosign::signature_tag(digest)] {
        assert!(cluster.manifest(&format!("{}/acme/hello:{tag}", cluster.host())).is_none(), "{tag}");
    }
}

/// One bit of a trusted artifact is turned where the registry keeps it, between the task that made it and the one that
/// reads it.
#[test]
fn a_flipped_byte_in_an_artifact_stops_its_reader() {
    let cluster = Cluster::full("flipped");
    let (namespace, name) = cluster.create_one(BUILD);
    cluster.ended("pipelineruns", &namespace, &name);
    let source = cluster.get("taskruns", &namespace, &format!("{name}-source")).unwrap();
    let artifact = result(&source, "SOURCE_ARTIFACT").unwrap().to_owned();
    let hex = artifact.rsplit_once("sha256:").unwrap().1;
    let find = run(
        "find",
        &[cluster.data.join("control/registry").to_str().unwrap(), "-type", "f", "-size", "+0", "-name", hex],
    )
    .ok();
    let file = find.lines().next().unwrap_or_else(|| panic!("no file of {artifact}"));
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    // The same consumer reads the same artifact once more.
    let (_, name) = cluster.create_one(&format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{generateName: reader-, namespace: acme}}\nspec:\n  serviceAccountName: build-pipeline-hello\n  \
         params: [{{name: IMAGE, value: 'localhost:5000/acme/hello:flipped'}}, {{name: SOURCE_ARTIFACT, value: '{artifact}'}}]\n  \
         taskRef: {{resolver: bundles, params: [{{name: bundle, value: 'library.sluice.dev/tasks/build:0.1'}}, {{name: name, value: build}}, {{name: kind, value: task}}]}}\n"
    ));
    let run = cluster.ended("taskruns", "acme", &name);
    assert_eq!(condition(&run, "Succeeded").unwrap()["status"], "False", "{run:#}");
    let log = cluster.logs("acme", &run);
    assert!(!log.contains("the first user step"), "{log}");
    assert!(log.contains(hex), "the message names the artifact: {log}");
    let steps = run["status"]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["terminationReason"], "Error");
    assert!(steps[1..].iter().all(|s| s["terminationReason"] == "Skipped"), "{steps:#?}");
    assert!(cluster.manifest(&format!("{}/acme/hello:flipped", cluster.host())).is_none());
}
