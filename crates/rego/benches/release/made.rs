//! Policies and inputs of the size and shape of Conforma's: 46 packages that look at the tasks of SLSA provenance, helpers
//! that they share, two large JSON schemas, rule data, and inputs of about 184 KiB.

use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const PACKAGES: usize = 46;
/// Definitions in each of the two schemas: some 20,000 lines together.
const DEFINITIONS: usize = 900;

/// Writes policies and data: the folders of helpers and of packages, and the file of data.
pub fn policies(folder: &Path) -> Vec<PathBuf> {
    let (lib, release) = (folder.join("lib"), folder.join("release"));
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::create_dir_all(&release).unwrap();
    std::fs::write(lib.join("lib.rego"), LIB).unwrap();
    for kind in ["cyclonedx", "spdx"] {
        std::fs::write(lib.join(format!("schema_{kind}.rego")), schema(kind)).unwrap();
    }
    for n in 0..PACKAGES {
        std::fs::write(release.join(format!("package_{n:02}.rego")), package(n)).unwrap();
    }
    let allowed: Vec<String> = (0..200).map(|n| format!("registry{n}.example.org/")).collect();
    let trusted: Json = (0..100)
        .map(|n| {
            let records: Vec<Json> = (0..5)
                .map(|r| json!({"ref": format!("sha256:{r:064x}"), "effective_on": "2024-01-01T00:00:00Z"}))
                .collect();
            (format!("oci://quay.io/tasks/task-{n}:0.1"), Json::from(records))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let data = folder.join("data.json");
    std::fs::write(&data, json!({"rule_data": {"allowed": allowed, "limit": 3}, "trusted_tasks": trusted}).to_string())
        .unwrap();
    vec![lib, release, data]
}

const LIB: &str = r#"package lib

import rego.v1

pipelineruns := [att |
	some att in input.attestations
	att.statement.predicateType == "https://slsa.dev/provenance/v0.2"
]

tasks(att) := [task | some task in att.statement.predicate.buildConfig.tasks]

name(task) := task.ref.name

bundle(task) := task.ref.bundle

digest(task) := split(bundle(task), "@")[1]

key(task) := concat("", ["oci://", split(bundle(task), "@")[0]])

trusted(task) if {
	some record in data.trusted_tasks[key(task)]
	record.ref == digest(task)
	time.parse_rfc3339_ns(record.effective_on) < time.now_ns()
}

result_of(task, name) := value if {
	some result in task.results
	result.name == name
	value := object.get(result, "value", "")
}

param(task, name) := object.get(task, ["invocation", "parameters", name], "")

label(name) := object.get(input, ["image", "config", "Labels", name], "")

allowed(image) if {
	some prefix in data.rule_data.allowed
	startswith(image, prefix)
}

message(chain, params) := {
	"code": chain[0].annotations.custom.short_name,
	"msg": sprintf(chain[0].annotations.custom.failure_msg, params),
	"severity": severity(chain),
}

severity(chain) := object.get(chain[0].annotations.custom, "severity", "failure")
"#;

/// A schema as an object literal, and what documents it finds wrong.
fn schema(kind: &str) -> String {
    let mut text = format!(
        "package lib.schema_{kind}\n\nimport rego.v1\n\nschema := {{\n\t\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n\t\"type\": \"object\",\n\t\"definitions\": {{\n"
    );
    for n in 0..DEFINITIONS {
        let _ = write!(
            text,
            "\t\t\"d{n}\": {{\n\t\t\t\"type\": \"object\",\n\t\t\t\"required\": [\"name\"],\n\t\t\t\"properties\": {{\n\t\t\t\t\"name\": {{\n\t\t\t\t\t\"type\": \"string\",\n\t\t\t\t\t\"pattern\": \"^[a-z0-9.-]+$\",\n\t\t\t\t}},\n\t\t\t\t\"next\": {{\"$ref\": \"#/definitions/d{}\"}},\n\t\t\t}},\n\t\t}},\n",
            (n * 7 + 1) % DEFINITIONS
        );
    }
    text.push_str("\t},\n\t\"properties\": {\"components\": {\n\t\t\"type\": \"array\",\n\t\t\"items\": {\"$ref\": \"#/definitions/d0\"},\n\t}},\n}\n\nfaults contains fault if {\n\tsome att in input.attestations\n\tatt.statement.predicateType == \"https://cyclonedx.org/bom\"\n\tsome fault in json.match_schema(att.statement.predicate, schema)[1]\n}\n");
    text
}

/// A package of rules over tasks, results, labels and materials.
fn package(n: usize) -> String {
    let mut text = format!(
        "# METADATA\n# title: Package {n}\n# description: Rules of package {n}\npackage release.package_{n:02}\n\nimport rego.v1\n\nimport data.lib\n"
    );
    let rules: [(&str, &str, &str); 6] = [
        (
            "trusted",
            "some att in lib.pipelineruns\n\tsome task in lib.tasks(att)\n\tnot lib.trusted(task)\n\tendswith(lib.name(task), \"NN\")",
            "lib.name(task)",
        ),
        (
            "images",
            "some att in lib.pipelineruns\n\tsome task in lib.tasks(att)\n\tsome step in task.steps\n\timage := step.environment.image\n\tnot lib.allowed(image)\n\tcontains(image, \"-NN@\")",
            "image",
        ),
        (
            "tests",
            "some att in lib.pipelineruns\n\tsome task in lib.tasks(att)\n\toutput := json.unmarshal(lib.result_of(task, \"TEST_OUTPUT\"))\n\toutput.failures > data.rule_data.limit\n\toutput.namespace == \"pNN\"",
            "lib.name(task)",
        ),
        (
            "labels",
            "some name in [\"vendor\", \"version\", \"release\", \"pNN\"]\n\tlib.label(name) == \"\"\n\tregex.match(\"^v[a-z]+$\", name)",
            "name",
        ),
        (
            "materials",
            "some att in lib.pipelineruns\n\tcommits := {m.digest.sha1 | some m in att.statement.predicate.materials; startswith(m.uri, \"git+\")}\n\tcount(commits) == 0\n\tmsg := \"none\"",
            "msg",
        ),
        (
            "parameters",
            "some att in lib.pipelineruns\n\tsome task in lib.tasks(att)\n\tlib.param(task, \"HERMETIC\") == \"no-NN\"",
            "lib.name(task)",
        ),
    ];
    for (name, body, term) in rules {
        let body = body.replace("NN", &format!("{n:02}"));
        let head = if name == "labels" { "warn" } else { "deny" };
        let _ = write!(
            text,
            "\n# METADATA\n# title: Rule {name}\n# description: >-\n#   What rule {name} of package {n} looks for.\n# custom:\n#   short_name: {name}\n#   failure_msg: 'Package {n}: %q'\n#   solution: Mend it.\n#   collections:\n#   - minimal\n#   effective_on: 2024-01-01T00:00:00Z\n#\n{head} contains result if {{\n\t{body}\n\tresult := lib.message(rego.metadata.chain(), [{term}])\n}}\n"
        );
    }
    if n < 2 {
        let kind = if n == 0 { "cyclonedx" } else { "spdx" };
        let _ = write!(
            text,
            "\n# METADATA\n# title: Schema\n# custom:\n#   short_name: schema\n#   failure_msg: 'SBOM: %s'\ndeny contains result if {{\n\tsome fault in data.lib.schema_{kind}.faults\n\tresult := lib.message(rego.metadata.chain(), [fault.error])\n}}\n"
        );
    }
    text
}

/// Writes inputs, each a little different from the others.
pub fn inputs(folder: &Path, count: usize) -> Vec<PathBuf> {
    (0..count)
        .map(|n| {
            let path = folder.join(format!("input{n:02}.json"));
            std::fs::write(&path, input(n).to_string()).unwrap();
            path
        })
        .collect()
}

fn hex(seed: usize) -> String {
    // splitmix64, four times.
    let word = |n: usize| {
        let z = (seed as u64).wrapping_mul(4).wrapping_add(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    (0..4).map(|n| format!("{:016x}", word(n))).collect()
}

fn input(seed: usize) -> Json {
    let image = format!("quay.io/acme/app@sha256:{}", hex(seed));
    let tasks: Vec<Json> = (0..17)
        .map(|t| {
            let script: String =
                (0..66).map(|l| format!("echo \"step {l}: $(params.IMAGE) {}\"\n", &hex(seed * 1000 + t * 40 + l)[..20])).collect();
            let steps: Vec<Json> = (0..2)
                .map(|s| json!({
                    "entryPoint": script, "arguments": ["--task", t],
                    "environment": {"container": format!("step{s}"), "image": format!("oci://quay.io/steps/step-{t:02}@sha256:{}", hex(t + s))},
                }))
                .collect();
            let output = json!({"result": "SUCCESS", "namespace": format!("p{t:02}"), "successes": 3, "failures": seed % 3}).to_string();
            json!({
                "name": format!("task-{t:02}"),
                "ref": {"name": format!("task-{t:02}"), "bundle": format!("quay.io/tasks/task-{t}:0.1@sha256:{:064x}", t % 6), "resolver": "bundles", "kind": "Task"},
                "status": "Succeeded", "startedOn": "2024-06-01T10:00:00Z", "finishedOn": "2024-06-01T10:01:00Z",
                "steps": steps,
                "invocation": {"parameters": {"HERMETIC": "true", "IMAGE": image, "URL": "https://git.example.org/app"}},
                "results": [
                    {"name": "TEST_OUTPUT", "type": "string", "value": output},
                    {"name": "IMAGE_DIGEST", "type": "string", "value": format!("sha256:{}", hex(t))},
                ],
            })
        })
        .collect();
    let mut materials: Vec<Json> =
        (0..20).map(|m| json!({"uri": format!("oci://quay.io/base-{m}"), "digest": {"sha256": hex(m)}})).collect();
    materials.push(json!({"uri": "git+https://git.example.org/app.git", "digest": {"sha1": &hex(seed)[..40]}}));
    let components: Vec<Json> = (0..100)
        .map(|c| json!({"name": format!("pkg-{c}"), "version": format!("1.{c}"), "purl": format!("pkg:rpm/rhel/pkg-{c}@1.{c}?arch=x86_64"), "hashes": [{"alg": "SHA-256", "content": hex(c)}], "next": {"name": "next"}}))
        .collect();
    let statement = |kind: &str, predicate: Json| json!({"statement": {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind, "predicate": predicate}, "signatures": [{"keyid": "", "sig": hex(seed)}]});
    json!({
        "attestations": [
            statement("https://slsa.dev/provenance/v0.2", json!({
                "builder": {"id": "https://tekton.dev/chains/v2"}, "buildType": "tekton.dev/v1beta1/PipelineRun",
                "buildConfig": {"tasks": tasks}, "materials": materials,
            })),
            statement("https://cyclonedx.org/bom", json!({"bomFormat": "CycloneDX", "components": components})),
        ],
        "image": {"ref": image, "config": {"Labels": {"name": "app", "version": "1", "release": "2"}}},
    })
}
