//! What the tests of the gate share: a registry in memory that holds one signed image with its evidence, and the policy
//! of the library as a source.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey, LineEnding};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sluice_api::konflux::{PolicyConfig, PolicySource, PolicySpec, SnapshotComponent, SnapshotSpec};
use sluice_attest::{dsse, simplesigning};
use sluice_oci::{Descriptor, Digest, Reference};
use sluice_policy::store::{Answer, Manifest, Store, StoreError};
use sluice_policy::{Gate, Report, Target, ValidateRequest, validate_images};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const REPOSITORY: &str = "localhost:5000/acme/hello";

/// How a case differs from the good build.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Case {
    pub about: String,
    /// JSON patches of the statements.
    pub provenance: Vec<Value>,
    pub witness: Vec<Value>,
    /// Statements left out.
    pub without: Vec<String>,
    pub sign: Sign,
    pub sbom: Option<bool>,
    pub components: Option<Vec<String>>,
    pub include: Option<Vec<String>>,
    pub exclude: Vec<String>,
    pub rego: String,
    /// Keys of the data in place of the good ones.
    pub data: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sign {
    pub image: String,
    pub attestations: String,
}

impl Default for Sign {
    fn default() -> Self {
        Self { image: "own".into(), attestations: "own".into() }
    }
}

/// A registry in memory.
#[derive(Debug, Default)]
pub struct Memory {
    manifests: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Store for Memory {
    fn manifest<'a>(&'a self, reference: &'a Reference) -> Answer<'a, Option<Manifest>> {
        let found = self.manifests.get(&format!("{}/{}", reference.name(), reference.identifier()));
        let found = found.map(|bytes| Manifest { digest: Digest::sha256(bytes), bytes: bytes.clone() });
        Box::pin(async move { Ok(found) })
    }

    fn blob<'a>(&'a self, _: &'a Reference, blob: &'a Descriptor, limit: u64) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let bytes = self.blobs.get(&blob.digest.to_string()).ok_or_else(|| StoreError("no such blob".into()))?;
            assert!(bytes.len() as u64 == blob.size && blob.size <= limit);
            Ok(bytes.clone())
        })
    }
}

impl Memory {
    pub fn put_blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        self.blobs.insert(Digest::sha256(bytes).to_string(), bytes.to_vec());
        json!({"mediaType": media_type, "digest": Digest::sha256(bytes).to_string(), "size": bytes.len()})
    }

    pub fn put_manifest(&mut self, tag: Option<&str>, layers: Vec<Value>) -> Digest {
        let config = self.put_blob("application/vnd.oci.image.config.v1+json", br#"{"config":{"Labels":{"a":"b"}}}"#);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": layers,
        });
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::sha256(&bytes);
        for name in [Some(digest.to_string()), tag.map(str::to_owned)].into_iter().flatten() {
            self.manifests.insert(format!("{REPOSITORY}/{name}"), bytes.clone());
        }
        digest
    }
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub fn pem(key: &SigningKey) -> String {
    key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: Signature = key.sign(message);
    signature.to_der().as_bytes().to_vec()
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library")
}

/// The evidence of a case before it is signed.
pub struct Build {
    pub case: Case,
    pub digest: Digest,
    pub statements: BTreeMap<String, Value>,
    sbom: Vec<u8>,
    /// Holds the copy of the policy with the case's own rule, where it has one.
    own: Option<tempfile::TempDir>,
}

fn with_rule(rego: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for part in ["lib", "release"] {
        std::fs::create_dir(copy.path().join(part)).unwrap();
        for entry in std::fs::read_dir(library().join("policy").join(part)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    std::fs::write(copy.path().join("own.rego"), rego).unwrap();
    copy
}

impl Build {
    pub fn new(case: Case) -> Self {
        let digest = image(&mut Memory::default());
        let sbom = std::fs::read(fixtures().join("base/sbom.json")).unwrap();
        let own = (!case.rego.is_empty()).then(|| with_rule(&case.rego));
        let mut build = Self { case, digest, statements: BTreeMap::new(), sbom, own };
        for (name, patch) in [("provenance", build.case.provenance.clone()), ("witness", build.case.witness.clone())] {
            let mut statement: Value =
                serde_json::from_str(&std::fs::read_to_string(fixtures().join(format!("base/{name}.json"))).unwrap())
                    .unwrap();
            let patch: json_patch::Patch = serde_json::from_value(Value::Array(patch)).unwrap();
            json_patch::patch(&mut statement, &patch).unwrap();
            let statement = serde_json::from_str(&build.filled(&statement.to_string())).unwrap();
            if !build.case.without.iter().any(|left_out| left_out == name) {
                build.statements.insert(name.into(), statement);
            }
        }
        build
    }

    /// Text with the placeholders of the fixtures filled in.
    pub fn filled(&self, text: &str) -> String {
        text.replace("{{image}}", &format!("{REPOSITORY}@{}", self.digest))
            .replace("{{hex}}", self.digest.hex())
            .replace("{{sbom}}", &Digest::sha256(&self.sbom).to_string())
    }

    fn store(&self) -> Memory {
        let mut store = Memory::default();
        image(&mut store);
        let tag = |suffix: &str| format!("sha256-{}.{suffix}", self.digest.hex());
        let signer = |how: &str| if how == "alien" { key(9) } else { key(7) };
        let how = self.case.sign.image.as_str();
        if how != "none" {
            let about = if how == "foreign" { format!("sha256:{}", "d".repeat(64)) } else { self.digest.to_string() };
            let mut payload = json!({
                "critical": {
                    "identity": {"docker-reference": REPOSITORY},
                    "image": {"docker-manifest-digest": about},
                    "type": "cosign container image signature",
                },
                "optional": null,
            })
            .to_string()
            .into_bytes();
            let signature = sign(&signer(how), &payload);
            if how == "tampered" {
                payload.push(b' ');
            }
            let mut layer = store.put_blob(simplesigning::MEDIA_TYPE, &payload);
            layer["annotations"] = json!({"dev.cosignproject.cosign/signature": STANDARD.encode(signature)});
            store.put_manifest(Some(&tag("sig")), vec![layer]);
        }
        let how = self.case.sign.attestations.as_str();
        if how != "none" {
            let layers = self.statements.values().map(|statement| {
                let payload = statement.to_string().into_bytes();
                let key = signer(how);
                let der = sign(&key, &dsse::pae(dsse::INTOTO, &payload));
                let mut envelope = dsse::Envelope::new(dsse::INTOTO, &payload, "", &der);
                if how == "tampered" {
                    envelope.payload = STANDARD.encode([payload.as_slice(), b" "].concat());
                }
                store.put_blob(dsse::MEDIA_TYPE, &envelope.to_vec().unwrap())
            });
            let layers: Vec<Value> = layers.collect();
            if !layers.is_empty() {
                store.put_manifest(Some(&tag("att")), layers);
            }
        }
        if self.case.sbom != Some(false) {
            let layer = store.put_blob("text/spdx+json", &self.sbom);
            store.put_manifest(Some(&tag("sbom")), vec![layer]);
        }
        store
    }

    pub fn request(&self) -> ValidateRequest {
        let components = self.case.components.clone().unwrap_or_else(|| vec!["{{image}}".into()]);
        let components = components
            .iter()
            .map(|image| SnapshotComponent {
                name: "hello".into(),
                container_image: self.filled(image),
                ..SnapshotComponent::default()
            })
            .collect();
        let include = self.case.include.clone().unwrap_or_else(|| vec!["@redhat".into()]);
        let data = |name: PathBuf| serde_json::from_str::<Value>(&std::fs::read_to_string(name).unwrap()).unwrap();
        let mut all = data(fixtures().join("base/trusted_tasks.json")).as_object().unwrap().clone();
        all.extend(data(library().join("data/required_tasks.json")).as_object().unwrap().clone());
        all.extend(self.case.data.clone());
        let inline = STANDARD.encode(Value::Object(all).to_string());
        let source = PolicySource {
            policy: vec![format!("file::{}", self.policy().display())],
            data: vec![format!("data:application/json;base64,{inline}")],
            config: Some(PolicyConfig { include, exclude: self.case.exclude.clone() }),
            ..PolicySource::default()
        };
        ValidateRequest {
            snapshot: SnapshotSpec { components, ..SnapshotSpec::default() },
            policy: PolicySpec { sources: vec![source], public_key: pem(&key(7)), ..PolicySpec::default() },
            public_key: None,
            effective_time: "2026-02-01T00:00:00Z".into(),
            created: "2026-02-01T00:00:00Z".into(),
            workers: 4,
            extra_rule_data: Map::new(),
            version: "test".into(),
        }
    }

    /// The library's policy, or a copy of it with the case's own rule added.
    fn policy(&self) -> PathBuf {
        self.own.as_ref().map_or_else(|| library().join("policy"), |copy| copy.path().to_owned())
    }

    /// The policy of the case, compiled.
    pub async fn gate(&self) -> Gate {
        Gate::prepare(self.request(), Arc::new(self.store())).await.unwrap()
    }

    /// Whether the rules let the image pass with these statements.
    pub fn passes(&self, gate: &Gate, statements: &BTreeMap<String, Value>) -> bool {
        let digest = self.digest.to_string();
        let reference = format!("{REPOSITORY}@{digest}");
        let sbom = format!("{REPOSITORY}@{}", Digest::sha256(&self.sbom));
        let input = json!({
            "attestations": statements.values().map(|statement| json!({"statement": statement})).collect::<Vec<_>>(),
            "image": {"ref": reference, "sboms": [{"ref": sbom, "format": "spdx"}]},
        });
        gate.judge(&input, Target { repository: REPOSITORY, digest: &digest, component: "hello" }).passes()
    }

    pub async fn validate(&self) -> Report {
        validate_images(self.request(), Arc::new(self.store())).await.unwrap()
    }
}

fn image(store: &mut Memory) -> Digest {
    let layer = store.put_blob("application/vnd.oci.image.layer.v1.tar+gzip", b"layer");
    store.put_manifest(None, vec![layer])
}

/// The verdict in the form of `want.txt`, with the image's digest and reference as placeholders.
pub fn shown(build: &Build, report: &Report) -> String {
    let mut out = format!("{}\n", report.test_output().result);
    for component in &report.components {
        for (mark, list) in [('-', &component.violations), ('!', &component.warnings)] {
            for finding in list {
                out.push_str(&format!("{mark} [{}] {}\n", finding.code(), finding.message.replace('\n', " ")));
            }
        }
    }
    out.replace(&format!("{REPOSITORY}@{}", build.digest), "{{image}}").replace(build.digest.hex(), "{{hex}}")
}

pub fn case(name: &str) -> Case {
    serde_json::from_str(&std::fs::read_to_string(fixtures().join(name).join("case.json")).unwrap()).unwrap()
}
