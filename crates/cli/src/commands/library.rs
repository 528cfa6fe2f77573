//! A library folder as sources: `tasks/NAME/VERSION/NAME.yaml`, `pipelines/NAME/VERSION/NAME.yaml`, `policy/`, `data/`.
//! Reads files; knows no registry.

use crate::error::{CliError, Context, Exit, Result};
use flate2::GzBuilder;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One Task or Pipeline of the library.
#[derive(Debug)]
pub struct Definition {
    pub name: String,
    pub version: String,
    pub object: Value,
    pub path: PathBuf,
}

impl Definition {
    /// `NAME:VERSION`, its key in the lock and its repository and tag.
    pub fn key(&self) -> String {
        format!("{}:{}", self.name, self.version)
    }

    /// Annotated `sluice.dev/stage: release`: a task of managed pipelines, which no build may lean on.
    pub fn serves_releases(&self) -> bool {
        self.object["metadata"]["annotations"]["sluice.dev/stage"] == "release"
    }
}

/// The definitions of one kind, in order of name and version.
///
/// # Errors
/// When a file is missing or is not a definition of that kind and name.
pub fn definitions(library: &Path, folder: &str, kind: &str) -> Result<Vec<Definition>> {
    let mut found = Vec::new();
    let root = library.join(folder);
    for name in names(&root)? {
        for version in names(&root.join(&name))? {
            let path = root.join(&name).join(&version).join(format!("{name}.yaml"));
            let text = read(&path)?;
            let object: Value =
                serde_saphyr::from_str(&text).map_err(|e| CliError::usage(format!("`{}`: {e}", path.display())))?;
            for (field, want) in [("/apiVersion", "tekton.dev/v1"), ("/kind", kind), ("/metadata/name", name.as_str())]
            {
                let got = object.pointer(field).and_then(Value::as_str).unwrap_or_default();
                if got != want {
                    let field = field.trim_start_matches('/').replace('/', ".");
                    return Err(CliError::usage(format!("`{}`: {field} is `{got}`, not `{want}`", path.display())));
                }
            }
            found.push(Definition { name: name.clone(), version, object, path });
        }
    }
    Ok(found)
}

/// The folders in a folder, sorted; a folder that is missing has none.
///
/// # Errors
/// When it cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(CliError::usage(format!("reading `{}`: {e}", folder.display()))),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

/// All files of a folder with that ending, as (path in the folder, content), sorted.
///
/// # Errors
/// When one cannot be read.
pub fn files(folder: &Path, ending: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).context(Exit::Usage, format!("reading `{}`", next.display()))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(inside) = path.strip_prefix(folder)
                && path.extension().is_some_and(|e| e == ending)
            {
                let bytes = std::fs::read(&path).context(Exit::Usage, format!("reading `{}`", path.display()))?;
                found.push((inside.display().to_string(), bytes));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A tar.gz of those files whose bytes depend on nothing else.
///
/// # Errors
/// When a path does not fit a tar header.
pub fn archive(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    let mut builder = tar::Builder::new(gzip);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, path, bytes.as_slice()).context(Exit::Usage, format!("archiving `{path}`"))?;
    }
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).context(Exit::Defect, "writing an archive")
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).context(Exit::Usage, format!("reading `{}`", path.display()))
}
