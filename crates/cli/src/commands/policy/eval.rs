//! `sluice policy eval`: answers a query.

use super::args::{Eval, Explain};
use super::output::answers::{self, Output};
use super::output::coverage::Report;
use super::output::explain::{Layout, explain};
use super::output::failure::{Failure, of_evaluation};
use super::output::hints::hints;
use super::output::metrics;
use super::question::{self, Phases};
use super::watch::{self, Watch};
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
    if let Err(failures) = answer(args, &asked, phases, &mut rounds, &mut output) {
        output.errors.splice(0..0, failures);
        output.failed = true;
    }
    if args.metrics || profiling(args) {
        match rounds.as_slice() {
            [] => {}
            [only] => output.metrics = Some(metrics::once(only)),
            many => output.aggregated = Some(metrics::aggregate(many)),
        }
    }
    let defined = !output.result.is_empty();
    let (out, err) = answers::render(&output, args.format);
    super::print(&out);
    eprint!("{err}{}", hints(&output.errors));
    match (output.failed, defined) {
        (true, _) => 2,
        (false, false) if args.fail => 1,
        (false, true) if args.fail_defined => 1,
        _ => 0,
    }
}

/// Whether a profile is asked for, if only by how it is to be.
fn profiling(args: &Eval) -> bool {
    args.profile || args.profile_limit.is_some() || !args.profile_sort.is_empty()
}

/// Evaluates as often as asked; the answers are those of the first time.
fn answer(
    args: &Eval,
    asked: &question::Asked,
    mut phases: Phases,
    rounds: &mut Vec<Phases>,
    output: &mut Output,
) -> Result<(), Vec<Failure>> {
    let (compiled, modules) = question::compile(&args.question, args.strict, &mut phases)?;
    let prepared = question::prepare(&args.question, &asked.query, &compiled, &mut phases)?;
    let files = watch::files(&modules);
    let (now_ns, seed) = question::clock();
    let options = QueryOptions {
        strict_builtin_errors: args.strict_builtin_errors,
        now_ns,
        seed,
        limits: watch::limits(args.timeout),
        ..QueryOptions::default()
    };
    for round in 0..args.count {
        let mut watch =
            Watch::new(&files, args.coverage, args.explain != Explain::Off).profiling(profiling(args) && round == 0);
        let start = Instant::now();
        let answers = prepared.eval_traced(asked.input.clone(), &options, &mut watch);
        watch.end();
        let mut phases = phases.clone();
        phases.push(("timer_rego_query_eval_ns", start.elapsed()));
        rounds.push(phases);
        eprint!("{}", watch.prints);
        if round > 0 {
            answers.map_err(|errors| of_evaluation(errors, &asked.query))?;
            continue;
        }
        let layout = Layout { mode: args.explain, notes: false, within: false };
        if args.explain != Explain::Off {
            output.explanation = explain(&watch.events, &modules, &asked.query, layout);
        }
        if let Some(profile) = &watch.profile {
            let name = |file: u32| files.get(file as usize).map_or_else(String::new, ToString::to_string);
            output.profile = profile.top(&args.profile_sort, args.profile_limit.unwrap_or(10), &name);
        }
        output.coverage = args.coverage.then(|| Report::new(&watch.hits, &modules));
        if args.show_builtin_errors {
            output.errors = of_evaluation(watch.faults, &asked.query);
        }
        output.result = answers.map_err(|errors| of_evaluation(errors, &asked.query))?;
    }
    Ok(())
}
