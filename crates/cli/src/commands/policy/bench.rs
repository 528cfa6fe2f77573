//! `sluice policy bench`: measures a query.

use super::args::{Bench, TestFormat};
use super::output::doc::Doc;
use super::output::failure::{Failure, failures, summary, to_doc};
use super::output::hints::hints;
use super::output::measured::Measured;
use super::question::{self, Phases};
use sluice_rego::QueryOptions;
use std::time::{Duration, Instant};

/// As long as Go's benchmarks take.
const TIME: Duration = Duration::from_secs(1);

/// So many times at most, so that memory is bounded.
const MOST: usize = 1_000_000;

/// Runs the command: 1 where the query cannot be evaluated or, unless told otherwise, is undefined.
pub fn run(args: &Bench) -> i32 {
    let Err(failures) = bench(args) else { return 0 };
    match args.format {
        TestFormat::Json => super::print(&Doc::object([("errors", Some(to_doc(&failures)))]).render()),
        TestFormat::Pretty | TestFormat::Gobench => {
            eprint!("{}\n{}", summary(&failures, ""), hints(&failures));
        }
    }
    1
}

fn bench(args: &Bench) -> Result<(), Vec<Failure>> {
    let mut phases = Phases::new();
    let asked = question::ask(&args.question, &mut phases).map_err(|message| vec![Failure::Plain(message)])?;
    let (compiled, _) = question::compile(&args.question, false, &mut phases)?;
    let prepared = question::prepare(&args.question, &asked.query, &compiled, &mut phases)?;
    let (now_ns, seed) = question::clock();
    let options = QueryOptions { now_ns, seed, ..QueryOptions::default() };
    for _ in 0..args.count {
        let samples = measure(|| {
            let answers = prepared.eval(asked.input.clone(), &options).map_err(failures)?;
            if answers.is_empty() && args.fail {
                return Err(vec![Failure::Plain("undefined result".to_owned())]);
            }
            Ok(())
        })?;
        let measured = Measured::new(samples, args.metrics.then_some("timer_rego_query_eval_ns"));
        super::print(&match args.format {
            TestFormat::Json => measured.to_doc().render(),
            TestFormat::Gobench => format!("BenchmarkOPAEval\t{}\n", measured.line()),
            TestFormat::Pretty => measured.table(),
        });
    }
    Ok(())
}

/// Does something again and again for a second; how long each time took.
///
/// # Errors
/// The first error of the work.
pub fn measure<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<Vec<Duration>, E> {
    work()?;
    let mut samples = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < TIME && samples.len() < MOST {
        let start = Instant::now();
        work()?;
        samples.push(start.elapsed());
    }
    Ok(samples)
}
