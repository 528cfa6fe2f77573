//! Why an image was denied, in terms of its build: which rule, which pipeline task and TaskRun, what was claimed against
//! what was witnessed, and what to do. Adds nothing to the verdict; reads verified statements only.

use crate::rego::{Place, Why};
use crate::report::Finding;
use crate::verify::Verified;
use serde::Serialize;
use serde_json::Value;
use sluice_api::witness::PREDICATE_TYPE;

/// The explanation of one violation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Code of the rule.
    pub rule: String,
    pub reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub claimed: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub witnessed: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// The lines of the policy and the places of its input that decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Why>,
}

/// A pipeline task and the TaskRun it ran as, if that was witnessed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub pipeline_task: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task_run: String,
}

/// A proof as a few lines of text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Brief {
    /// `FILE:ROW  TEXT` of the rule's own lines that decided.
    pub rule: Part,
    /// `PLACE = VALUE` of what they and what they call read; first what the message names, and nothing of other tasks.
    pub read: Part,
}

/// Some lines, and how many are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    pub shown: Vec<String>,
    pub more: usize,
}

impl Explanation {
    /// The proof in at most so many lines of each part.
    pub fn brief(&self, most: usize) -> Option<Brief> {
        let proof = self.proof.as_ref()?;
        let told = format!("{} {} {}", self.reason, self.claimed, self.witnessed);
        let named = |place: &&Place| {
            let value = place.value.as_ref().and_then(Value::as_str).unwrap_or_default();
            value.len() > 1 && told.contains(&format!("\"{value}\"")) || value.len() > 8 && told.contains(value)
        };
        let (first, last): (Vec<&Place>, Vec<&Place>) = proof.places.iter().partition(named);
        // What other tasks say decides little of one: it is counted, not shown.
        let denied: Vec<&str> = first.iter().filter_map(|place| self.task_of(place)).collect();
        let other = |place: &&Place| !denied.is_empty() && task(place).is_some_and(|task| !denied.contains(&task));
        let (others, last): (Vec<&Place>, Vec<&Place>) = last.into_iter().partition(other);
        let mut read = part(first.into_iter().chain(last).map(read).collect(), most);
        read.more += others.len();
        let own = proof.lines.iter().filter(|line| line.file == proof.file);
        Some(Brief {
            rule: part(own.map(|line| format!("{}:{}  {}", line.file, line.row, line.text)).collect(), most),
            read,
        })
    }

    /// The task that a place is of, if it is one of those that are explained.
    fn task_of<'p>(&self, place: &'p Place) -> Option<&'p str> {
        let name = place.value.as_ref().and_then(Value::as_str)?;
        self.tasks.iter().any(|task| task.pipeline_task == name).then(|| task(place)).flatten()
    }
}

/// The task of a statement that a place is of, as the beginning of its path.
fn task(place: &Place) -> Option<&str> {
    let at = place.path.find(".tasks[")?;
    let end = place.path[at..].find(']')?;
    place.path.get(..=at + end)
}

fn part(mut shown: Vec<String>, most: usize) -> Part {
    let more = shown.len().saturating_sub(most);
    shown.truncate(most);
    Part { shown, more }
}

/// A place and as much of its value as is shown.
fn read(place: &Place) -> String {
    let Some(value) = &place.value else { return format!("{} is absent", place.path) };
    let value = value.to_string();
    let value = match value.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    format!("{} = {value}", place.path)
}

/// Explains the violations of an image of that digest.
pub fn explain(violations: &[Finding], attestations: &[Verified], digest: &str) -> Vec<Explanation> {
    let witness: Vec<&Value> = attestations
        .iter()
        .map(|attestation| &attestation.statement)
        .filter(|statement| statement["predicateType"] == PREDICATE_TYPE)
        .map(|statement| &statement["predicate"])
        .collect();
    violations.iter().map(|violation| one(violation, &witness, digest)).collect()
}

fn one(violation: &Finding, witness: &[&Value], digest: &str) -> Explanation {
    let evidence = violation.evidence.as_ref().unwrap_or(&Value::Null);
    let text = |key: &str| evidence[key].as_str().unwrap_or_default().to_owned();
    let names: Vec<&str> =
        evidence["pipeline_tasks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let tasks = names.iter().flat_map(|name| task_runs(name, witness)).collect();
    let mut witnessed = text("witnessed");
    if witnessed.is_empty() && !names.is_empty() {
        witnessed = names.iter().map(|name| seen(name, witness, digest)).collect::<Vec<_>>().join("; ");
    }
    let remedy = match violation.text("solution") {
        "" => builtin_remedy(violation.code()).to_owned(),
        solution => solution.to_owned(),
    };
    Explanation {
        rule: violation.code().to_owned(),
        reason: violation.message.clone(),
        tasks,
        claimed: text("claimed"),
        witnessed,
        remedy,
        proof: violation.why.clone().filter(|why| !why.lines.is_empty()),
    }
}

fn runs<'a>(name: &'a str, witness: &'a [&'a Value]) -> impl Iterator<Item = &'a Value> {
    let tasks = witness.iter().filter_map(|predicate| predicate["tasks"].as_array()).flatten();
    tasks.filter(move |run| run["pipelineTask"] == name)
}

fn task_runs(name: &str, witness: &[&Value]) -> Vec<Task> {
    let mut found: Vec<Task> = runs(name, witness)
        .map(|run| Task {
            pipeline_task: name.to_owned(),
            task_run: run["taskRun"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    if found.is_empty() {
        found.push(Task { pipeline_task: name.to_owned(), task_run: String::new() });
    }
    found
}

/// What was seen of a task: whether it pushed this image, what else it pushed, and the networks of its steps.
fn seen(name: &str, witness: &[&Value], digest: &str) -> String {
    let mut lines = Vec::new();
    for run in runs(name, witness) {
        let pushed: Vec<&Value> =
            run["pushed"].as_array().into_iter().flatten().filter(|push| push["kind"] == "manifest").collect();
        lines.push(match () {
            () if pushed.iter().any(|push| push["digest"] == digest) => format!("{name} pushed this image"),
            () if pushed.is_empty() => format!("{name} pushed no image"),
            () => format!("{name} pushed {} other image(s), not this one", pushed.len()),
        });
        let networks: Vec<String> = run["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|step| {
                let text = |key: &str| step[key].as_str().unwrap_or("unknown").to_owned();
                format!("{} {}", text("name"), text("network"))
            })
            .collect();
        if !networks.is_empty() {
            lines.push(format!("network of its steps: {}", networks.join(", ")));
        }
    }
    if lines.is_empty() { format!("nothing of {name}") } else { lines.join("; ") }
}

fn builtin_remedy(code: &str) -> &'static str {
    match code {
        "builtin.image.accessible" => "Check the image's reference and that the registry grants pull to this identity.",
        "builtin.image.signature_check" | "builtin.attestation.signature_check" => {
            "Wait until the observer has signed the run that built the image (annotation chains.tekton.dev/signed=true), or name the observer's key as the policy's publicKey."
        }
        "builtin.attestation.syntax_check" => {
            "Look at the observer that wrote the attestation: its statements are not as its format asks."
        }
        "builtin.snapshot.components" => "Name at least one component with an image in the snapshot.",
        "builtin.policy.rules_selected" | "builtin.policy.include" => {
            "Correct config.include of the policy: each criterion has to match a rule that the policy source has."
        }
        "builtin.policy.evaluation" => {
            "Correct the rule, or the statement it could not read; until then nothing it guards can pass."
        }
        _ => "",
    }
}
