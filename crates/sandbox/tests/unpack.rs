//! Layers: what is unpacked, what is refused, and that a layer is either whole or not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use support::Entry::{Device, File, Folder, Hard, Link, Owned};
use support::{data, script, tar};

fn fs_of(data: &support::Data, layer: &str) -> std::path::PathBuf {
    data.path(&format!("layers/sha256/{}/fs", layer.trim_start_matches("sha256:")))
}

#[test]
fn owners_modes_links_and_times() {
    let Some(data) = data() else { return };
    let archive = tar(&[
        Folder("./"),
        Folder("a/"),
        File("a/set", b"x", 0o4755),
        Hard("a/hard", "a/set"),
        Link("a/link", "/etc/passwd"),
        Owned("a/owned", 1234),
        Device("a/disk"),
        File("made/for/it", b"y", 0o600),
    ]);
    let layer = data.unpack("good", &[archive]).unwrap().remove(0);
    let root = fs_of(&data, &layer);
    let set = fs::metadata(root.join("a/set")).unwrap();
    assert_eq!((set.permissions().mode() & 0o7777, set.uid(), set.gid()), (0o4755, 1_000_000, 1_000_000));
    assert_eq!((set.ino(), set.mtime()), (fs::metadata(root.join("a/hard")).unwrap().ino(), 1_000_000_000));
    assert_eq!(fs::read_link(root.join("a/link")).unwrap().to_str().unwrap(), "/etc/passwd");
    assert_eq!(fs::symlink_metadata(root.join("a/owned")).unwrap().uid(), 1_001_234);
    assert!(!root.join("a/disk").exists() && root.join("made/for/it").exists());
}

#[test]
fn whiteouts_hide_lower_files_and_folders() {
    let Some(data) = data() else { return };
    let lower = tar(&[
        File("gone", b"1", 0o644),
        File("kept", b"1", 0o644),
        File("replaced/old", b"1", 0o644),
        File("opaque/old", b"1", 0o644),
        File("whole/old", b"1", 0o644),
        File("again", b"1", 0o644),
    ]);
    let upper = tar(&[
        File(".wh.gone", b"", 0o644),
        Folder("opaque/"),
        File("opaque/.wh..wh..opq", b"", 0o644),
        File("opaque/new", b"2", 0o644),
        File(".wh.replaced", b"", 0o644),
        Folder("replaced/"),
        File("replaced/new", b"2", 0o644),
        File(".wh.whole", b"", 0o644),
        File("again", b"2", 0o644),
        File(".wh.again", b"", 0o644),
        File(".wh..wh.plnk", b"", 0o644),
        File(".wh.absent", b"", 0o644),
    ]);
    let layers = data.unpack("whiteouts", &[lower, upper]).unwrap();
    assert!(fs::symlink_metadata(fs_of(&data, &layers[1]).join("gone")).unwrap().file_type().is_char_device());
    let mut step = script(
        "one",
        "for f in gone kept replaced opaque whole again absent; do echo $f: $(ls $f 2>/dev/null); done; cat /again",
    );
    step["image"] = json!({ "reference": "x@sha256:1", "layers": [data.layer, layers[0], layers[1]] });
    step["workingDir"] = json!("/");
    let ran = data.run("white", vec![step], json!({}));
    assert_eq!(ran.logs[0], "gone:\nkept: kept\nreplaced: new\nopaque: new\nwhole:\nagain: again\nabsent:\n2");
}

#[test]
fn hostile_archives_stay_inside_or_are_refused() {
    let Some(data) = data() else { return };
    fs::write(data.path("victim"), "untouched").unwrap();
    let before = fs::read_to_string("/etc/passwd").unwrap();
    let deep = "x/".repeat(40);
    let cases: &[(&str, Vec<u8>)] = &[
        ("dotdot", tar(&[File("../../../victim", b"evil", 0o644)])),
        ("dotdotmid", tar(&[File("a/../../../../victim", b"evil", 0o644)])),
        ("absolute", tar(&[File("/etc/passwd", b"evil", 0o644)])),
        ("linkout", tar(&[Link("l", "../../../.."), File("l/victim", b"evil", 0o644)])),
        ("linkabs", tar(&[Link("l", "/"), File("l/etc/passwd", b"evil", 0o644)])),
        ("linkfile", tar(&[Link("l", "/etc/passwd"), File("l", b"evil", 0o644)])),
        ("hardout", tar(&[Hard("h", "../../../../victim"), File("h", b"evil", 0o644)])),
        ("hardabs", tar(&[Hard("h", "/etc/passwd"), File("h", b"evil", 0o644)])),
        ("hardlink", tar(&[Link("l", "/etc"), Hard("h", "l/passwd"), File("h", b"evil", 0o644)])),
        ("loop", tar(&[Link("a", "b"), Link("b", "a"), File("a/x", b"evil", 0o644)])),
        ("overlink", tar(&[Link("d", "/etc"), Folder("d"), File("d/passwd", b"evil", 0o644)])),
        ("whiteout", tar(&[Link("l", "../../../.."), File("l/.wh.victim", b"", 0o644)])),
        ("whiteoutup", tar(&[File(".wh...", b"", 0o644), File(".wh.", b"", 0o644)])),
        ("deep", tar(&[File(&format!("{deep}f"), b"fine", 0o644)])),
        ("owner", tar(&[Owned("f", 70_000)])),
        ("noise", vec![0xa5; 4096]),
        ("cut", tar(&[File("f", &[1; 3000], 0o644)])[..1024].to_vec()),
        ("overdir", tar(&[File("d/f", b"x", 0o644), File("d", b"y", 0o644)])),
    ];
    for (id, archive) in cases {
        let said = data.unpack(id, std::slice::from_ref(archive));
        if let Err(message) = &said {
            assert_eq!(message.lines().count(), 1, "{id}: {message}");
            assert!(message.contains("layer `sha256:"), "{id}: {message}");
        }
        assert_eq!(fs::read_to_string(data.path("victim")).unwrap(), "untouched", "{id}");
        assert_eq!(fs::read_to_string("/etc/passwd").unwrap(), before, "{id}");
        let refused = !["absolute", "linkout", "linkabs", "linkfile", "overlink", "deep", "whiteout"].contains(id);
        assert_eq!(said.is_err(), refused, "{id}: {said:?}");
    }
    let left = fs::read_dir(data.path("layers/sha256")).unwrap().flatten();
    let unfinished: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

#[test]
fn digests_are_checked() {
    let Some(data) = data() else { return };
    let good = data.blob(&tar(&[File("f", b"x", 0o644)]));
    let zero = format!("sha256:{}", "0".repeat(64));
    for (field, wanted) in [("digest", "has digest"), ("diffId", "not the image's diff id")] {
        let mut bad = good.clone();
        bad[field] = json!(zero);
        let message = data.unpack_specs(field, &[bad]).unwrap_err();
        assert!(message.contains(wanted), "{message}");
    }
    assert!(!fs_of(&data, &zero).exists());
    let mut outside = good.clone();
    outside["blob"] = json!("../../etc/passwd");
    assert!(data.unpack_specs("outside", &[outside]).unwrap_err().contains("without `..`"));
    std::os::unix::fs::symlink("/etc/passwd", data.path("blobs/link")).unwrap();
    let mut link = good.clone();
    link["blob"] = json!("blobs/link");
    assert!(data.unpack_specs("link", &[link]).unwrap_err().contains("blobs/link"));
    data.unpack_specs("good", std::slice::from_ref(&good)).unwrap();
    // There already: not read again.
    fs::remove_file(data.path(good["blob"].as_str().unwrap())).unwrap();
    data.unpack_specs("again", &[good]).unwrap();
}

#[test]
fn many_at_once_make_one_layer() {
    let Some(data) = data() else { return };
    let files: Vec<String> = (0..300).map(|count| format!("f{count}")).collect();
    let entries: Vec<_> = files.iter().map(|name| File(name, &[7; 2000], 0o644)).collect();
    let layer = data.blob(&tar(&entries));
    let specs = [layer.clone()];
    let children: Vec<_> = (0..6).map(|count| data.start_unpack(&format!("many-{count}"), &specs)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let root = fs_of(&data, layer["diffId"].as_str().unwrap());
    assert_eq!(fs::read_dir(root).unwrap().count(), 300);
    assert_eq!(fs::read_dir(data.path("layers/sha256")).unwrap().count(), 2);
}

#[test]
fn what_a_killed_unpacking_left_is_removed_by_the_next() {
    let Some(data) = data() else { return };
    let big = data.blob(&tar(&[File("f", &vec![1; 40 << 20], 0o644)]));
    let mut child = data.start_unpack("killed", std::slice::from_ref(&big));
    let unfinished = || {
        let entries = fs::read_dir(data.path("layers/sha256")).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".new-")).count()
    };
    support::wait_for("an unfinished folder", || unfinished() == 1 || child.try_wait().unwrap().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    // Its own child dies with it, and lets go of the lock.
    support::wait_for("the clean-up", || {
        data.unpack_specs(
            "next",
            &[data.blob(&tar(&[File("g", &fs::read("/proc/sys/kernel/random/uuid").unwrap(), 0o644)]))],
        )
        .unwrap();
        unfinished() == 0
    });
    data.unpack_specs("redo", &[big]).unwrap();
}
