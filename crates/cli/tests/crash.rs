//! `kill -9` of each program at each named point, then its own restart or another `sluice up`: nothing acknowledged is
//! lost, a run that was running goes on or ends with a reason that says so, there is at most one statement per run and
//! type, and nothing half-done counts as signed or released.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use rustix::process::Signal;
use serde_json::Value;
use sluice_attest::cosign;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use support::{Cluster, alive, condition, programs, result, signal, until};

const BUILD: &str = include_str!("../../../tests/fixtures/build.yaml");
const WAIT: &str = include_str!("../../../tests/fixtures/wait.yaml");

/// A TaskRun whose step runs now, and its runner.
fn running(cluster: &Cluster) -> (String, u32) {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: gate, namespace: default}\n\
                 spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n";
    cluster.apply(claim);
    let (namespace, name) = cluster.create_one(WAIT);
    assert_eq!(namespace, "default");
    let run = cluster.until("taskruns", (&namespace, &name), |o| o["status"]["steps"][0]["running"].is_object());
    until("its first word", || cluster.logs(&namespace, &run).contains("waiting").then_some(()));
    let runner = until("its runner", || runners(cluster.pids()?.supervisor).pop());
    (name, runner)
}

/// The runners that a supervisor has started.
fn runners(supervisor: u32) -> Vec<u32> {
    children(supervisor).into_iter().filter(|pid| comm(*pid) == "sluice-runner").collect()
}

fn children(parent: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    all.filter(|pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        after.split_whitespace().nth(1) == Some(&parent.to_string())
    })
    .collect()
}

fn comm(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// SIGKILL, and waits for the end.
fn kill(pid: u32) {
    signal(pid, Signal::KILL);
    until("the end of a killed process", || (!alive(pid)).then_some(()));
}

/// Kills the supervisor; all that it started ends with it; `up` starts again.
fn kill_supervisor(cluster: &Cluster) {
    let pids = cluster.pids().unwrap();
    let with_it: Vec<u32> = children(pids.supervisor);
    assert!(with_it.contains(&pids.control_plane) && with_it.contains(&pids.observer));
    kill(pids.supervisor);
    for pid in with_it {
        until(&format!("the end of {} with its supervisor", comm(pid)), || (!alive(pid)).then_some(()));
    }
    support::up(&cluster.data).ok();
}

/// Kills the control plane; the supervisor starts another.
fn kill_control_plane(cluster: &Cluster) {
    let before = cluster.pids().unwrap();
    kill(before.control_plane);
    let after = until("another control plane", || cluster.pids().filter(|p| p.control_plane != before.control_plane));
    assert_eq!((after.supervisor, after.observer), (before.supervisor, before.observer), "only that one");
}

/// At most one statement for each run and type in the image's attestations, and all signed by the observer's key.
fn one_statement_each(cluster: &Cluster, run: &Value) {
    let digest = result(run, "IMAGE_DIGEST").unwrap();
    let tag = cosign::attestation_tag(digest);
    let image: sluice_oci::Reference = format!("{}/acme/hello:{tag}", cluster.host()).parse().unwrap();
    let manifest = cluster.manifest(&image.to_string()).unwrap();
    let key = std::fs::read_to_string(cluster.data.join("cosign.pub")).unwrap();
    let key = sluice_attest::PublicKey::from_pem(&key).unwrap();
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    for layer in &manifest.layers {
        let bytes = cluster.block_on(cluster.registry().blob_bytes(&image, layer, 1 << 20)).unwrap();
        let statement = cosign::verify_attestation(&bytes, digest, &key).unwrap();
        let run = layer.annotations.iter().find(|(name, _)| name.contains("run-uid")).map(|(_, v)| v.clone());
        *seen.entry((run.expect("which run it is about"), statement.predicate_type)).or_default() += 1;
    }
    let of_run: Vec<_> = seen.iter().filter(|((uid, _), _)| run["metadata"]["uid"] == uid.as_str()).collect();
    assert_eq!(of_run.len(), 2, "provenance and witness: {seen:#?}");
    assert!(seen.values().all(|count| *count == 1), "{seen:#?}");
}

fn succeeded(run: &Value) -> (String, String, String) {
    let condition = condition(run, "Succeeded").unwrap();
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

#[test]
fn the_supervisor_while_a_task_runs() {
    let cluster = Cluster::bare("supervisor");
    cluster.publish();
    let (name, _) = running(&cluster);
    kill_supervisor(&cluster);
    let run = cluster.ended("taskruns", "default", &name);
    let (status, reason, message) = succeeded(&run);
    assert_eq!(status, "False", "{run:#}");
    assert!(!reason.is_empty() && message.contains("was lost"), "{reason}: {message}");
    // What comes after runs as ever.
    let (name, _) = running(&cluster);
    goes_on(&cluster, &name);
}

/// The waiting step ends as if nothing had been.
fn goes_on(cluster: &Cluster, name: &str) {
    std::fs::write(cluster.data.join("volumes/default/gate/open"), "").unwrap();
    let run = cluster.ended("taskruns", "default", name);
    assert_eq!(succeeded(&run).0, "True", "{run:#}");
    assert_eq!(result(&run, "WORD"), Some("done"));
}

#[test]
fn the_control_plane_while_a_task_runs() {
    let cluster = Cluster::bare("control-plane");
    cluster.publish();
    let (name, runner) = running(&cluster);
    kill_control_plane(&cluster);
    assert!(alive(runner), "the run goes on without it");
    goes_on(&cluster, &name);
}

#[test]
fn the_runner_while_a_task_runs() {
    let cluster = Cluster::bare("runner");
    cluster.publish();
    let (name, runner) = running(&cluster);
    kill(runner);
    let run = cluster.ended("taskruns", "default", &name);
    let (status, reason, message) = succeeded(&run);
    assert_eq!(status, "False", "{run:#}");
    assert!(!reason.is_empty() && message.contains("was lost"), "{reason}: {message}");
    assert!(message.contains("it was killed by signal 9"), "{message}");
    assert!(run["status"]["results"].as_array().is_none_or(Vec::is_empty), "{run:#}");
}

#[test]
fn right_after_a_create_was_acknowledged() {
    let cluster = Cluster::full("acknowledged");
    let mut runs = Vec::new();
    for round in 0..4 {
        runs.push(cluster.create_one(BUILD));
        match round % 2 {
            0 => kill_control_plane(&cluster),
            _ => kill_supervisor(&cluster),
        }
    }
    for (namespace, name) in runs {
        let run = cluster.ended("pipelineruns", &namespace, &name);
        let (status, reason, message) = succeeded(&run);
        if status != "True" {
            // A task that was running when its supervisor was killed is lost, and one that was pushing when the registry
            // was killed has failed; each says so.
            assert!(message.contains("Failed: "), "{reason}: {message}");
            let of_run = |o: &&Value| o["metadata"]["labels"]["tekton.dev/pipelineRun"] == name.as_str();
            let tasks = cluster.list("taskruns", &namespace);
            let ends: Vec<_> = tasks.iter().filter(of_run).map(succeeded).filter(|end| end.0 != "True").collect();
            assert!(!ends.is_empty(), "{reason}: {message}");
            for (_, reason, message) in ends {
                assert!(message.contains("was lost") || message.contains("exited with code"), "{reason}: {message}");
            }
            // Signed as what it is, a failed run, as Chains does; nothing is made of it.
            let run = cluster.signed("pipelineruns", &namespace, &name);
            assert!(run["metadata"]["annotations"]["appstudio.openshift.io/snapshot"].is_null(), "{run:#}");
        } else {
            let run = cluster.signed("pipelineruns", &namespace, &name);
            assert_eq!(run["metadata"]["annotations"]["chains.tekton.dev/signed"], "true", "{run:#}");
            one_statement_each(&cluster, &run);
        }
    }
}

#[test]
fn the_observer_between_success_and_signature() {
    let cluster = Cluster::full("observer");
    for round in 0..3 {
        let before = cluster.pids().unwrap();
        signal(before.observer, Signal::STOP);
        let (namespace, name) = cluster.create_one(BUILD);
        let run = cluster.ended("pipelineruns", &namespace, &name);
        let (status, _, message) = succeeded(&run);
        assert_eq!(status, "True", "{message}");
        assert!(
            run["metadata"]["annotations"]["chains.tekton.dev/signed"].is_null(),
            "round {round}: nobody signed it"
        );
        if round > 0 {
            // In the middle of its work: it is let go on until it has written something.
            signal(before.observer, Signal::CONT);
            let image = format!(
                "{}/acme/hello:{}",
                cluster.host(),
                cosign::attestation_tag(result(&run, "IMAGE_DIGEST").unwrap())
            );
            let uid = run["metadata"]["uid"].as_str().unwrap().to_owned();
            until("the first statement", || {
                let manifest = cluster.manifest(&image)?;
                manifest.layers.iter().any(|l| l.annotations.values().any(|v| *v == uid)).then_some(())
            });
        }
        kill(before.observer);
        let after = until("another observer", || cluster.pids().filter(|p| p.observer != before.observer));
        assert_eq!((after.supervisor, after.control_plane), (before.supervisor, before.control_plane), "only that one");
        let run = cluster.signed("pipelineruns", &namespace, &name);
        assert_eq!(run["metadata"]["annotations"]["chains.tekton.dev/signed"], "true", "{run:#}");
        one_statement_each(&cluster, &run);
    }
}

/// The control plane is killed at each station from the build to the release.
#[test]
fn at_each_station_of_a_release() {
    let cluster = Cluster::full("stations");
    let (namespace, name) = cluster.create_one(BUILD);
    kill_control_plane(&cluster);
    cluster.until("taskruns", (&namespace, &format!("{name}-source")), |o| condition(o, "Succeeded").is_some());
    kill_control_plane(&cluster);
    cluster.ended("pipelineruns", &namespace, &name);
    kill_control_plane(&cluster);
    let run = cluster.signed("pipelineruns", &namespace, &name);
    // Of a run that failed, its TaskRuns say why.
    let ends = || cluster.list("taskruns", &namespace).iter().map(succeeded).collect::<Vec<_>>();
    assert_eq!(succeeded(&run).0, "True", "{:?} {run:#}", ends());
    kill_control_plane(&cluster);
    until("the snapshot", || (!cluster.list("snapshots", &namespace).is_empty()).then_some(()));
    kill_control_plane(&cluster);
    until("the test's run", || (cluster.list("pipelineruns", &namespace).len() > 1).then_some(()));
    kill_control_plane(&cluster);
    until("the release", || (!cluster.list("releases", &namespace).is_empty()).then_some(()));
    kill_control_plane(&cluster);
    until("the managed run", || (!cluster.list("pipelineruns", "acme-managed").is_empty()).then_some(()));
    kill_control_plane(&cluster);
    released_once(&cluster);
    one_statement_each(&cluster, &run);
}

/// One Snapshot, one Release, one managed run; published.
fn released_once(cluster: &Cluster) {
    let release = until("the release", || cluster.list("releases", "acme").pop());
    let release = cluster.release_end("acme", release["metadata"]["name"].as_str().unwrap());
    assert_eq!(condition(&release, "Released").unwrap()["status"], "True", "{release:#}");
    for (plural, namespace) in [("snapshots", "acme"), ("releases", "acme"), ("pipelineruns", "acme-managed")] {
        assert_eq!(cluster.list(plural, namespace).len(), 1, "{plural}");
    }
    let snapshot = cluster.list("snapshots", "acme").pop().unwrap();
    let image = snapshot["spec"]["components"][0]["containerImage"].as_str().unwrap();
    assert!(cluster.in_production(image.rsplit_once('@').unwrap().1), "{image}");
}

/// The command line only creates and watches.
#[test]
fn the_command_line_right_after_the_create() {
    let cluster = Cluster::full("command-line");
    let file = cluster.file(BUILD);
    let mut child = cluster
        .command(programs::sluice())
        .args(["run", "-n", "acme", "-f", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("pipelinerun/"), "{line}");
    released_once(&cluster);
}
