//! `sluice policy fmt`: writes policies in the one format.

use super::args::Fmt;
use super::load::{self, os_error};
use super::output::diff::diff;
use super::output::failure::{failures, summary};
use sluice_rego::format::{FormatOptions, format};
use std::io::{Read, Write};
use std::path::Path;

/// Why formatting ended, and the exit code.
type Ended = (String, i32);

/// Runs the command: 2 where a policy cannot be formatted, or would change under `--fail`.
pub fn run(args: &Fmt) -> i32 {
    let outcome =
        if args.paths.is_empty() { stdin(args) } else { args.paths.iter().try_for_each(|path| named(args, path)) };
    match outcome {
        Ok(()) => 0,
        Err((message, code)) => {
            eprintln!("{message}");
            code
        }
    }
}

fn options(args: &Fmt) -> FormatOptions {
    let flags = FormatOptions::of_flags(args.v0_v1, args.dialect.v0_compatible, args.dialect.v1_compatible);
    FormatOptions { drop_v0_imports: args.drop_v0_imports, check_result: args.check_result, ..flags }
}

fn stdin(args: &Fmt) -> Result<(), Ended> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| (format!("reading standard input: {error}"), 1))?;
    let formatted = format("stdin", &text, &options(args)).map_err(|errors| (summary(&failures(errors), ""), 1))?;
    super::print(&formatted);
    Ok(())
}

/// A file, or all policies of a folder.
fn named(args: &Fmt, path: &str) -> Result<(), Ended> {
    let path = load::clean(path).map_err(|message| (message, 1))?;
    walk(args, &path)
}

fn walk(args: &Fmt, path: &Path) -> Result<(), Ended> {
    let about = path.symlink_metadata().map_err(|error| (os_error("lstat", path, &error), 1))?;
    if !about.is_dir() {
        return if path.extension().is_some_and(|e| e == "rego") { file(args, path) } else { Ok(()) };
    }
    let listed = std::fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = listed.map_err(|error| (os_error("open", path, &error), 1))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    entries.iter().try_for_each(|entry| walk(args, &entry.path()))
}

fn file(args: &Fmt, path: &Path) -> Result<(), Ended> {
    let shown = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| (format!("failed to open file: {}", os_error("open", path, &error)), 2))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| (format!("failed to format Rego source file: {shown}: the file is not UTF-8"), 2))?;
    let formatted = format(&shown, &text, &options(args))
        .map_err(|errors| (format!("failed to format Rego source file: {}", summary(&failures(errors), "")), 2))?;
    let changed = formatted != text;
    if changed && args.list {
        super::print(&format!("{shown}\n"));
    } else if changed && args.diff {
        super::print(&format!("{shown}\n{}\n", diff(&text, &formatted)));
    }
    if changed && args.fail {
        return Err(("unexpected diff".to_owned(), 2));
    }
    match (args.list || args.diff, args.write) {
        (true, _) => Ok(()),
        (false, true) if changed => replace(path, &formatted),
        (false, true) => Ok(()),
        (false, false) => {
            super::print(&formatted);
            Ok(())
        }
    }
}

/// Writes a file anew in one step, so that it is never half there; its permissions stay.
fn replace(path: &Path, text: &str) -> Result<(), Ended> {
    let fail = |error: std::io::Error| (format!("failed to write {}: {error}", path.display()), 2);
    let path = path.canonicalize().map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.as_file().set_permissions(path.metadata().map_err(fail)?.permissions()).map_err(fail)?;
    file.persist(&path).map_err(|error| fail(error.error))?;
    Ok(())
}
