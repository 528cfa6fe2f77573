//! Files and folders as `--data` and the arguments of `test` and `check` name them.

use super::modules::{self, Text};
use super::{Loaded, Options, Tree, bundle, ignore, os_error, parse_json, parse_yaml};
use crate::commands::policy::output::failure::Failure;
use std::path::{Component, Path, PathBuf};

/// Deeper folders are not entered; a circle of links ends here at the latest.
const MAX_DEPTH: usize = 200;

/// Loads files, folders and `PREFIX:PATH`, where documents lie below the dotted prefix.
///
/// # Errors
/// All that could not be loaded, in the order in which it was met.
pub fn paths(paths: &[String], options: &Options<'_>) -> Result<Loaded, Vec<Failure>> {
    let mut loader = Loader { options, data: Tree::default(), texts: Vec::new(), failures: Vec::new() };
    for named in paths {
        let (prefix, path) = split_prefix(named);
        match clean(path) {
            Ok(path) => loader.entry(&path, &prefix, 0),
            Err(message) => loader.failures.push((loader.texts.len(), message.into())),
        }
    }
    loader.finish()
}

/// Reads a file that a flag names, as a path or a `file://` URL.
///
/// # Errors
/// A sentence that names it.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    let path = clean(path)?;
    std::fs::read(&path).map_err(|error| read_error(&path, &error))
}

/// A path, of a `file://` URL too.
pub fn clean(path: &str) -> Result<PathBuf, String> {
    if path.starts_with("//") {
        return Err(format!("UNC path read is not allowed: {path}"));
    }
    match path.split_once("://") {
        None => Ok(PathBuf::from(path)),
        Some(("file", rest)) => Ok(PathBuf::from(rest)),
        Some(_) => Err(format!("unsupported URL scheme: {path}")),
    }
}

/// `a.b:path` is the path below `data.a.b`; a URL is no prefix.
fn split_prefix(path: &str) -> (Vec<String>, &str) {
    match path.split_once(':') {
        Some((prefix, rest)) if !prefix.is_empty() && !rest.starts_with("//") => {
            (prefix.split('.').map(str::to_owned).collect(), rest)
        }
        _ => (Vec::new(), path),
    }
}

fn read_error(path: &Path, error: &std::io::Error) -> String {
    let act = if error.kind() == std::io::ErrorKind::IsADirectory { "read" } else { "open" };
    os_error(act, path, error)
}

struct Loader<'a> {
    options: &'a Options<'a>,
    data: Tree,
    texts: Vec<Text>,
    /// Each with the number of texts met before it, so that the errors of those come first.
    failures: Vec<(usize, Failure)>,
}

impl Loader<'_> {
    fn fail(&mut self, failure: impl Into<Failure>) {
        self.failures.push((self.texts.len(), failure.into()));
    }

    /// A file or a folder; `at` is where its documents lie.
    fn entry(&mut self, path: &Path, at: &[String], depth: usize) {
        let about = match std::fs::metadata(path) {
            Ok(about) => about,
            Err(error) => return self.fail(os_error("stat", path, &error)),
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let other = self.options.only_rego && !about.is_dir() && path.extension().is_none_or(|e| e != "rego");
        if other || (depth > 0 && ignore::ignored(&name, self.options.ignore)) {
            return;
        }
        if !about.is_dir() {
            return self.file(path, at, depth);
        }
        if depth > MAX_DEPTH {
            return self.fail(format!("{}: more than {MAX_DEPTH} folders within one another", path.display()));
        }
        let mut at = at.to_vec();
        if depth > 0 {
            at.push(name);
        }
        let listed = std::fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        match listed {
            Ok(mut entries) => {
                entries.sort_by_key(std::fs::DirEntry::file_name);
                let folder = cleaned(path);
                for entry in entries {
                    self.entry(&folder.join(entry.file_name()), &at, depth + 1);
                }
            }
            Err(error) => self.fail(os_error("open", path, &error)),
        }
    }

    fn file(&mut self, path: &Path, at: &[String], depth: usize) {
        let shown = path.display().to_string();
        let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        let packed = shown.ends_with(".tar.gz");
        let known = packed || matches!(extension.as_str(), "rego" | "json" | "yaml" | "yml");
        if !known && depth > 0 {
            return;
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.fail(read_error(path, &error)),
        };
        let document = match extension.as_str() {
            "rego" => return self.texts.push(Text { name: shown, bytes, version: self.options.version }),
            "json" => parse_json(&bytes).map_err(|error| format!("{shown}: {error}")),
            "yaml" | "yml" => parse_yaml(&bytes).map_err(|e| format!("{shown}: error converting YAML to JSON: {e}")),
            _ if packed => match bundle::packed_as_data(&shown, &bytes, self.options.version) {
                Ok((texts, document)) => {
                    self.texts.extend(texts);
                    Ok(document)
                }
                Err(message) => Err(format!("bundle {shown}: {message}")),
            },
            _ => {
                let text = Text { name: shown.clone(), bytes, version: self.options.version };
                if modules::one(&text, 0).is_ok() {
                    return self.texts.push(text);
                }
                let parsed = parse_json(&text.bytes).or_else(|_| parse_yaml(&text.bytes));
                parsed.map_err(|_| format!("{shown}: can't recognize file type"))
            }
        };
        match document {
            Ok(document) if at.is_empty() && !matches!(document, sluice_rego::Value::Object(_)) => {
                self.fail(format!("{shown}: document must be of type object"));
            }
            Ok(document) => {
                if self.data.add(at, document).is_err() {
                    self.fail(format!("{shown}: merge error"));
                }
            }
            Err(message) => self.fail(message),
        }
    }

    fn finish(self) -> Result<Loaded, Vec<Failure>> {
        let names: Vec<String> = self.texts.iter().map(|text| text.name.clone()).collect();
        let (modules, failed) = match modules::parse(self.texts) {
            Ok(modules) => (modules, Vec::new()),
            Err(failed) => (Vec::new(), failed),
        };
        if self.failures.is_empty() && failed.is_empty() {
            return Ok(Loaded { modules, data: self.data });
        }
        let place = |errors: &[sluice_rego::Error]| {
            let file = errors.first().and_then(|error| error.file.as_deref());
            names.iter().position(|name| Some(name.as_str()) == file).unwrap_or_default()
        };
        // Texts and documents were met in turn; errors are told in that order.
        let mut all: Vec<((usize, bool), Failure)> = Vec::new();
        all.extend(self.failures.into_iter().map(|(texts, failure)| ((texts, false), failure)));
        for errors in failed {
            let at = place(&errors);
            all.extend(errors.into_iter().map(|error| ((at, true), Failure::from(error))));
        }
        all.sort_by_key(|(at, _)| *at);
        Err(all.into_iter().map(|(_, failure)| failure).collect())
    }
}

/// A folder as Go's `filepath.Clean` has it: `./a/../b/` is `b`.
fn cleaned(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => _ = out.pop(),
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{clean, cleaned, split_prefix};
    use std::path::Path;

    #[test]
    fn folders_are_named_as_go_names_them() {
        for (given, wanted) in
            [(".", ""), ("./a//b/", "a/b"), ("a/../../b", "../b"), ("/../a/./b/..", "/a"), ("../../a", "../../a")]
        {
            assert_eq!(cleaned(Path::new(given)), Path::new(wanted), "{given}");
        }
    }

    #[test]
    fn a_prefix_is_what_stands_before_the_colon() {
        assert_eq!(split_prefix("a.b:c/d.json"), (vec!["a".to_owned(), "b".to_owned()], "c/d.json"));
        assert_eq!(split_prefix("file:///c"), (Vec::new(), "file:///c"));
        assert_eq!(split_prefix(":c"), (Vec::new(), ":c"));
        assert_eq!(split_prefix("c"), (Vec::new(), "c"));
    }

    #[test]
    fn only_files_are_read() {
        assert_eq!(clean("file:///a/b").unwrap().to_str(), Some("/a/b"));
        assert!(clean("http://x/y").unwrap_err().contains("unsupported URL scheme"));
        assert!(clean("//host/x").unwrap_err().contains("UNC"));
    }
}
