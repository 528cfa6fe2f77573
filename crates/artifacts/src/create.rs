//! `create`: archives to blobs, one manifest for all of them, then the result files. A result is written only when
//! everything it names is in the registry.

use crate::Notes;
use crate::archive::{Limits, write_archive};
use crate::error::{Error, Result};
use crate::skip;
use crate::store::{Environment, layer};
use crate::uri::ArtifactUri;
use sluice_oci::{Descriptor, Digest, ImageManifest, Reference, media_type};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::PathBuf;

/// What to hand on.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Repository and tag for the manifest that keeps the blobs together.
    pub store: Reference,
    /// Result file, and the file or folder whose artifact it is to name.
    pub pairs: Vec<(PathBuf, PathBuf)>,
    /// Value of the annotation `quay.expires-after`.
    pub expires_after: Option<String>,
    /// Bounds.
    pub limits: Limits,
}

/// Creates the artifacts and writes the result files. Gives the artifacts in the order of the pairs, skipped ones left out.
pub fn create(environment: &Environment, request: &CreateRequest, notes: Notes<'_>) -> Result<Vec<ArtifactUri>> {
    let mut titles = HashSet::new();
    for (result, _) in &request.pairs {
        let name = result.file_name().ok_or_else(|| {
            Error::usage(format!("`{}` is no file name", result.display()), "Write RESULT_PATH=PATH.")
        })?;
        if !titles.insert(name.to_owned()) {
            let problem = format!("two results are named `{}`", name.to_string_lossy());
            return Err(Error::usage(problem, "Each becomes a file of one artifact: give them different names."));
        }
    }
    let repository = environment.repository(&request.store)?;
    let mut made = Vec::new();
    for (result, path) in &request.pairs {
        if skip::is_marked(path)? {
            notes(&format!("WARN: found skip file in {}", path.display()));
            continue;
        }
        let mut file = tempfile::tempfile().map_err(Error::file(&std::env::temp_dir()))?;
        let archived = write_archive(path, BufWriter::with_capacity(128 * 1024, &mut file), &request.limits)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::file(path))?;
        repository.push_blob(&archived.digest, &mut file, archived.size)?;
        notes(&format!(
            "Created artifact from {} (sha256:{}, {} bytes)",
            path.display(),
            archived.digest.hex(),
            archived.size
        ));
        made.push((result, archived));
    }
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let title = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let layers = made.iter().map(|(result, a)| layer(&title(result), a.digest.clone(), a.size)).collect();
    let config = b"{}";
    repository.push_blob(&Digest::sha256(config), &mut config.as_slice(), config.len() as u64)?;
    let mut annotations = BTreeMap::new();
    if let Some(expires) = &request.expires_after {
        annotations.insert("quay.expires-after".to_owned(), expires.clone());
    }
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.to_owned()),
        artifact_type: Some("application/vnd.unknown.artifact.v1".to_owned()),
        config: Descriptor::of(media_type::EMPTY, config),
        layers,
        subject: None,
        annotations,
    };
    let manifest = serde_json::to_vec(&manifest).map_err(|e| Error::Archive(e.into()))?;
    let identifier = request.store.tag().map_or_else(|| Digest::sha256(&manifest).to_string(), str::to_owned);
    repository.push_manifest(&identifier, &manifest)?;
    let mut artifacts = Vec::new();
    for (result, archived) in made {
        let uri = ArtifactUri::new(&request.store, archived.digest);
        // Without a newline: results are taken as they are.
        fs::write(result, uri.to_string()).map_err(Error::file(result))?;
        artifacts.push(uri);
    }
    Ok(artifacts)
}
