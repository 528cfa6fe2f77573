//! The ladder (`tests/ladder`): for each layer the same attack, with the layer left out by what its owner has configured,
//! where it passes, and with the layer, where it is refused. What is looked for is the harm itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sluice_attest::{cosign, dsse};
use sluice_oci::{Artifact, Layer, Reference};
use support::{Cluster, condition, programs, result, scenario};

const BUILD: &str = include_str!("../../../tests/fixtures/build.yaml");

/// One folder of tests/ladder.
struct Rung {
    attack: String,
    without: String,
    expected: Value,
}

/// What came of an attack: whether the harm was done, and what was said.
struct Outcome {
    harm: bool,
    said: String,
}

impl Rung {
    fn load(name: &str) -> Self {
        let folder = programs::workspace().join("tests/ladder").join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        Self { attack: read("attack.yaml"), without: read("without.yaml"), expected: scenario::expected(&folder) }
    }

    /// `mode` is `with` or `without`.
    fn expect(&self, mode: &str, outcome: &Outcome) {
        let expected = &self.expected[mode];
        assert_eq!(expected["harm"], outcome.harm, "{mode}: {}", outcome.said);
        if let Some(said) = expected["said"].as_str() {
            assert!(outcome.said.contains(said), "{mode}: `{said}` is not in: {}", outcome.said);
        }
    }
}

/// A run of three tasks; the harm is the attacker's bytes in the build.
#[test]
fn rung_3_trusted_artifacts() {
    let rung = Rung::load("3-trusted-artifacts");
    let cluster = Cluster::full("rung-3");
    for (mode, text) in [("with", &rung.attack), ("without", &rung.without)] {
        let (namespace, name) = created_run(&cluster, text);
        let run = cluster.ended("pipelineruns", &namespace, &name);
        let built = result(&run, "BUILT").unwrap_or_else(|| panic!("{run:#}")).to_owned();
        rung.expect(mode, &Outcome { harm: built == "malicious", said: built });
    }
}

fn created_run(cluster: &Cluster, text: &str) -> (String, String) {
    // Other objects of the file come before the run.
    cluster.create(text).pop().unwrap()
}

/// An image made by hand, in a repository of the tenant; returns its digest.
fn by_hand(cluster: &Cluster) -> String {
    let image: Reference = format!("{}/acme/hello:by-hand", cluster.host()).parse().unwrap();
    let artifact = Artifact { layers: vec![Layer::bytes("text/plain", b"by hand".to_vec())], ..Artifact::default() };
    cluster.block_on(cluster.registry().push_artifact(&image, &artifact)).unwrap().to_string()
}

/// A Release of that Snapshot, and whether that image is in production after it.
fn released(cluster: &Cluster, snapshot: &str, digest: &str) -> Outcome {
    let release = cluster.release(snapshot);
    let said = cluster.managed_log(&release);
    let harm = cluster.in_production(digest);
    let word = &condition(&release, "Released").unwrap()["status"];
    assert!(harm || word == "False", "nothing was published, and it counts as released: {release:#}");
    Outcome { harm, said }
}

/// The tenant makes a key of its own and signs what the observer would have to say of its image.
#[test]
fn rung_4_attestations() {
    let rung = Rung::load("4-attestations");
    let cluster = Cluster::full("rung-4");
    let (run, _) = cluster.build(BUILD);
    let built = result(&run, "IMAGE_DIGEST").unwrap().to_owned();
    let digest = by_hand(&cluster);
    let key = sluice_keys::SigningKey::generate().unwrap();
    forge(&cluster, &key, &built, &digest);
    let attack = rung.attack.replace("${DIGEST}", &digest);
    for mode in ["with", "without"] {
        if mode == "without" {
            let pem: Vec<String> = key.public_pem().lines().map(|line| format!("    {line}")).collect();
            cluster.apply(&rung.without.replace("${PUBLIC_KEY}", &pem.join("\n")));
        }
        let (_, snapshot) = cluster.create_one(&attack);
        rung.expect(mode, &released(&cluster, &snapshot, &digest));
    }
}

/// The statements, the signature and the SBOM of a true build, about another image, by another key.
fn forge(cluster: &Cluster, key: &sluice_keys::SigningKey, built: &str, digest: &str) {
    let of = |tag: String| -> Reference { format!("{}/acme/hello:{tag}", cluster.host()).parse().unwrap() };
    for tag in [cosign::attestation_tag as fn(&str) -> String, cosign::signature_tag, sbom_tag] {
        let from = of(tag(built));
        let mut layers = Vec::new();
        for layer in &cluster.manifest(&from.to_string()).unwrap().layers {
            let bytes = cluster.block_on(cluster.registry().blob_bytes(&from, layer, 1 << 20)).unwrap().to_vec();
            let moved =
                |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(hex(built), hex(digest)).into_bytes();
            let mut annotations = layer.annotations.clone();
            let bytes = match dsse::Envelope::parse(&bytes) {
                Ok(envelope) => {
                    let payload = moved(envelope.payload_unverified().unwrap());
                    key.sign_dsse(dsse::INTOTO, &payload).to_vec().unwrap()
                }
                Err(_) if !layer.annotations.contains_key(cosign::SIGNATURE) => bytes,
                Err(_) => {
                    let bytes = moved(bytes);
                    annotations.insert(cosign::SIGNATURE.into(), STANDARD.encode(key.sign_der(&bytes)));
                    bytes
                }
            };
            let mut layer = Layer::bytes(&layer.media_type, bytes);
            layer.annotations = annotations;
            layers.push(layer);
        }
        let artifact = Artifact { layers, ..Artifact::default() };
        cluster.block_on(cluster.registry().push_artifact(&of(tag(digest)), &artifact)).unwrap();
    }
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

fn sbom_tag(digest: &str) -> String {
    format!("sha256-{}.sbom", hex(digest))
}

/// Type hinting: it is built and signed, as with Tekton Chains.
#[test]
fn rung_5_policy() {
    let rung = Rung::load("5-policy");
    let cluster = Cluster::full("rung-5");
    let digest = by_hand(&cluster);
    let (run, snapshot) = cluster.build(&rung.attack.replace("${DIGEST}", &digest));
    assert_eq!(run["metadata"]["annotations"]["chains.tekton.dev/signed"], "true");
    rung.expect("with", &released(&cluster, &snapshot, &digest));
    let pipeline = cluster.file(&rung.without);
    let pinned = cluster.sluice(&["run", "--dry-run", "-f", pipeline.to_str().unwrap()]).ok();
    cluster.apply(&pinned);
    rung.expect("without", &released(&cluster, &snapshot, &digest));
}

/// The tenant's own credential, used on production.
#[test]
fn rung_6_release() {
    let rung = Rung::load("6-release");
    let cluster = Cluster::full("rung-6");
    for mode in ["with", "without"] {
        if mode == "without" {
            cluster.apply(&rung.without);
        }
        let (namespace, name) = cluster.create_one(&rung.attack);
        cluster.ended("pipelineruns", &namespace, &name);
        let task = cluster.get("taskruns", &namespace, &format!("{name}-build")).unwrap();
        let harm = cluster.manifest(&format!("{}/production/hello:latest", cluster.host())).is_some();
        rung.expect(mode, &Outcome { harm, said: cluster.logs(&namespace, &task) });
    }
}
