//! From inside a step: what it tries against the host, other runs, the kernel and its own sandbox fails. Each probe is a
//! scenario of its own: a script whose last line says `denied` or `REACHED`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use std::fs;
use support::{Data, Ran, data, script};

/// Probes that only need a shell: `reach` succeeds if the step got what it must not get.
const SHELL: &[(&str, &str)] = &[
    ("the host's files", "ls /proc/1/root/root /../home /host 2>/dev/null | grep ."),
    ("the data folder", "ls /runs /layers /control /observer /proc/1/cwd/runs /proc/1/root/runs 2>/dev/null | grep ."),
    ("other runs' files", "find / -xdev -name spec.json -o -xdev -name events.jsonl 2>/dev/null | grep ."),
    (
        "process 1's memory, environment or descriptors",
        "cat /proc/1/environ || head -c1 /proc/1/mem || ls /proc/1/fd | grep . || readlink /proc/1/exe || cat /proc/1/maps",
    ),
    ("host processes", "test $(ls /proc | grep -c '^[0-9]') -gt 6"),
    ("killing process 1", "kill -9 1; sleep 0.2; kill -0 1 && false"),
    ("mounting a tmpfs", "mount -t tmpfs none /tmp"),
    ("mounting proc", "mount -t proc none /tmp"),
    ("bind mounts", "mount -o bind /bin /tmp"),
    ("remounting /proc/sys", "mount -o remount,rw /proc/sys"),
    ("unmounting masks", "umount /proc/kallsyms || umount /proc/sys || umount -l /tekton/steps"),
    ("a user namespace", "unshare -U true || unshare -r true"),
    ("other namespaces", "unshare -m true || unshare -n true || unshare -p true || unshare -i true || unshare -u true"),
    ("entering namespaces", "nsenter -t 1 -m true || nsenter -t 1 -n true || nsenter -t 1 -U true"),
    ("changing the host name", "hostname evil"),
    (
        "writing /proc/sys",
        "echo 1 > /proc/sys/net/ipv4/ip_forward || echo x > /proc/sys/kernel/core_pattern || echo 1 > /proc/sys/vm/drop_caches",
    ),
    ("sysrq", "echo b > /proc/sysrq-trigger"),
    ("writing /sys", "ls /sys | grep . || echo x > /sys/x || mkdir /sys/x"),
    (
        "kernel memory and keys",
        "grep . /proc/kcore || grep . /proc/keys || grep . /proc/kallsyms || grep . /proc/kmsg || grep . /proc/timer_list",
    ),
    ("the kernel's log", "dmesg"),
    (
        "devices",
        "mknod /tmp/sda b 8 0 || mknod /tmp/mem c 1 1 || test -e /dev/sda -o -e /dev/vda -o -e /dev/mem -o -e /dev/kmsg",
    ),
    ("cgroups", "ls /sys/fs/cgroup 2>/dev/null | grep . || mount -t cgroup none /tmp || mount -t cgroup2 none /tmp"),
    (
        "other steps' folders",
        "echo x > /tekton/steps/step-other/x || echo x > /tekton/run/1/x || rm -r /tekton/steps/step-other || echo x > /tekton/scripts/script-1 || ln -s x /tekton/steps/x",
    ),
    ("the clock", "date -s 2001-01-01; test $(date +%Y) = 2001"),
    ("a credential", "cat /tekton/creds/.docker/config.json || env | grep -i 'auth\\|docker\\|proxy'"),
    ("an inherited descriptor", "ls /proc/self/fd | grep -v '^[0123]$' | grep ."),
    ("gaining privileges", "grep -q 'NoNewPrivs:.0' /proc/self/status || grep -q 'Seccomp:.0' /proc/self/status"),
    (
        "capabilities",
        "grep CapEff /proc/self/status | grep -v 00000000280425fb || grep CapBnd /proc/self/status | grep -v 00000000280425fb",
    ),
    ("another network interface", "ip -o link | grep -v ' lo:' | grep UP"),
    (
        "chroot to find the host",
        "mkdir -p /tmp/c/bin && cp /bin/busybox /tmp/c/bin/ && chroot /tmp/c /bin/busybox ls ../../../../runs",
    ),
];

/// Probes by system call: the expression is true if the call went through. Numbers are those of x86-64.
const CALLS: &[(&str, &str)] = &[
    ("ptrace of process 1", "syscall(101, 16, 1, 0, 0) == 0"),
    (
        "ptrace of a child",
        "my $p = fork; if (!$p) { sleep 5; exit } my $r = syscall(101, 16, $p, 0, 0) == 0; kill 9, $p; $r",
    ),
    ("ptrace TRACEME", "syscall(101, 0, 0, 0, 0) == 0"),
    ("process_vm_readv", "syscall(310, 1, 0, 0, 0, 0, 0) >= 0"),
    ("pidfd_getfd", "my $p = syscall(434, 1, 0); syscall(438, $p, 0, 0) >= 0"),
    ("kexec_load", "syscall(246, 0, 0, 0, 0) == 0 || $! != 1"),
    ("init_module", "syscall(175, 0, 0, $word) == 0 || $! != 1"),
    ("finit_module", "syscall(313, 0, $word, 0) == 0 || $! != 1"),
    ("bpf", "syscall(321, 0, 0, 0) >= 0 || $! != 1"),
    ("perf_event_open", "syscall(298, 0, 0, -1, -1, 0) >= 0 || $! != 1"),
    ("userfaultfd", "syscall(323, 0) >= 0 || $! != 1"),
    ("io_uring_setup", "syscall(425, 1, 0) >= 0 || $! != 1"),
    ("keyctl", "syscall(250, 0, -3, 1) >= 0 || $! != 1"),
    ("add_key", "syscall(248, $word, $word, $word, 1, -3) >= 0 || $! != 1"),
    ("open_by_handle_at", "syscall(304, 0, 0, 0) >= 0 || $! != 1"),
    ("clone with a user namespace", "syscall(56, 0x10000011, 0, 0, 0, 0) >= 0 || $! != 1"),
    ("clone with a network namespace", "syscall(56, 0x40000011, 0, 0, 0, 0) >= 0 || $! != 1"),
    ("clone3", "syscall(435, 0, 0) >= 0 || $! != 38"),
    ("unshare of a user namespace", "syscall(272, 0x10000000) == 0 || $! != 1"),
    ("setns", "open(my $f, '<', '/proc/self/ns/net'); syscall(308, fileno($f), 0) == 0 || $! != 1"),
    ("fsopen", "syscall(430, $word, 0) >= 0 || $! != 1"),
    ("open_tree", "syscall(428, -100, $slash, 1) >= 0 || $! != 1"),
    ("mount_setattr", "syscall(442, -100, $slash, 0, 0, 0) == 0 || $! != 1"),
    ("pivot_root", "syscall(155, $slash, $slash) == 0 || $! != 1"),
    ("a vsock socket", "syscall(41, 40, 1, 0) >= 0 || $! != 1"),
    ("a packet socket", "syscall(41, 17, 3, 768) >= 0 || $! != 1"),
    ("a crypto socket", "syscall(41, 38, 5, 0) >= 0 || $! != 1"),
    ("typing into the terminal", "syscall(16, 0, 0x5412, $word) == 0 || $! != 1"),
    ("an unknown execution domain", "syscall(135, 0x0400000) >= 0 || $! != 1"),
    ("a call that does not exist yet", "syscall(470, 0) >= 0 || $! != 38"),
    ("a call by its x32 number", "syscall(0x40000000 + 39) >= 0 || $! != 38"),
    ("reboot", "syscall(169, 0xfee1dead, 672274793, 0, 0) == 0 || $! != 1"),
    ("setting the clock", "syscall(227, 0, $time) == 0"),
    ("a foreign id", "syscall(105, 70000) == 0"),
];

/// One script for all probes, each in a shell of its own.
fn all_probes() -> String {
    let mut text = String::new();
    for (name, reach) in SHELL {
        let name = name.replace('\'', "");
        let reach = reach.replace('\'', "'\\''");
        text.push_str(&format!(
            "if sh -c '{reach}' >/dev/null 2>&1; then echo 'REACHED {name}'; else echo 'denied {name}'; fi\n"
        ));
    }
    // Perl passes constants as read-only, and refuses.
    let before = "my ($word, $slash, $time) = (\"word\", \"/\", pack(\"qq\", 1, 0));";
    for (name, call) in CALLS {
        let call = call.replace('\'', "'\\''");
        text.push_str(&format!(
            "if perl -e '{before} my $r = do {{ {call} }}; exit($r ? 0 : 1)' 2>/dev/null; then echo 'REACHED {name}'; else test $? -eq 1 && echo 'denied {name}'; fi\n"
        ));
    }
    text
}

fn check(ran: &Ran, log: &str) {
    assert_eq!(ran.outcome(), "succeeded", "{} {log}", ran.message());
    let reached: Vec<&str> = log.lines().filter(|line| line.starts_with("REACHED")).collect();
    assert!(reached.is_empty(), "{reached:#?}");
    let denied = log.lines().filter(|line| line.starts_with("denied")).count();
    assert_eq!(denied, SHELL.len() + CALLS.len(), "every probe has to say something: {log}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_a_step_must_not_reach_it_does_not_reach() {
    let Some(data) = data() else { return };
    // Another run's files are there to be found.
    data.run("neighbour", vec![script("one", "true")], json!({}));
    let other = || json!({ "name": "other", "command": ["true"] });
    let mut plain = script("probe", &all_probes());
    let ran = data.run("asroot", vec![plain.clone(), other()], json!({}));
    check(&ran, &ran.logs[0]);
    plain["runAsUser"] = json!(1001);
    let ran = data.run("asuser", vec![plain, other()], json!({}));
    let log = ran.logs[0].replace("REACHED capabilities", "denied capabilities");
    check(&ran, &log);
    assert!(data.path("runs/neighbour/spec.json").exists());
}

#[test]
fn a_user_other_than_root_has_no_capability() {
    let Some(data) = data() else { return };
    let mut step = script("one", "grep Cap /proc/self/status");
    step["runAsUser"] = json!(1001);
    let ran = data.run("caps", vec![step], json!({}));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(ran.logs[0].contains(&format!("{set}:\t0000000000000000")), "{}", ran.logs[0]);
    }
}

#[test]
fn a_nested_step_may_make_namespaces_but_not_leave_its_own() {
    let Some(data) = data() else { return };
    let mut step = script(
        "one",
        "unshare -r -m sh -c 'mount -t tmpfs none /tmp && echo mounted; chroot / true && echo chroot'
        ls /proc/1/root/runs 2>/dev/null | grep . && echo REACHED files
        cat /proc/1/environ && echo REACHED environ
        nsenter -t 1 -m true && echo REACHED namespaces
        perl -e 'exit(syscall(101, 16, 1, 0, 0) == 0 ? 0 : 1)' && echo REACHED ptrace
        perl -e 'exit(syscall(321, 0, 0, 0) >= 0 ? 0 : 1)' && echo REACHED bpf
        mount -t cgroup none /tmp && echo REACHED cgroup
        mount -t ext4 /dev/vda /tmp && echo REACHED disk
        mknod /tmp/m b 8 0 && echo REACHED device
        echo 1 > /proc/sys/kernel/panic && echo REACHED sys
        true",
    );
    step["nested"] = json!(true);
    let ran = data.run("nested", vec![step], json!({}));
    assert_eq!(ran.outcome(), "succeeded", "{:?}", ran.logs);
    assert!(ran.logs[0].contains("mounted\nchroot\n"), "{}", ran.logs[0]);
    assert!(!ran.logs[0].contains("REACHED"), "{}", ran.logs[0]);
}

#[test]
fn a_hostile_image_does_not_lead_the_sandbox_out_of_its_root() {
    use support::Entry::{File, Folder, Link};
    let Some(data) = data() else { return };
    fs::create_dir_all(data.path("outside")).unwrap();
    let outside = data.path("outside").to_str().unwrap().to_owned();
    let hostile = support::tar(&[
        Folder("etc"),
        Link("etc/hosts", "/../../../../../../../../etc/sluice-hostile"),
        Link("etc/resolv.conf", "/proc/self/cwd/evil"),
        Link("workspace", "/somewhere"),
        Link("deep", "../../../../../../.."),
        Link("out", "/outside-the-root"),
        File("etc/hostname", b"x", 0o444),
    ]);
    let layer = data.unpack("hostile", &[hostile]).unwrap().remove(0);
    let mut step = script("one", "cat /etc/hostname; ls /deep/in; ls /out; cat /etc/resolv.conf; echo end");
    step["image"] = json!({ "reference": "x@sha256:1", "layers": [data.layer, layer] });
    step["mounts"] = json!([{ "volume": "empty", "path": "/deep/in" }, { "volume": "empty", "path": "/out/x" }]);
    let volumes = json!({ "volumes": [{ "name": "empty", "source": { "emptyDir": {} } }] });
    let ran = data.run("hostileimage", vec![step], volumes);
    assert!(["succeeded", "sandboxFailed"].contains(&ran.outcome()), "{:?}", ran.logs);
    assert!(!fs::exists("/etc/sluice-hostile").unwrap() && !fs::exists("/in").unwrap());
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    for name in ["proc", "sys", "dev"] {
        let layer = data.unpack(name, &[support::tar(&[Link(name, "/etc")])]).unwrap().remove(0);
        let mut step = script("one", "true");
        step["image"] = json!({ "reference": "x@sha256:1", "layers": [data.layer, layer] });
        let ran = data.run(&format!("no{name}"), vec![step], json!({}));
        assert!(ran.message().contains(&format!("the image's `/{name}` is not a folder")), "{}", ran.message());
    }
}

#[test]
fn runs_share_the_inodes_of_layers_and_nothing_else() {
    let Some(data) = data() else { return };
    let inode = |data: &Data, id: &str| {
        let ran = data.run(
            id,
            vec![script("one", "stat -c %i /bin/busybox; ls /leak 2>/dev/null; echo x > /leak; rm /bin/cat")],
            json!({}),
        );
        assert_eq!(ran.outcome(), "succeeded", "{:?}", ran.logs);
        ran.logs[0].clone()
    };
    let (first, second) = (inode(&data, "share-a"), inode(&data, "share-b"));
    assert_eq!(first, second, "one inode, and no file of the first run in the second");
    let hex = data.layer.trim_start_matches("sha256:");
    let on_host = data.path(&format!("layers/sha256/{hex}/fs/bin/busybox"));
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(on_host).unwrap());
    assert_eq!(first.trim(), inode.to_string());
}
