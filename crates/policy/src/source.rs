//! Where policies and data come from: what a source URL means, and its files. Knows neither Rego nor what data says.

use crate::store::{Store, StoreError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sluice_oci::Reference;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Most files and most bytes of one source.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A source that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "policy source `{url}` is of a kind that is not supported\n\nuse `oci::HOST/PATH:TAG`, `file::PATH` or, for data, `data:application/json;base64,...`"
    )]
    Unsupported { url: String },
    #[error("policy source `{url}` cannot be read: {reason}")]
    Read { url: String, reason: String },
    #[error("policy source `{url}` has more than {what}; a policy is not that large")]
    TooLarge { url: String, what: String },
    #[error("policy source `{url}` has no {what} files")]
    Empty { url: String, what: &'static str },
}

/// What a source URL means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    Folder(PathBuf),
    Oci(String),
    Inline(Vec<u8>),
}

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path within the source.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Reads a source URL in go-getter's and ec's forms.
pub fn parse(url: &str) -> Result<Location, SourceError> {
    let unsupported = || SourceError::Unsupported { url: url.to_owned() };
    if let Some(reference) = url.strip_prefix("oci::").or_else(|| url.strip_prefix("oci://")) {
        return Ok(Location::Oci(reference.trim_start_matches("https://").trim_start_matches("//").to_owned()));
    }
    if let Some(path) = url.strip_prefix("file::").or_else(|| url.strip_prefix("file:")) {
        let path = path.strip_prefix("file:").unwrap_or(path);
        return Ok(Location::Folder(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
    }
    if let Some(inline) = url.strip_prefix("data:application/json;base64,") {
        return STANDARD.decode(inline).map(Location::Inline).map_err(|error| SourceError::Read {
            url: "data:application/json;base64,...".into(),
            reason: error.to_string(),
        });
    }
    let path = url.starts_with('/') || url.starts_with("./") || url.starts_with("../");
    if path { Ok(Location::Folder(PathBuf::from(url))) } else { Err(unsupported()) }
}

/// The files of a source, sorted by name.
pub async fn fetch(url: &str, store: &dyn Store) -> Result<Vec<File>, SourceError> {
    let mut files = match parse(url)? {
        Location::Folder(path) => folder(url, &path)?,
        Location::Inline(bytes) => vec![File { name: "inline.json".into(), bytes }],
        Location::Oci(reference) => artifact(url, &reference, store).await?,
    };
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn folder(url: &str, root: &Path) -> Result<Vec<File>, SourceError> {
    let read = |path: &Path, error: std::io::Error| SourceError::Read {
        url: url.to_owned(),
        reason: format!("`{}`: {error}", path.display()),
    };
    let mut files = Vec::new();
    let mut total = 0;
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let about = std::fs::symlink_metadata(&path).map_err(|error| read(&path, error))?;
        // The source itself may be a link; what is in it may not lead out of it.
        let about = if path == root { std::fs::metadata(&path).map_err(|error| read(&path, error))? } else { about };
        if about.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(|error| read(&path, error))? {
                todo.push(entry.map_err(|error| read(&path, error))?.path());
            }
        } else if about.is_file() && wanted(&path) {
            total += about.len();
            within(url, files.len() + 1, total)?;
            let name = path.strip_prefix(root).ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(&path);
            let bytes = std::fs::read(&path).map_err(|error| read(&path, error))?;
            files.push(File { name: name.to_string_lossy().into_owned(), bytes });
        }
    }
    Ok(files)
}

fn wanted(path: &Path) -> bool {
    path.extension().is_some_and(|kind| ["rego", "json", "yaml", "yml"].iter().any(|known| kind == *known))
}

fn within(url: &str, files: usize, bytes: u64) -> Result<(), SourceError> {
    let what = match () {
        () if files > MAX_FILES => format!("{MAX_FILES} files"),
        () if bytes > MAX_BYTES => format!("{MAX_BYTES} bytes"),
        () => return Ok(()),
    };
    Err(SourceError::TooLarge { url: url.to_owned(), what })
}

async fn artifact(url: &str, reference: &str, store: &dyn Store) -> Result<Vec<File>, SourceError> {
    let read = |reason: String| SourceError::Read { url: url.to_owned(), reason };
    let reference: Reference =
        reference.parse().map_err(|error: sluice_oci::ReferenceError| read(error.to_string()))?;
    let manifest = store
        .manifest(&reference)
        .await
        .map_err(|error| read(error.to_string()))?
        .ok_or_else(|| read("it is not in the registry; push it, or correct the reference".into()))?;
    let layers = manifest.layers().map_err(|error| read(error.to_string()))?;
    let mut files = Vec::new();
    let mut total = 0;
    for layer in layers {
        let bytes =
            store.blob(&reference, &layer, MAX_BYTES).await.map_err(|error: StoreError| read(error.to_string()))?;
        let title = layer.annotations.get("org.opencontainers.image.title").map_or("", String::as_str);
        if bytes.starts_with(&[0x1f, 0x8b]) {
            unpack(url, &bytes, &mut files, &mut total)?;
        } else if layer.media_type.starts_with("application/vnd.cncf.openpolicyagent.") && wanted(Path::new(title)) {
            total += bytes.len() as u64;
            within(url, files.len() + 1, total)?;
            files.push(File { name: title.to_owned(), bytes });
        }
    }
    Ok(files)
}

/// Takes the policy and data files out of a tar.gz, in memory: nothing is written, so a name can lead nowhere; names that
/// try are refused all the same.
fn unpack(url: &str, bytes: &[u8], files: &mut Vec<File>, total: &mut u64) -> Result<(), SourceError> {
    let read = |reason: String| SourceError::Read { url: url.to_owned(), reason };
    let limited = flate2::read::MultiGzDecoder::new(bytes).take(MAX_BYTES + 1);
    let mut archive = tar::Archive::new(limited);
    for (at, entry) in archive.entries().map_err(|error| read(error.to_string()))?.enumerate() {
        within(url, at + 1, *total)?;
        let mut entry = entry.map_err(|error| read(error.to_string()))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(|error| read(error.to_string()))?.into_owned();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(read(format!("its archive has the name `{}`, which leads out of it", path.display())));
        }
        if !wanted(&path) {
            continue;
        }
        *total += entry.size();
        within(url, files.len() + 1, *total)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| read(error.to_string()))?;
        files.push(File { name: path.to_string_lossy().trim_start_matches("./").to_owned(), bytes: content });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn urls_mean_what_they_say() {
        let oci = |text: &str| Location::Oci(text.into());
        let folder = |text: &str| Location::Folder(text.into());
        for (url, want) in [
            ("oci::localhost:5000/library/policy:latest", oci("localhost:5000/library/policy:latest")),
            ("oci://localhost:5000/p:1", oci("localhost:5000/p:1")),
            ("file::/etc/policy", folder("/etc/policy")),
            ("file:///etc/policy", folder("/etc/policy")),
            ("./policy", folder("./policy")),
            ("data:application/json;base64,e30=", Location::Inline(b"{}".to_vec())),
        ] {
            assert_eq!(parse(url).unwrap(), want, "{url}");
        }
        for url in ["git::https://example.com/x//y", "github.com/conforma/policy//policy", "https://x/y", "s3::x", ""] {
            assert!(matches!(parse(url), Err(SourceError::Unsupported { .. })), "{url}");
        }
    }

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            // `set_path` refuses what this test is about.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn archives_give_policy_and_data_and_lead_nowhere() {
        let mut files = Vec::new();
        unpack(
            "x",
            &archive(&[("./a/b.rego", "package b"), ("c.json", "{}"), ("README.md", "no")]),
            &mut files,
            &mut 0,
        )
        .unwrap();
        assert_eq!(files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a/b.rego", "c.json"]);
        let error = unpack("x", &archive(&[("../../evil.rego", "package b")]), &mut Vec::new(), &mut 0).unwrap_err();
        assert!(error.to_string().contains("leads out of it"), "{error}");
        assert!(unpack("x", &[0x1f, 0x8b, 1, 2, 3], &mut Vec::new(), &mut 0).is_err());
    }
}
