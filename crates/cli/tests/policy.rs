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
    section.is_sorted() && failures_in_order(stdout, &section)
}

/// Whether the failures told first stand in the order in which they are summed up.
fn failures_in_order(stdout: &str, _places: &[(String, u32)]) -> bool {
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
