//! `sluice policy eval`: answers a query.

use super::args::Eval;
use super::output::answers::{self, Output};
use super::output::failure::{Failure, failures};
use super::output::metrics;
use super::question::{self, Phases};
use sluice_rego::QueryOptions;
use std::time::Instant;

/// Runs the command: 0 with a result (or without, where no flag asks), 1 as `--fail` says, 2 on errors.
pub fn run(args: &Eval) -> i32 {
    let mut phases = Phases::new();
    let asked = match question::ask(&args.question, &mut phases) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("{message}");
            return 2;
        }
    };
    let mut output = Output::default();
    let mut rounds = Vec::new();
    match answer(args, &asked, phases, &mut rounds) {
        Ok(answers) => output.result = answers,
        Err(failures) => output.errors = failures,
    }
    if args.metrics {
        match rounds.as_slice() {
            [] => {}
            [only] => output.metrics = Some(metrics::once(only)),
            many => output.aggregated = Some(metrics::aggregate(many)),
        }
    }
    let failed = !output.errors.is_empty();
    let defined = !output.result.is_empty();
    let (out, err) = answers::render(&output, args.format);
    super::print(&out);
    eprint!("{err}");
    match (failed, defined) {
        (true, _) => 2,
        (false, false) if args.fail => 1,
        (false, true) if args.fail_defined => 1,
        _ => 0,
    }
}

/// Evaluates as often as asked; the answers are those of the first time.
fn answer(
    args: &Eval,
    asked: &question::Asked,
    mut phases: Phases,
    rounds: &mut Vec<Phases>,
) -> Result<Vec<sluice_rego::Answer>, Vec<Failure>> {
    let compiled = question::compile(&args.question, &mut phases)?;
    let prepared = question::prepare(&args.question, &asked.query, &compiled, &mut phases)?;
    let (now_ns, seed) = question::clock();
    let options =
        QueryOptions { strict_builtin_errors: args.strict_builtin_errors, now_ns, seed, ..QueryOptions::default() };
    let mut first = None;
    for _ in 0..args.count {
        let start = Instant::now();
        let answers = prepared.eval(asked.input.clone(), &options).map_err(failures)?;
        let mut phases = phases.clone();
        phases.push(("timer_rego_query_eval_ns", start.elapsed()));
        rounds.push(phases);
        first.get_or_insert(answers);
    }
    Ok(first.unwrap_or_default())
}
