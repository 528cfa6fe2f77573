//! `sluice policy` says what `opa` says. Each folder of `tests/policy` holds files and a `transcript`: lines `$ COMMAND`, each
//! followed by what `opa COMMAND` printed there (lines of standard error begin with `! `) and its exit code in brackets.
//! `COMMAND << FILE` reads a file as standard input. `POLICY_RECORD=PATH/TO/opa` writes the transcripts anew. Times are `T`; hints of ours may follow on standard error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How often OPA is asked for tests in the order of their files; it gives them in any.
const TRIES: usize = 300;

struct Ran {
    stdout: String,
    stderr: String,
    code: i32,
}

#[test]
fn transcripts_are_opas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy");
    let only = std::env::var("POLICY_ONLY").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.retain(|folder| folder.is_dir() && folder.to_string_lossy().contains(&only));
    assert!(!folders.is_empty());
    let mut wrong = Vec::new();
    for folder in folders {
        let file = folder.join("transcript");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if let Some(opa) = std::env::var_os("POLICY_RECORD") {
            std::fs::write(&file, record(&text, &folder, Path::new(&opa))).unwrap();
            continue;
        }
        for (line, wanted) in commands(&text) {
            let got = run(Path::new(env!("CARGO_BIN_EXE_sluice")), &["policy"], line, &folder);
            let got = shown(&got, wanted.lines().filter(|line| line.starts_with("! ")).count());
            if got != wanted {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{name}$ {line}\n--- wanted\n{wanted}--- got\n{got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} commands differ:\n\n{}", wrong.len(), wrong.join("\n"));
}

/// Each command with what follows it.
fn commands(text: &str) -> Vec<(&str, String)> {
    let mut commands: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, String::new())),
            (None, Some((_, wanted))) => {
                wanted.push_str(line);
                wanted.push('\n');
            }
            (None, None) => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
        }
    }
    commands
}

fn record(text: &str, folder: &Path, opa: &Path) -> String {
    let mut out: String =
        text.lines().take_while(|line| !line.starts_with("$ ")).map(|line| format!("{line}\n")).collect();
    for (line, _) in commands(text) {
        let mut ran = run(opa, &[], line, folder);
        for _ in 0..TRIES {
            if !line.starts_with("test") || in_order(&ran.stdout) {
                break;
            }
            ran = run(opa, &[], line, folder);
        }
        let errors = ran.stderr.lines().count();
        let _ = write!(out, "$ {line}\n{}", shown(&ran, errors));
    }
    out
}

/// Whether the tests that are named stand in the order of their places.
fn in_order(stdout: &str) -> bool {
    let mut section = Vec::new();
    let mut last = String::new();
    for line in stdout.lines() {
        if let Some(file) = line.trim().strip_prefix("\"file\": ") {
            last = file.to_owned();
        }
        let row = line.trim().strip_prefix("\"row\": ").and_then(|row| row.trim_end_matches(',').parse::<u32>().ok());
        if let Some(row) = row {
            section.push((last.clone(), row));
        } else if let Some((file, row)) = line.strip_suffix(':').and_then(|place| place.rsplit_once(':')) {
            section.extend(row.parse().ok().filter(|_| !file.starts_with(' ')).map(|row| (file.to_owned(), row)));
        }
    }
    section.is_sorted() && failures_in_order(stdout)
}

/// Whether the failures told first stand in the order in which they are summed up.
fn failures_in_order(stdout: &str) -> bool {
    let Some((first, second)) = stdout.split_once("\nSUMMARY\n") else { return true };
    let names = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains(": FAIL ("))
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    };
    names(first) == names(second)
}

fn run(program: &Path, before: &[&str], line: &str, folder: &Path) -> Ran {
    let (line, input) = line.split_once(" << ").map_or((line, None), |(line, file)| (line, Some(folder.join(file))));
    let stdin = input.map_or_else(Stdio::null, |file| Stdio::from(std::fs::File::open(file).unwrap()));
    let output = Command::new(program)
        .args(before)
        .args(words(line))
        .current_dir(folder)
        .stdin(stdin)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// A line's words; quotes keep spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What a command did, with as many lines of standard error.
fn shown(ran: &Ran, errors: usize) -> String {
    let mut out = timeless(&ran.stdout);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str("(no newline)\n");
    }
    for line in timeless(&ran.stderr).lines().take(errors) {
        let _ = writeln!(out, "! {line}");
    }
    let _ = writeln!(out, "[{}]", ran.code);
    out
}

/// A text with all that depends on the clock taken out.
fn timeless(text: &str) -> String {
    text.lines().map(without_time).fold(String::new(), |out, line| out + &line + "\n")
}

fn without_time(line: &str) -> String {
    if let Some((before, rest)) = line.rsplit_once(" (")
        && let Some(time) = rest.strip_suffix("s)")
        && time.starts_with(|c: char| c.is_ascii_digit())
    {
        return format!("{before} (T)");
    }
    for key in ["\"duration\": ", "_ns\": "] {
        if let Some((before, rest)) = line.split_once(key)
            && rest.trim_end_matches(',').parse::<f64>().is_ok_and(|n| n > 0.0)
        {
            return format!("{before}{key}T{}", if rest.ends_with(',') { "," } else { "" });
        }
    }
    line.to_owned()
}

/// A command in a folder of its own.
fn sluice(folder: &Path, words: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_sluice"))
        .arg("policy")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap();
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    }
}

#[test]
fn bad_input_ends_with_a_message_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, bytes: &[u8]| std::fs::write(root.join(name), bytes).unwrap();
    write("binary.rego", &(0..=255).collect::<Vec<u8>>());
    write("latin1.rego", b"package a\n\n# caf\xe9\np := 1\n");
    write("deep.rego", format!("package a\n\np := {}1{}\n", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    write("deep.json", format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    write("deep.yaml", format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    write("bombs.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b, *nothing]\n");
    write("one.json", b"{\"a\": 1}");
    write("two.json", b"{\"a\": 2}");
    write("rule.rego", b"package a\n\nb := 1\n");
    write("slow.rego", b"package slow\n\nq if {\n\tsome x in numbers.range(1, 100000)\n\tsome y in numbers.range(1, 100000)\n\tx + y < 0\n}\n");
    write("broken.tar.gz", b"not an archive");
    write("utf16.json", b"\xff\xfe{\0}\0");
    std::os::unix::fs::symlink("nowhere", root.join("dangling")).unwrap();
    std::fs::create_dir(root.join("circle")).unwrap();
    std::os::unix::fs::symlink(".", root.join("circle/again")).unwrap();
    for (words, code, parts) in [
        (&["eval", "-d", "binary.rego", "1"][..], 2, &["binary.rego", "illegal"][..]),
        (&["check", "binary.rego"], 1, &["binary.rego:2", "illegal", "hint: "]),
        (&["check", "latin1.rego"], 1, &["latin1.rego:3", "utf-8", "hint: "]),
        (&["check", "deep.rego"], 1, &["deep.rego:3", "rego_parse_error"]),
        (&["eval", "-d", "deep.json", "1"], 2, &["deep.json", "depth", "hint: "]),
        (&["eval", "-d", "deep.yaml", "1"], 2, &["deep.yaml", "YAML"]),
        (&["eval", "-d", "bombs.yaml", "1"], 2, &["bombs.yaml", "YAML"]),
        (&["eval", "-i", "deep.json", "1"], 2, &["unable to parse input"]),
        (&["eval", "-d", "utf16.json", "1"], 2, &["utf16.json"]),
        (&["eval", "-d", "one.json", "-d", "two.json", "1"], 2, &["two.json: merge error", "hint: ", "PREFIX:PATH"]),
        (
            &["eval", "-d", "one.json", "-d", "rule.rego", "1"],
            2,
            &["rule.rego", "conflicting rule for data path a/b", "hint: "],
        ),
        (&["eval", "-d", "dangling", "1"], 2, &["dangling", "no such file"]),
        (&["eval", "-d", "circle", "1"], 2, &["circle", "symbolic links"]),
        (&["eval", "-d", "one.json/x", "1"], 2, &["one.json/x", "not a directory"]),
        (&["eval", "-b", "broken.tar.gz", "1"], 2, &["broken.tar.gz"]),
        (&["eval", "-d", "slow.rego", "--timeout", "50ms", "data.slow.q"], 2, &["longer than allowed", "hint: "]),
        (&["test", "nosuch"], 1, &["nosuch"]),
        (&["fmt", "latin1.rego"], 2, &["latin1.rego", "UTF-8"]),
        (&["parse", "binary.rego"], 1, &["binary.rego", "illegal"]),
        // Wrong usage.
        (&["eval"], 2, &["QUERY"]),
        (&["eval", "1", "2"], 2, &["'2'"]),
        (&["eval", "-f", "xml", "1"], 2, &["xml", "json", "pretty"]),
        (&["eval", "--fail", "--fail-defined", "1"], 2, &["--fail-defined"]),
        (&["eval", "--timeout", "soon", "1"], 2, &["soon", "1m30s"]),
        (&["eval", "--nope", "1"], 2, &["--nope"]),
        (&["test"], 2, &["PATH"]),
        (&["check"], 2, &["PATH"]),
    ] {
        let ran = sluice(root, words);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{words:?}: {all:.600}");
        for part in parts {
            assert!(all.contains(part), "{words:?} does not say `{part}`: {all:.600}");
        }
        assert!(!all.contains("panicked"), "{words:?}: {all:.600}");
    }
}

#[test]
fn policies_are_written_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rego");
    std::fs::write(&file, "package a\np:=1\n").unwrap();
    let ran = sluice(folder.path(), &["fmt", "-d", "a.rego"]);
    assert!(ran.stdout.contains("-p:=1\n+\n+p := 1\n"), "{}", ran.stdout);
    let ran = sluice(folder.path(), &["fmt", "-w", "."]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "package a\n\np := 1\n");
    assert_eq!(sluice(folder.path(), &["fmt", "--fail", "-l", "."]).code, 0);
}

#[test]
fn measurements_have_opas_forms() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a_test.rego"), "package a_test\n\ntest_x if 1 + 1 == 2\n").unwrap();
    let table = sluice(folder.path(), &["bench", "-d", ".", "data.a_test.test_x"]);
    assert!(table.stdout.contains("│ samples ") && table.stdout.contains("_99.9%"), "{}", table.stdout);
    let line = sluice(folder.path(), &["bench", "-d", ".", "--metrics=false", "-f", "gobench", "data.a_test.test_x"]);
    assert!(line.stdout.starts_with("BenchmarkOPAEval\t") && line.stdout.ends_with(" ns/op\n"), "{}", line.stdout);
    let undefined = sluice(folder.path(), &["bench", "-d", ".", "-f", "json", "data.nothing"]);
    assert_eq!(undefined.code, 1);
    assert!(undefined.stdout.contains("\"message\": \"undefined result\""), "{}", undefined.stdout);
    let tests = sluice(folder.path(), &["test", "--bench", "-f", "gobench", "."]);
    assert!(
        tests.stdout.starts_with("BenchmarkDataATestTestX\t") && tests.stdout.ends_with("PASS: 1/1\n"),
        "{}",
        tests.stdout
    );
}
