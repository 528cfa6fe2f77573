//! Who dies with whom: a killed runner leaves no process, no mount and no event that says that the run finished.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use std::fs;
use std::process::Command;
use support::{data, script, wait_for};

/// Processes whose command line or environment has the text.
fn processes(marker: &str) -> Vec<u32> {
    let has = |pid: &u32| {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let text = [read("cmdline"), read("environ")].concat();
        String::from_utf8_lossy(&text).contains(marker)
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has).collect()
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

#[test]
fn a_killed_runner_or_monitor_takes_everything_with_it() {
    let Some(data) = data() else { return };
    for (id, killed) in [("killrunner", 0), ("killmonitor", 1), ("killinit", 2)] {
        let marker = format!("marker-{id}-{}", std::process::id());
        let mut step = script("one", "sleep 1000 & setsid sleep 1000 & (trap '' TERM HUP INT; echo begun; sleep 1000)");
        step["env"] = json!([["MARKER", marker]]);
        step["network"] = json!("egress");
        let spec = data.spec(id, vec![step], json!({}));
        let child = data.start(&spec);
        data.wait_for_log(id, "one", "begun");
        let monitor = children(child.id())[0];
        let of_monitor = children(monitor);
        assert_eq!(of_monitor.len(), 2, "relay and init");
        assert!(processes(&marker).len() >= 3);
        kill(match killed {
            0 => child.id(),
            1 => monitor,
            _ => of_monitor[1],
        });
        let output = child.wait_with_output().unwrap();
        wait_for("the end of all processes", || processes(&marker).is_empty());
        wait_for("the end of the helpers", || {
            of_monitor.iter().chain([&monitor]).all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap())
        });
        let ran = data.finish(&spec, output);
        if killed == 2 {
            assert_eq!((ran.code, ran.outcome()), (0, "sandboxFailed"));
            assert!(ran.message().contains("init process was killed"), "{}", ran.message());
        } else {
            assert_ne!(ran.code, 0);
            assert!(ran.events.iter().all(|event| event["event"] != "finished"), "{:?}", ran.events);
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("/boxes/"), "no mount is seen by the host");
}

#[test]
fn the_processes_of_a_run_have_less_privilege_each() {
    let Some(data) = data() else { return };
    let mut step = script("one", "echo begun; sleep 1000");
    step["network"] = json!("egress");
    let spec = data.spec("privileges", vec![step], json!({}));
    let child = data.start(&spec);
    data.wait_for_log("privileges", "one", "begun");
    let status = |pid: u32, key: &str| -> String {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let launcher = child.id();
    let monitor = children(launcher)[0];
    let [relay, init] = children(monitor)[..] else { panic!("relay and init") };
    for (pid, uid, caps) in [
        (launcher, "0 0 0 0", Some(0)),
        (monitor, "1000000", None),
        (relay, "1065534", Some(0)),
        (init, "1000000", None),
    ] {
        assert!(status(pid, "Uid:").starts_with(uid), "{pid}: {}", status(pid, "Uid:"));
        if let Some(caps) = caps {
            for set in ["CapEff:", "CapPrm:"] {
                assert_eq!(u64::from_str_radix(&status(pid, set), 16).unwrap(), caps, "{pid} {set}");
            }
            assert_eq!(status(pid, "NoNewPrivs:"), "1");
        }
    }
    assert_eq!(status(relay, "Seccomp:"), "2");
    let namespace = |pid: u32, kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
    for kind in ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"] {
        assert_ne!(namespace(init, kind), namespace(std::process::id(), kind), "{kind}");
    }
    assert_ne!(namespace(monitor, "user"), namespace(std::process::id(), "user"));
    assert_ne!(namespace(monitor, "user"), namespace(init, "user"));
    // The relay holds its socket, the listening sockets, and what every process has.
    let open =
        fs::read_dir(format!("/proc/{relay}/fd")).unwrap().flatten().map(|entry| fs::read_link(entry.path()).unwrap());
    let files: Vec<_> = open.filter(|path| path.starts_with(data.path(""))).collect();
    assert!(files.is_empty(), "{files:?}");
    fs::write(data.path("runs/privileges/cancel"), "").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn a_run_of_several_steps_leaves_no_cgroup_and_no_large_folder() {
    let Some(data) = data() else { return };
    let steps = (0..3)
        .map(|count| script(&format!("s{count}"), "mkdir -p $(seq -s / 1 200); head -c 100000 /dev/zero > /big"))
        .collect();
    let ran = data.run("tidy", steps, json!({}));
    assert_eq!(ran.outcome(), "succeeded", "{:?}", ran.logs);
    assert!(!data.path("runs/tidy/sandbox/boxes").exists(), "{}", ran.stderr);
    for hierarchy in ["pids", "memory", "cpu", "."] {
        assert!(!std::path::Path::new("/sys/fs/cgroup").join(hierarchy).join("sluice/tidy").exists());
    }
}
