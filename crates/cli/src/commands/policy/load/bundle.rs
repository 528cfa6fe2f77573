//! Bundles: a folder or a `.tar.gz` whose documents are named data.json or data.yaml, and whose manifest says which part of
//! `data` it owns. Signatures are not looked at.

use super::files::clean;
use super::modules::{self, Text};
use super::roots::{overlap, permitted, roots, within_one_another};
use super::{Loaded, Options, Tree, ignore, member, os_error, parse_any, plain};
use crate::commands::policy::output::failure::{Failure, summary};
use flate2::read::GzDecoder;
use sluice_rego::Value;
use sluice_rego::ast::{Module, Version};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A bundle's longest unpacked content, in bytes.
const MAX_UNPACKED: u64 = 1 << 30;

/// A bundle that was read.
#[derive(Debug)]
pub struct Bundle {
    pub name: String,
    pub texts: Vec<Text>,
    pub data: Tree,
    pub roots: Vec<String>,
    manifest: Value,
}

/// Files of a bundle by their path within it, in order.
type Files = Vec<(String, Vec<u8>)>;

/// Reads the bundle of a path.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub fn read(named: &str, options: &Options<'_>) -> Result<Bundle, String> {
    let path = clean(named)?;
    let about = std::fs::metadata(&path)
        .map_err(|error| format!("error reading {named:?}: {}", os_error("stat", &path, &error)))?;
    let files = if about.is_dir() {
        folder(&path, options.ignore)?
    } else {
        let bytes = std::fs::read(&path).map_err(|error| os_error("open", &path, &error))?;
        unpack(&bytes, options.ignore).map_err(|error| format!("bundle {named}: {error}"))?
    };
    let within = if about.is_dir() { path.as_path() } else { Path::new("") };
    put_together(named, within, files, options.version).map_err(|error| format!("bundle {named}: {error}"))
}

/// Loads bundles and lays them over what is loaded already: each takes the place of what lies at its roots.
///
/// # Errors
/// Roots that overlap, or what is wrong with modules.
pub fn activate(bundles: Vec<Bundle>, loaded: Loaded) -> Result<Loaded, Vec<Failure>> {
    if let Some(message) = overlap(&bundles) {
        return Err(plain(message));
    }
    lay(bundles, loaded)
}

/// Makes one of several bundles.
///
/// # Errors
/// Roots that overlap, or what is wrong with modules.
pub fn merge(bundles: Vec<Bundle>) -> Result<Loaded, Vec<Failure>> {
    let roots: Vec<&str> = bundles.iter().flat_map(|bundle| &bundle.roots).map(String::as_str).collect();
    within_one_another(&roots).map_err(plain)?;
    lay(bundles, Loaded::default())
}

fn lay(bundles: Vec<Bundle>, loaded: Loaded) -> Result<Loaded, Vec<Failure>> {
    let mut data = loaded.data;
    let mut modules = loaded.modules;
    for bundle in bundles {
        for root in &bundle.roots {
            let path: Vec<&str> = root.split('/').filter(|part| !part.is_empty()).collect();
            data.erase(&path);
            if let Some(own) = bundle.data.get(&path) {
                let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
                data.add(&path, own.into_value()).map_err(|_| plain(format!("bundle {}: merge error", bundle.name)))?;
            }
        }
        modules.extend(modules::parse(bundle.texts).map_err(modules::flat)?);
    }
    Ok(Loaded { modules: renumbered(modules), data })
}

/// A packed bundle among data: its modules, and its documents with its manifest.
pub fn packed_as_data(name: &str, bytes: &[u8], version: Version) -> Result<(Vec<Text>, Value), String> {
    let bundle = put_together(name, Path::new(""), unpack(bytes, &[])?, version)?;
    let mut data = bundle.data;
    let path = ["system", "bundle", "manifest"].map(str::to_owned);
    data.add(&path, bundle.manifest).map_err(|_| "failed to insert the manifest".to_owned())?;
    Ok((bundle.texts, data.into_value()))
}

/// Gives sources the index of their place.
fn renumbered(modules: Vec<Module>) -> Vec<Module> {
    let texts = modules
        .iter()
        .map(|m| Text { name: m.source.name.to_string(), bytes: m.source.text.as_bytes().to_vec(), version: m.version })
        .collect();
    // They were read once; only the order is new.
    modules::parse(texts).unwrap_or(modules)
}

/// The regular files of a folder. Links are not followed.
fn folder(root: &Path, patterns: &[String]) -> Result<Files, String> {
    let mut files = Files::new();
    let mut open = vec![(root.to_path_buf(), String::new())];
    while let Some((path, name)) = open.pop() {
        let about = path.symlink_metadata().map_err(|error| os_error("lstat", &path, &error))?;
        let last = name.rsplit('/').next().unwrap_or_default();
        if !name.is_empty() && ignore::ignored(last, patterns) {
            continue;
        }
        if about.is_dir() || name.is_empty() {
            let listed = std::fs::read_dir(&path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
            let mut entries = listed.map_err(|error| os_error("open", &path, &error))?;
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
            open.extend(entries.into_iter().map(|e| (e.path(), format!("{name}/{}", e.file_name().to_string_lossy()))));
        } else if about.is_file() && wanted(&name) {
            let bytes = std::fs::read(&path).map_err(|error| os_error("open", &path, &error))?;
            files.push((name, bytes));
        }
    }
    Ok(files)
}

/// Whether a file of a bundle means anything.
fn wanted(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    name.ends_with(".rego") || matches!(last, "data.json" | "data.yaml" | "data.yml" | ".manifest")
}

fn unpack(bytes: &[u8], patterns: &[String]) -> Result<Files, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(MAX_UNPACKED));
    let mut files = Files::new();
    let fail = |error: std::io::Error| format!("archive read failed: {error}");
    for entry in archive.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let skipped = name.split('/').any(|part| !part.is_empty() && ignore::ignored(part, patterns));
        if entry.header().entry_type().is_file() && wanted(&name) && !skipped {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(fail)?;
            files.push((name, content));
        }
    }
    Ok(files)
}

fn put_together(name: &str, within: &Path, files: Files, version: Version) -> Result<Bundle, String> {
    let mut data = Tree::default();
    let mut rego = Vec::new();
    let mut manifest = Value::object([]);
    for (path, bytes) in files {
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", &path));
        if path.ends_with(".rego") {
            rego.push((path, bytes));
        } else if last == ".manifest" {
            manifest =
                super::parse_json(&bytes).map_err(|error| format!("bundle load failed on manifest decode: {error}"))?;
        } else {
            let shown = within.join(path.trim_start_matches('/'));
            let value =
                parse_any(&bytes).map_err(|error| format!("bundle load failed on {}: {error}", shown.display()))?;
            let key: Vec<String> = folder
                .trim_start_matches(['/', '.'])
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            if key.is_empty() && !matches!(value, Value::Object(_)) {
                return Err(format!("bundle load failed on {path}: root value must be object"));
            }
            data.add(&key, value).map_err(|_| {
                format!("bundle load failed on {path}: failed to insert data file from path {}", key.join("/"))
            })?;
        }
    }
    let versions = Versions::new(&manifest, version);
    let texts: Vec<Text> = rego
        .into_iter()
        .map(|(path, bytes)| {
            let shown = if within.as_os_str().is_empty() {
                path.clone()
            } else {
                within.join(path.trim_start_matches('/')).display().to_string()
            };
            Text { name: shown.trim_start_matches("./").to_owned(), bytes, version: versions.of(&path) }
        })
        .collect();
    let roots = roots(&manifest)?;
    let modules = modules::parse(texts.clone()).map_err(|failed| summary(&modules::flat(failed), ""))?;
    permitted(&roots, &modules, &data)?;
    if member(&manifest, "roots").is_none() {
        let all = Value::array(roots.iter().map(Value::string));
        let revision = member(&manifest, "revision").cloned().unwrap_or_else(|| "".into());
        manifest = Value::object([("roots".into(), all), ("revision".into(), revision)]);
    }
    Ok(Bundle { name: name.to_owned(), texts, data, roots, manifest })
}

/// Which dialect the files of a bundle are written in.
struct Versions {
    own: Version,
    files: BTreeMap<String, Version>,
}

impl Versions {
    fn new(manifest: &Value, version: Version) -> Self {
        let read = |value: &Value| match value.to_string().as_str() {
            "0" => Some(Version::V0),
            "1" => Some(Version::V1),
            _ => None,
        };
        let own = member(manifest, "rego_version").and_then(read).unwrap_or(version);
        let mut files = BTreeMap::new();
        if let Some(Value::Object(found)) = member(manifest, "file_rego_versions") {
            files.extend(found.iter().filter_map(|(path, value)| Some((path.as_str()?.to_owned(), read(value)?))));
        }
        Self { own, files }
    }

    fn of(&self, path: &str) -> Version {
        self.files.get(path).or_else(|| self.files.get(path.trim_start_matches('/'))).copied().unwrap_or(self.own)
    }
}
