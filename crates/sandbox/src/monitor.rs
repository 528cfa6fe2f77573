//! The monitor: runs the steps in order with Tekton's rules for failure, timeouts and cancellation, and writes the events.
//! It is root of the run's user namespace and nobody outside it. How a step's sandbox is made is `step`'s and `init`'s.

use crate::error::{Error, Result};
use crate::events::now;
use crate::fs;
use crate::launch::Job;
use crate::relay::Relay;
use crate::results::{self, Found};
use crate::step::{self, Ending, Layout};
use sluice_api::runner::{Event, Outcome, RunSpec, StepReason, StepSpec, VERSION};
use sluice_api::witness::WitnessedStep;
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// What stays the same while steps come and go.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) spec: RunSpec,
    pub(crate) layout: Layout,
    pub(crate) relay: Option<Relay>,
    pub(crate) cancel: crate::launch::CancelWatch,
    pub(crate) deadline: Option<Instant>,
}

/// Exit status of the monitor's process: 0 when `Finished` was written.
pub(crate) fn main(job: Job) -> i32 {
    match go(job) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("sluice-runner: {error}");
            1
        }
    }
}

fn go(job: Job) -> Result<()> {
    let Job { spec, sandbox, mut events, mut logs, mut groups, cancel } = job;
    let deadline = seconds(spec.timeout_seconds);
    let mut witness = Vec::new();
    let mut results = BTreeMap::new();
    let prepared = (|| -> Result<Run> {
        let layout = Layout::make(&sandbox, &spec)?;
        let relay = Relay::start(&spec)?;
        Ok(Run { spec: spec.clone(), layout, relay, cancel, deadline })
    })();
    let outcome = match prepared {
        Ok(mut run) => {
            events.append(&Event::Started { v: VERSION, time: now() })?;
            let mut outcome = Outcome::Succeeded;
            for (index, log) in logs.iter_mut().enumerate() {
                if outcome != Outcome::Succeeded {
                    events.append(&skipped(&spec.steps[index], &outcome))?;
                    continue;
                }
                let group = &mut groups[index];
                let ran = step::run(&mut run, index, log, group, &mut events, &mut witness);
                outcome = match ran.and_then(|ending| close(&run, index, ending, &mut events)) {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        log.say(&format!("sluice: {error}"));
                        Outcome::SandboxFailed { message: format!("step `{}`: {error}", spec.steps[index].name) }
                    }
                };
            }
            read_results(&run, outcome, &mut results)
        }
        Err(error) => Outcome::SandboxFailed { message: error.to_string() },
    };
    events.append(&Event::Finished { time: now(), outcome, results, witness })?;
    // What the steps wrote into their roots is of no use to anybody now.
    for entry in ["boxes", "volumes", "workspace", "home", "scripts"] {
        if let Err(error) = fs::remove_tree(&sandbox, entry) {
            eprintln!("sluice-runner: cleaning up: {error}");
        }
    }
    Ok(())
}

/// A moment that many seconds from now; 0 is never.
pub(crate) fn seconds(count: u64) -> Option<Instant> {
    (count > 0).then(|| Instant::now().checked_add(Duration::from_secs(count))).flatten()
}

fn skipped(step: &StepSpec, outcome: &Outcome) -> Event {
    let time = now();
    let reason = match outcome {
        Outcome::Cancelled => StepReason::Cancelled,
        Outcome::TimedOut => StepReason::TimeoutExceeded,
        _ => StepReason::Skipped,
    };
    Event::StepFinished {
        name: step.name.clone(),
        started: time.clone(),
        finished: time,
        exit_code: 1,
        reason,
        results: BTreeMap::new(),
    }
}

/// Writes the end of a step and says how the run goes on.
fn close(run: &Run, index: usize, ended: step::Ended, events: &mut crate::events::EventLog) -> Result<Outcome> {
    let step = &run.spec.steps[index];
    let (exit_code, reason, outcome) = match ended.ending {
        Ending::Exited(0) => (0, StepReason::Completed, Outcome::Succeeded),
        Ending::Exited(code) if step.on_error_continue => (code, StepReason::Continued, Outcome::Succeeded),
        Ending::Exited(code) => (code, StepReason::Error, Outcome::StepFailed),
        Ending::OutOfMemory(code) if step.on_error_continue => (code, StepReason::Continued, Outcome::Succeeded),
        Ending::OutOfMemory(code) => (code, StepReason::OOMKilled, Outcome::StepFailed),
        Ending::StepTimeout => (1, StepReason::TimeoutExceeded, Outcome::StepFailed),
        Ending::RunTimeout => (1, StepReason::TimeoutExceeded, Outcome::TimedOut),
        Ending::Cancelled => (1, StepReason::Cancelled, Outcome::Cancelled),
    };
    let folder = run.layout.step_folder(index)?;
    fs::write_new(folder, "exitCode", exit_code.to_string().as_bytes(), 0o644)?;
    let step_results = fs::open_folder(folder, "results")?;
    let found = results::read(step_results.as_fd(), &step.results, run.spec.max_result_bytes);
    let (results, outcome, broken) = match found {
        Ok(Found::All(all)) => (all, outcome, None),
        Ok(Found::TooLarge(name)) => (BTreeMap::new(), Outcome::ResultTooLarge { name }, None),
        Err(error) => (BTreeMap::new(), outcome, Some(error)),
    };
    let name = step.name.clone();
    let (started, finished) = (ended.started, ended.finished);
    events.append(&Event::StepFinished { name, started, finished, exit_code, reason, results })?;
    match broken {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

/// Results are read whatever the outcome: those of a failed run are readable too.
fn read_results(run: &Run, outcome: Outcome, into: &mut BTreeMap<String, String>) -> Outcome {
    match results::read(run.layout.results.as_fd(), &run.spec.results, run.spec.max_result_bytes) {
        Ok(Found::All(all)) => {
            *into = all;
            outcome
        }
        Ok(Found::TooLarge(name)) if outcome == Outcome::Succeeded => Outcome::ResultTooLarge { name },
        Err(error) if outcome == Outcome::Succeeded => Outcome::SandboxFailed { message: error.to_string() },
        Ok(Found::TooLarge(_)) | Err(_) => outcome,
    }
}

/// The record of a step is made before its process starts, so that it is there however the step ends.
pub(crate) fn witnessed(step: &StepSpec, network: sluice_api::witness::Network) -> WitnessedStep {
    WitnessedStep { name: step.name.clone(), image: step.image.reference.clone(), network, connections: Vec::new() }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::invalid(message)
    }
}
