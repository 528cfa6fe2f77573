//! Steps through the real program: order, results, failure, timeouts, cancellation, logs, limits, volumes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use std::fs;
use support::{data, script};

#[test]
fn steps_run_in_order_and_share_what_tekton_shares() {
    let Some(data) = data() else { return };
    let ran = data.run(
        "order",
        vec![
            script("one", "echo -n first > /workspace/file; echo -n v > /tekton/results/r; echo -n s > /tekton/steps/step-one/results/x; pwd; hostname"),
            json!({ "name": "two", "script": "cat /workspace/file\nfalse\necho not reached", "onErrorContinue": true }),
            json!({ "name": "three", "command": ["sh", "-c", "cat /tekton/steps/step-two/exitCode; echo $A$0 $HOME", "x"], "env": [["A", "b"]] }),
            json!({ "name": "four", "script": "#!/bin/sh\necho \"$@\"; id -u; id -g; pwd; echo $HOME; umask", "command": ["a", "b c"], "runAsUser": 1001, "workingDir": "sub" }),
        ],
        json!({ "results": ["r", "absent"] }),
    );
    assert_eq!((ran.outcome(), ran.code), ("succeeded", 0), "{}", ran.stderr);
    assert_eq!(ran.logs[0], "/workspace\norder-pod\n");
    assert_eq!(ran.logs[1], "first");
    assert_eq!(ran.logs[2], "1bx /root\n");
    assert_eq!(ran.logs[3], "a b c\n1001\n1002\n/workspace/sub\n/home/build\n0022\n");
    assert_eq!(ran.reason("one"), (0, "Completed"));
    assert_eq!(ran.reason("two"), (1, "Continued"));
    assert_eq!(ran.result("r"), Some("v"));
    assert_eq!(ran.result("absent"), None);
    let names: Vec<&str> = ran.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let pair = ["stepStarted", "stepFinished"];
    assert_eq!(names, [&["started"], &pair[..], &pair, &pair, &pair, &["finished"]].concat());
    assert_eq!(ran.witness("one")["network"], "none");
    assert!(ran.witness("one")["image"].as_str().unwrap().starts_with("busybox@sha256:"));
}

#[test]
fn step_results_are_read_for_each_step() {
    let Some(data) = data() else { return };
    let mut step =
        script("one", "echo -n s > /tekton/steps/step-one/results/x; echo -n t > /tekton/steps/one/results/y");
    step["results"] = json!(["x", "y", "z"]);
    let ran = data.run("stepresults", vec![step], json!({}));
    assert_eq!(ran.step("one")["results"], json!({ "x": "s", "y": "t" }));
}

#[test]
fn after_a_failure_the_rest_is_skipped_and_results_are_still_read() {
    let Some(data) = data() else { return };
    let ran = data.run(
        "fails",
        vec![script("one", "echo -n r > /tekton/results/r; exit 7"), script("two", "echo ran")],
        json!({ "results": ["r"] }),
    );
    assert_eq!((ran.outcome(), ran.code), ("stepFailed", 0));
    assert_eq!(ran.reason("one"), (7, "Error"));
    assert_eq!(ran.reason("two"), (1, "Skipped"));
    assert_eq!(ran.logs[1], "");
    assert_eq!(ran.result("r"), Some("r"));
}

#[test]
fn a_program_that_is_not_there_fails_as_in_a_shell() {
    let Some(data) = data() else { return };
    let ran = data.run("missing", vec![json!({ "name": "one", "command": ["nonsense"] })], json!({}));
    assert_eq!(ran.reason("one"), (127, "Error"));
    assert!(ran.logs[0].contains("cannot start `nonsense`"), "{}", ran.logs[0]);
    let ran = data.run("notexec", vec![json!({ "name": "one", "command": ["/etc/passwd"] })], json!({}));
    assert_eq!(ran.reason("one"), (126, "Error"));
}

#[test]
fn a_signal_is_128_and_its_number() {
    let Some(data) = data() else { return };
    let ran = data.run("signal", vec![script("one", "kill -9 $$")], json!({}));
    assert_eq!(ran.reason("one"), (137, "Error"));
}

#[test]
fn timeouts_and_cancellation_end_everything() {
    let Some(data) = data() else { return };
    let mut step = script("one", "sleep 1000 & setsid sleep 1000 & sleep 1000");
    step["timeoutSeconds"] = json!(1);
    let ran = data.run("steptimeout", vec![step, script("two", "true")], json!({}));
    assert_eq!(ran.outcome(), "stepFailed");
    assert_eq!(ran.reason("one").1, "TimeoutExceeded");
    assert_eq!(ran.reason("two"), (1, "Skipped"));

    let ran = data.run(
        "runtimeout",
        vec![script("one", "sleep 1000"), script("two", "true")],
        json!({ "timeoutSeconds": 1 }),
    );
    assert_eq!(ran.outcome(), "timedOut");
    assert_eq!(ran.reason("one").1, "TimeoutExceeded");

    let spec = data.spec("cancel", vec![script("one", "echo begun; sleep 1000"), script("two", "true")], json!({}));
    let child = data.start(&spec);
    data.wait_for_log("cancel", "one", "begun");
    fs::write(data.path("runs/cancel/cancel"), "").unwrap();
    let ran = data.finish(&spec, child.wait_with_output().unwrap());
    assert_eq!(ran.outcome(), "cancelled");
    assert_eq!(ran.reason("one").1, "Cancelled");

    fs::create_dir_all(data.path("runs/early")).unwrap();
    fs::write(data.path("runs/early/cancel"), "").unwrap();
    let ran = data.run("early", vec![script("one", "echo begun")], json!({}));
    assert_eq!((ran.outcome(), ran.logs[0].as_str()), ("cancelled", ""));
}

#[test]
fn what_a_step_leaves_running_does_not_hold_the_run_up() {
    let Some(data) = data() else { return };
    let ran = data.run("leftover", vec![script("one", "sleep 1000 & echo done")], json!({}));
    assert_eq!((ran.outcome(), ran.logs[0].as_str()), ("succeeded", "done\n"));
}

#[test]
fn logs_are_cut_with_a_line_that_says_so() {
    let Some(data) = data() else { return };
    let noisy = "i=0; while [ $i -lt 300 ]; do echo 0123456789; i=$((i+1)); done; echo err >&2";
    let ran = data.run("log", vec![script("one", noisy)], json!({ "maxLogBytes": 1005 }));
    assert_eq!(ran.outcome(), "succeeded");
    let (kept, note) = ran.logs[0].split_at(1005);
    assert!(kept.starts_with("0123456789\n"));
    assert_eq!(note, "\n[log cut at 1005 bytes; the rest was dropped]\n");
}

#[test]
fn results_have_a_limit_and_must_be_files() {
    let Some(data) = data() else { return };
    let ran = data.run(
        "large",
        vec![script("one", "head -c 5000 /dev/zero > /tekton/results/r")],
        json!({ "results": ["r"] }),
    );
    assert_eq!(ran.finished()["outcome"], json!({ "kind": "resultTooLarge", "name": "r" }));
    let exact = vec![script("one", "head -c 4096 /dev/zero | tr '\\0' x > /tekton/results/r")];
    let ran = data.run("exact", exact, json!({ "results": ["r"] }));
    assert_eq!((ran.outcome(), ran.result("r").unwrap().len()), ("succeeded", 4096));
    for (id, make) in [
        ("link", "ln -s /etc/passwd /tekton/results/r"),
        ("up", "ln -s ../../../spec.json /tekton/results/r"),
        ("fifo", "mkfifo /tekton/results/r"),
        ("folder", "mkdir /tekton/results/r"),
    ] {
        let ran = data.run(id, vec![script("one", make)], json!({ "results": ["r"] }));
        assert_eq!((ran.outcome(), ran.result("r")), ("sandboxFailed", None), "{id}");
        assert!(ran.message().contains("the result `r` is not a regular file"), "{id}: {}", ran.message());
    }
    // A step's exit code is written through no link that the step has put there.
    let ran = data.run(
        "exitlink",
        vec![script("one", "ln -s /workspace/x /tekton/steps/step-one/exitCode"), script("two", "ls /workspace")],
        json!({}),
    );
    assert_eq!((ran.outcome(), ran.logs[1].as_str()), ("succeeded", ""));
}

#[test]
fn memory_and_processes_are_limited_where_cgroups_allow() {
    let Some(data) = data() else { return };
    let mut hog = script("one", "perl -e '$x = \"x\" x (256 << 20); print length $x'");
    hog["memoryLimit"] = json!(64 << 20);
    hog["cpuMillis"] = json!(500);
    let ran = data.run("memory", vec![hog], json!({}));
    if ran.stderr.contains("no cgroup limits") {
        println!("NOT TESTED: {}", ran.stderr);
        return;
    }
    assert_eq!(ran.reason("one").1, "OOMKilled", "{:?}", ran.logs);
}

#[test]
fn a_fork_bomb_ends_with_its_step() {
    let Some(data) = data() else { return };
    let bomb = "perl -e 'my $n = 0; while (1) { my $p = fork; last unless defined $p; if ($p == 0) { sleep 1000; exit } $n++ ; last if $n > 20000 } print $n'";
    let ran = data.run("bomb", vec![script("one", bomb)], json!({}));
    let count: u64 = ran.logs[0].trim().parse().unwrap_or_else(|_| panic!("{}", ran.logs[0]));
    assert!(count < 10_000, "{count} processes");
    assert_eq!(ran.outcome(), "succeeded");
}

#[test]
fn volumes() {
    let Some(data) = data() else { return };
    let mut first = script(
        "one",
        "cat /conf/a/b; echo x > /conf/a/b; echo kept > /claim/file; echo shared > /scratch/file; cat /single; echo no > /ro/x; mkdir /claim/sub",
    );
    first["mounts"] = json!([
        { "volume": "conf", "path": "/conf" },
        { "volume": "conf", "path": "/single", "subPath": "c" },
        { "volume": "claim", "path": "/claim" },
        { "volume": "empty", "path": "/scratch" },
        { "volume": "empty", "path": "/ro", "readOnly": true },
    ]);
    let mut second = script("two", "cat /in/file; ls /deep; pwd");
    second["mounts"] = json!([
        { "volume": "empty", "path": "/in" },
        { "volume": "claim", "path": "/deep", "subPath": "made/here" },
    ]);
    second["runAsUser"] = json!(1001);
    let volumes = json!({ "volumes": [
        { "name": "conf", "source": { "files": { "files": { "a/b": "Y29uZgo=", "c": "c2luZ2xlCg==" }, "mode": 0 } } },
        { "name": "empty", "source": { "emptyDir": {} } },
        { "name": "claim", "source": { "claim": { "path": "volumes/acme/data" } } },
    ]});
    let ran = data.run("volumes", vec![first, second], volumes);
    assert_eq!(ran.outcome(), "succeeded", "{} {:?}", ran.message(), ran.logs);
    assert!(ran.logs[0].starts_with("conf\n") && ran.logs[0].contains("single\n"), "{}", ran.logs[0]);
    assert_eq!(ran.logs[0].matches("Read-only file system").count(), 2, "{}", ran.logs[0]);
    assert_eq!(ran.logs[1], "shared\n/workspace\n");
    assert_eq!(fs::read_to_string(data.path("volumes/acme/data/file")).unwrap(), "kept\n");
    assert!(!data.path("runs/volumes/sandbox/volumes").exists());
}

#[test]
fn a_sub_path_through_a_link_is_refused() {
    let Some(data) = data() else { return };
    let mut first = script("one", "ln -s / /claim/root; ln -s ../../.. /claim/up");
    first["mounts"] = json!([{ "volume": "claim", "path": "/claim" }]);
    let volumes = json!({ "volumes": [{ "name": "claim", "source": { "claim": { "path": "volumes/acme/links" } } }] });
    data.run("plant", vec![first], volumes.clone());
    for (id, sub) in [("viaroot", "root/etc"), ("viaup", "up/runs"), ("self", "root")] {
        let mut step = script("one", "ls /in");
        step["mounts"] = json!([{ "volume": "claim", "path": "/in", "subPath": sub }]);
        let ran = data.run(id, vec![step], volumes.clone());
        assert_eq!((ran.outcome(), ran.logs[0].contains("spec.json")), ("sandboxFailed", false), "{:?}", ran.logs);
    }
}

#[test]
fn a_run_is_never_started_twice() {
    let Some(data) = data() else { return };
    data.run("twice", vec![script("one", "true")], json!({}));
    let again = data.run("twice", vec![script("one", "true")], json!({}));
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("was started before"), "{}", again.stderr);
}

#[test]
fn bad_specifications_are_refused_with_one_line() {
    let Some(data) = data() else { return };
    let good = || script("one", "true");
    let with = |key: &str, value: serde_json::Value| {
        let mut step = good();
        step[key] = value;
        step
    };
    let cases = [
        ("v", vec![good()], json!({ "v": 2 }), "version 2 is not known"),
        ("id", vec![good()], json!({ "id": "id", "pod": "../x" }), "pod `../x`"),
        ("ns", vec![good()], json!({ "namespace": "a/b" }), "namespace `a/b`"),
        ("none", vec![], json!({}), "at least one"),
        ("name", vec![with("name", json!("../a"))], json!({}), "`../a`"),
        ("twice2", vec![good(), good()], json!({}), "`one` is there twice"),
        ("cmd", vec![json!({ "name": "one" })], json!({}), "command: empty"),
        (
            "layer",
            vec![with("image", json!({ "reference": "x", "layers": ["sha256:../../x"] }))],
            json!({}),
            "not a sha256",
        ),
        ("uid", vec![with("runAsUser", json!(70000))], json!({}), "70000"),
        ("env", vec![with("env", json!([["A=B", "c"]]))], json!({}), "`A=B`"),
        ("mount", vec![with("mounts", json!([{ "volume": "x", "path": "/a" }]))], json!({}), "no volume `x`"),
        (
            "claim",
            vec![good()],
            json!({ "volumes": [{ "name": "c", "source": { "claim": { "path": "volumes/../control" } } }] }),
            "claim's namespace `..`",
        ),
        ("result", vec![good()], json!({ "results": ["../spec.json"] }), "`../spec.json`"),
    ];
    for (id, steps, more, wanted) in cases {
        let ran = data.run(id, steps, more);
        assert_eq!((ran.code, ran.events.len()), (1, 0), "{id}");
        assert_eq!(ran.stderr.lines().count(), 1, "{id}: {}", ran.stderr);
        assert!(ran.stderr.contains(wanted), "{id}: {}", ran.stderr);
    }
}

#[test]
fn a_missing_layer_is_named() {
    let Some(data) = data() else { return };
    let layer = format!("sha256:{}", "0".repeat(64));
    let mut step = script("one", "true");
    step["image"] = json!({ "reference": "x@sha256:1", "layers": [layer] });
    let ran = data.run("nolayer", vec![step], json!({}));
    assert_eq!((ran.outcome(), ran.code), ("sandboxFailed", 0));
    assert!(ran.message().contains(&layer) && ran.message().contains("not unpacked"), "{}", ran.message());
}

#[test]
fn start_overhead() {
    let Some(data) = data() else { return };
    let mut all: Vec<_> = (0..20)
        .map(|count| {
            let start = std::time::Instant::now();
            data.run(&format!("fast-{count}"), vec![json!({ "name": "one", "command": ["true"] })], json!({}));
            start.elapsed()
        })
        .collect();
    all.sort();
    println!("one `true` step, whole program, build and machine as they are: median {:?}, least {:?}", all[10], all[0]);
}
