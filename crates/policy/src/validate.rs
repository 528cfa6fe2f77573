//! The whole of `validate image`: sources to policies, images to inputs, inputs to a report. Images are judged side by
//! side, a bounded number at a time; the policy is compiled once.

use crate::judge::{self, Policy, Target, Verdict};
use crate::rego::{Module, RegoError, Rules};
use crate::report::{Component, Finding, Report};
use crate::selection::{Selection, SelectionError};
use crate::source::{self, SourceError};
use crate::store::Store;
use crate::verify::{self, Verified};
use crate::{data, explain, sbom};
use serde_json::{Map, Value, json};
use sluice_api::konflux::{PolicySource, PolicySpec, SnapshotComponent, SnapshotSpec};
use sluice_attest::PublicKey;
use sluice_oci::{Digest, Reference};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Most images judged at a time.
const MAX_WORKERS: usize = 32;

/// What to validate, against what, as of when.
#[derive(Clone, Debug)]
pub struct ValidateRequest {
    pub snapshot: SnapshotSpec,
    /// The spec of an EnterpriseContractPolicy.
    pub policy: PolicySpec,
    /// PEM of the observer's key; overrides the policy's `publicKey`.
    pub public_key: Option<String>,
    /// RFC 3339: the time at which dates of the policy and its data are looked at.
    pub effective_time: String,
    /// RFC 3339: the time of the report.
    pub created: String,
    /// Images judged at a time.
    pub workers: usize,
    /// Rule data in addition to the policy's, as `--extra-rule-data` gives it.
    pub extra_rule_data: Map<String, Value>,
    /// Version of the program, for the report.
    pub version: String,
}

/// Why there is no verdict. The gate stays shut, but nothing is known about the images.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("{0} `{1}` is not an RFC 3339 time such as 2026-01-31T12:00:00Z")]
    Time(&'static str, String),
    #[error("the policy has no sources\n\nname at least one under spec.sources[].policy")]
    NoSources,
    #[error(
        "the policy's public key `{given}` cannot be used: {reason}\n\ngive the PEM text or a file of the observer's public key (cosign.pub)"
    )]
    Key { given: String, reason: String },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Data(#[from] data::DataError),
    #[error(transparent)]
    Rego(#[from] RegoError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
}

impl PolicyError {
    /// The policy itself is at fault, not the way to it.
    pub fn is_configuration(&self) -> bool {
        !matches!(self, Self::Source(SourceError::Read { .. }))
    }
}

/// A policy made ready: sources fetched, compiled once, with its key. Judges any number of snapshots.
#[derive(Debug)]
pub struct Gate {
    store: Arc<dyn Store>,
    policies: Vec<Policy>,
    key: PublicKey,
    pem: String,
    request: ValidateRequest,
    at: jiff::Timestamp,
}

/// Validates every component of the snapshot. An error means that nothing could be judged; a denial is a report.
pub async fn validate_images(request: ValidateRequest, store: Arc<dyn Store>) -> Result<Report, PolicyError> {
    let gate = Gate::prepare(request, store).await?;
    Ok(Arc::new(gate).validate().await)
}

impl Gate {
    /// Fetches and compiles the policy of a request.
    pub async fn prepare(request: ValidateRequest, store: Arc<dyn Store>) -> Result<Self, PolicyError> {
        let at = time("effective time", &request.effective_time)?;
        time("time of the report", &request.created)?;
        let pem = public_key(&request)?;
        let key = PublicKey::from_pem(&pem)
            .map_err(|error| PolicyError::Key { given: shown(&pem), reason: error.to_string() })?;
        if request.policy.sources.is_empty() {
            return Err(PolicyError::NoSources);
        }
        let mut policies = Vec::new();
        for source in &request.policy.sources {
            policies.push(prepare(&request, source, at, &pem, store.as_ref()).await?);
        }
        Ok(Self { store, policies, key, pem, request, at })
    }

    /// Judges the request's snapshot, a bounded number of images at a time.
    pub async fn validate(self: Arc<Self>) -> Report {
        let request = &self.request;
        let mut report = Report {
            success: false,
            components: Vec::new(),
            key: self.pem.clone(),
            policy: request.policy.clone(),
            ec_version: request.version.clone(),
            effective_time: request.effective_time.clone(),
            created: request.created.clone(),
        };
        if request.snapshot.components.is_empty() {
            report.components.push(no_components());
            return report;
        }
        let workers = Arc::new(Semaphore::new(request.workers.clamp(1, MAX_WORKERS)));
        let mut running = JoinSet::new();
        for (place, component) in request.snapshot.components.iter().cloned().enumerate() {
            let (gate, workers) = (Arc::clone(&self), Arc::clone(&workers));
            running.spawn(async move {
                let _turn = workers.acquire_owned().await;
                (place, one_image(gate, component).await)
            });
        }
        let mut judged: Vec<Option<Component>> = vec![None; request.snapshot.components.len()];
        while let Some(done) = running.join_next().await {
            if let Ok((place, component)) = done {
                judged[place] = Some(component);
            }
        }
        // A component whose task died has no verdict, which is a denial.
        let died = || vec![broken("the validation of this image ended early")];
        report.components = judged
            .into_iter()
            .zip(request.snapshot.components.iter().cloned())
            .map(|(judged, component)| judged.unwrap_or_else(|| denied(component, died())))
            .collect();
        report.success = report.components.iter().all(|component| component.success);
        report
    }

    /// Judges an input such as the format `policy-input` writes. It is believed: whoever calls this has verified what
    /// its statements say.
    pub fn judge(&self, input: &Value, target: Target<'_>) -> Verdict {
        judge::judge(&self.policies, input, target, self.at)
    }
}

async fn prepare(
    request: &ValidateRequest,
    source: &PolicySource,
    at: jiff::Timestamp,
    pem: &str,
    store: &dyn Store,
) -> Result<Policy, PolicyError> {
    let mut modules = Vec::new();
    for url in &source.policy {
        let files = source::fetch(url, store).await?;
        let before = modules.len();
        for file in files {
            if !file.name.ends_with(".rego") || file.name.ends_with("_test.rego") {
                continue;
            }
            let text = String::from_utf8(file.bytes)
                .map_err(|_| RegoError::Compile { module: file.name.clone(), reason: "it is not UTF-8".into() })?;
            modules.push(Module { name: file.name, text });
        }
        if modules.len() == before {
            return Err(SourceError::Empty { url: url.clone(), what: "Rego" }.into());
        }
    }
    if modules.is_empty() {
        return Err(PolicyError::NoSources);
    }
    let mut files = Vec::new();
    for url in &source.data {
        let found: Vec<_> =
            source::fetch(url, store).await?.into_iter().filter(|file| !file.name.ends_with(".rego")).collect();
        if found.is_empty() {
            return Err(SourceError::Empty { url: url.clone(), what: "data" }.into());
        }
        files.extend(found);
    }
    let data = data::build(&files, source, &request.extra_rule_data, at, pem)?;
    let selection = Selection::new(&request.policy, source, at)?;
    Ok(Policy { engine: Rules::compile(&modules, &data)?, selection })
}

async fn one_image(gate: Arc<Gate>, component: SnapshotComponent) -> Component {
    let (image, digest) = match accessible(gate.store.as_ref(), &component.container_image).await {
        Ok(found) => found,
        Err(reason) => {
            let message = format!("Image URL is not accessible: {reason}");
            return denied(
                component,
                vec![builtin(
                    "image.accessible",
                    "Image URL is accessible",
                    "The image URL is available and accessible.",
                    message,
                )],
            );
        }
    };
    let mut violations = Vec::new();
    let mut passed = Vec::new();
    let signed = verify::image_signatures(gate.store.as_ref(), &image, &digest, &gate.key).await;
    let check = |message: String| {
        builtin(
            "image.signature_check",
            "Image signature check passed",
            "The image signature matches available signing materials.",
            message,
        )
    };
    let signatures = match signed {
        Ok(signatures) => {
            passed.push(check("Pass".into()));
            signatures
        }
        Err(error) => {
            violations.push(check(error.to_string()));
            Vec::new()
        }
    };
    let check = |message: String| {
        builtin(
            "attestation.signature_check",
            "Attestation signature check passed",
            "The attestation signature matches available signing materials.",
            message,
        )
    };
    let attestations = match verify::attestations(gate.store.as_ref(), &image, &digest, &gate.key).await {
        Ok(attestations) => attestations,
        Err(error) => {
            // Without a verified statement there is nothing that rules could be given.
            violations.push(check(error.to_string()));
            return Component { signatures, ..denied(component, violations) };
        }
    };
    passed.push(check("Pass".into()));
    let check = |message: String| {
        builtin(
            "attestation.syntax_check",
            "Attestation syntax check passed",
            "The attestation has correct syntax.",
            message,
        )
    };
    match verify::syntax(&attestations) {
        Ok(()) => passed.push(check("Pass".into())),
        Err(reason) => violations.push(check(reason)),
    }
    let input = match input(&gate, &component, &image, &digest, &signatures, &attestations).await {
        Ok(input) => input,
        Err(reason) => {
            violations.push(broken(&reason));
            return Component { signatures, ..denied(component, violations) };
        }
    };
    finish(gate, component, Evidence { image, digest, signatures, attestations, input }, violations, passed).await
}

/// What is known of an image before the rules.
struct Evidence {
    image: Reference,
    digest: Digest,
    signatures: Vec<Value>,
    attestations: Vec<Verified>,
    input: Value,
}

async fn finish(
    gate: Arc<Gate>,
    component: SnapshotComponent,
    evidence: Evidence,
    mut violations: Vec<Finding>,
    passed: Vec<Finding>,
) -> Component {
    let (repository, digest) = (evidence.image.name(), evidence.digest.to_string());
    let name = component.name.clone();
    let judging = tokio::task::spawn_blocking({
        let (input, digest) = (evidence.input.clone(), digest.clone());
        move || {
            judge::judge(
                &gate.policies,
                &input,
                Target { repository: &repository, digest: &digest, component: &name },
                gate.at,
            )
        }
    });
    let Ok(mut verdict) = judging.await else {
        violations.push(broken("the evaluation of the rules ended early"));
        return denied(component, violations);
    };
    // Only the rules' successes open the gate; signatures alone do not.
    let success = violations.is_empty() && verdict.passes();
    violations.append(&mut verdict.violations);
    judge::sort(&mut violations);
    let mut successes = verdict.successes;
    successes.extend(passed);
    judge::sort(&mut successes);
    let explanation = explain::explain(&violations, &evidence.attestations, &digest);
    Component {
        component: SnapshotComponent { container_image: format!("{}@{digest}", evidence.image.name()), ..component },
        violations,
        warnings: verdict.warnings,
        success_count: successes.len(),
        successes,
        success,
        signatures: evidence.signatures,
        attestations: evidence.attestations.iter().map(summary).collect(),
        explanation,
        policy_input: Some(evidence.input),
    }
}

async fn accessible(store: &dyn Store, image: &str) -> Result<(Reference, Digest), String> {
    let reference: Reference = image.parse().map_err(|error: sluice_oci::ReferenceError| error.to_string())?;
    let manifest = store
        .manifest(&reference)
        .await
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("`{reference}` is not in the registry"))?;
    if reference.digest().is_some_and(|digest| *digest != manifest.digest) || !manifest.digest.matches(&manifest.bytes)
    {
        return Err(format!("the registry gave other content than `{reference}`"));
    }
    Ok((reference.without_identifier(), manifest.digest))
}

async fn input(
    gate: &Gate,
    component: &SnapshotComponent,
    image: &Reference,
    digest: &Digest,
    signatures: &[Value],
    attestations: &[Verified],
) -> Result<Value, String> {
    let store = gate.store.as_ref();
    let sboms = sbom::sboms(store, image, digest, attestations)
        .await
        .map_err(|error| format!("the SBOM cannot be read: {error}"))?;
    let mut about = json!({
        "ref": format!("{}@{digest}", image.name()),
        "signatures": signatures,
        "sboms": sboms,
        "source": component.source,
    });
    if let Some(config) = config(store, &image.at_digest(digest.clone())).await {
        about["config"] = config;
    }
    let attestations: Vec<Value> =
        attestations.iter().map(|a| json!({"statement": a.statement, "signatures": a.signatures})).collect();
    Ok(json!({
        "attestations": attestations,
        "image": about,
        "snapshot": gate.request.snapshot,
        "component_name": component.name,
        "policy_spec": gate.request.policy,
    }))
}

/// The `config` of the image's configuration; an index or artifact has none.
async fn config(store: &dyn Store, image: &Reference) -> Option<Value> {
    let descriptor = store.manifest(image).await.ok()??.config()?;
    let bytes = store.blob(image, &descriptor, 4 << 20).await.ok()?;
    let config: Value = serde_json::from_slice(&bytes).ok()?;
    config.get("config").cloned()
}

fn summary(verified: &Verified) -> Value {
    let statement = &verified.statement;
    json!({
        "type": statement["_type"],
        "predicateType": statement["predicateType"],
        "predicateBuildType": statement.pointer("/predicate/buildType"),
        "signatures": verified.signatures,
    })
}

fn denied(component: SnapshotComponent, mut violations: Vec<Finding>) -> Component {
    judge::sort(&mut violations);
    let explanation = explain::explain(&violations, &[], "");
    Component {
        component,
        violations,
        warnings: Vec::new(),
        successes: Vec::new(),
        success: false,
        signatures: Vec::new(),
        attestations: Vec::new(),
        explanation,
        success_count: 0,
        policy_input: None,
    }
}

fn no_components() -> Component {
    let message = "The snapshot has no components";
    denied(
        SnapshotComponent::default(),
        vec![builtin(
            "snapshot.components",
            "Snapshot has components",
            "There is at least one image to validate.",
            message.into(),
        )],
    )
}

fn broken(reason: &str) -> Finding {
    builtin(
        "policy.evaluation",
        "Policy rules can be evaluated",
        "Every selected rule was evaluated without an error.",
        reason.to_owned(),
    )
}

fn builtin(code: &str, title: &str, description: &str, message: String) -> Finding {
    Finding::builtin(&format!("builtin.{code}"), title, description, message)
}

fn time(what: &'static str, text: &str) -> Result<jiff::Timestamp, PolicyError> {
    text.parse().map_err(|_| PolicyError::Time(what, text.to_owned()))
}

fn public_key(request: &ValidateRequest) -> Result<String, PolicyError> {
    let given = request.public_key.as_deref().unwrap_or(&request.policy.public_key).trim();
    let fault = |reason: &str| PolicyError::Key { given: shown(given), reason: reason.to_owned() };
    match given {
        "" => Err(fault("there is none, and an image without a key cannot be verified")),
        pem if pem.starts_with("-----BEGIN") => Ok(format!("{pem}\n")),
        reference if reference.contains("://") => Err(fault("a reference has to be resolved by the caller")),
        path => {
            let about = std::fs::metadata(path).map_err(|error| fault(&error.to_string()))?;
            if about.len() > 64 * 1024 {
                return Err(fault("the file is too large for a key"));
            }
            std::fs::read_to_string(path).map_err(|error| fault(&error.to_string()))
        }
    }
}

fn shown(given: &str) -> String {
    given.lines().next().unwrap_or_default().chars().take(200).collect()
}
