//! `sluice policy test`: runs tests of policies, several at a time.

mod cases;
mod find;
mod report;
mod result;

use super::args::{Explain, Sort, Test, TestExplain, TestFormat};
use super::bench::measure;
use super::load::{self, Loaded, Options, bundle};
use super::output::coverage::{Hits, Report};
use super::output::explain::{Layout, explain, failing_line};
use super::output::failure::{Failure, failures, limited, summary};
use super::output::hints::hints;
use super::output::measured::Measured;
use super::question;
use super::watch::{self, Watch};
use find::Found;
use report::Style;
use result::{Cases, Outcome, Outcomes, judge};
use sluice_rego::ast::Module;
use sluice_rego::{Compiled, QueryOptions, QueryScope};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs the command: 2 where a test does not pass, 1 where tests cannot be run.
pub fn run(args: &Test) -> i32 {
    if args.format == TestFormat::Gobench && !args.bench {
        eprintln!("cannot use output format gobench without running benchmarks (--bench)");
        return 0;
    }
    if !(0.0..=100.0).contains(&args.threshold) {
        eprintln!("Code coverage threshold must be between 0 and 100");
        return 1;
    }
    let coverage = args.coverage || args.threshold > 0.0;
    if coverage && args.bench {
        eprintln!("coverage reporting is not supported when benchmarking tests");
        return 1;
    }
    let ready = match ready(args) {
        Ok(ready) => ready,
        Err(message) => {
            eprintln!("{message}");
            return 1;
        }
    };
    if args.sort != Sort::None && args.format != TestFormat::Json && !coverage {
        eprintln!("warning: --sort is only supported with JSON format");
    }
    for _ in 0..args.count {
        let hits = Mutex::new(Hits::new());
        let results = run_all(args, &ready, &hits);
        let code = match coverage {
            true => told_coverage(args, &results, &hits.into_inner().unwrap_or_default(), &ready.modules),
            false => told(args, results),
        };
        if code != 0 {
            return code;
        }
    }
    0
}

/// All that tests need.
struct Ready {
    compiled: Compiled,
    /// As they are written.
    modules: Vec<Module>,
    files: Arc<[Arc<str>]>,
    tests: Vec<Found>,
}

/// A test takes no longer, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);
const BENCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Loads, finds tests and compiles; the error is all that is said.
fn ready(args: &Test) -> Result<Ready, String> {
    let version = args.dialect.version();
    let options = Options { version, ignore: &args.ignore, only_rego: false };
    let mut loaded = if args.bundle {
        let read = |path: &String| {
            bundle::read(path, &options).map_err(|error| format!("unable to load bundle {path}: {error}"))
        };
        let bundles = args.paths.iter().map(read).collect::<Result<_, _>>()?;
        bundle::activate(bundles, Loaded::default()).map_err(|failures| told_wrong(&failures, ""))?
    } else {
        load::paths(&args.paths, &options).map_err(|failures| told_wrong(&failures, " during loading"))?
    };
    find::number_duplicates(&mut loaded.modules);
    let tests = find::tests(&loaded.modules, args.run.as_deref())?;
    let modules = loaded.modules.clone();
    cases::announce(&mut loaded.modules);
    let conflicts = load::conflicts(&modules, &loaded.data);
    let compiled = loaded.compile(version, false).and_then(|compiled| match conflicts.is_empty() {
        true => Ok(compiled),
        false => Err(conflicts),
    });
    let compiled = compiled.map_err(|errors| told_wrong(&failures(limited(errors, args.max_errors)), ""))?;
    Ok(Ready { compiled, files: watch::files(&modules), modules, tests })
}

/// What is wrong with policies, with hints.
fn told_wrong(failures: &[Failure], during: &str) -> String {
    format!("{}\n{}", summary(failures, during), hints(failures)).trim_end_matches('\n').to_owned()
}

/// Runs the tests; results are in the order of files and of tests within them.
fn run_all(args: &Test, ready: &Ready, hits: &Mutex<Hits>) -> Vec<Outcomes> {
    let threads = match (args.bench, args.parallel) {
        (true, _) => 1,
        (false, 0) => std::thread::available_parallelism().map_or(1, usize::from),
        (false, n) => n,
    };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(ready.tests.len()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(test) = ready.tests.get(at) else { return };
            let outcome = run_one(args, ready, test, hits);
            if let Ok(mut done) = done.lock() {
                done.push((at, outcome));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(ready.tests.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn run_one(args: &Test, ready: &Ready, test: &Found, hits: &Mutex<Hits>) -> Outcomes {
    if test.todo {
        return Outcomes::skipped(test.clone());
    }
    let (now_ns, seed) = question::clock();
    let timeout = args.timeout.unwrap_or(if args.bench { BENCH_TIMEOUT } else { TIMEOUT });
    let options = || QueryOptions { now_ns, seed, limits: watch::limits(Some(timeout)), ..QueryOptions::default() };
    let coverage = args.coverage || args.threshold > 0.0;
    let verbose = args.verbose || args.explain.is_some();
    let mut watch = Watch::new(&ready.files, coverage, verbose || args.var_values);
    let start = Instant::now();
    let answers = ready.compiled.prepare(&test.query, &QueryScope::default()).and_then(|prepared| {
        let answers = prepared.eval_traced(None, &options(), &mut watch)?;
        Ok((prepared, answers))
    });
    let mut duration = start.elapsed();
    let mut measured = None;
    let (outcome, cases) = match answers {
        Err(errors) => match errors.into_iter().next() {
            Some(error) => (Outcome::Error(Failure::from(error)), Cases::new()),
            None => (Outcome::Fail, Cases::new()),
        },
        Ok((prepared, answers)) => {
            let judged = judge(test, &answers, &watch.cases);
            if args.bench && matches!(judged.0, Outcome::Pass) {
                let start = Instant::now();
                let samples = measure(|| prepared.eval(None, &options()).map(|_| ())).unwrap_or_default();
                duration = start.elapsed();
                measured = Some(Measured::new(samples, None));
            }
            judged
        }
    };
    if coverage && let Ok(mut hits) = hits.lock() {
        for (file, rows) in watch.hits {
            hits.entry(file).or_default().extend(rows);
        }
    }
    let mut trace = String::new();
    if matches!(outcome, Outcome::Fail) {
        if verbose {
            trace = explain(&watch.events, &ready.modules, &test.query, layout(args));
        }
        if args.var_values {
            trace.push_str(&failing_line(&watch.events, &ready.modules));
        }
    }
    let failed = !matches!(outcome, Outcome::Pass);
    let unanswered = watch.faults.iter().filter(|error| failed && error.message.contains(load::NEEDS));
    let unanswered = unanswered.map(ToString::to_string).collect();
    Outcomes { test: test.clone(), outcome, duration, output: watch.prints, cases, measured, trace, unanswered }
}

/// How failed tests are explained.
fn layout(args: &Test) -> Layout {
    let mode = match args.explain {
        None | Some(TestExplain::Fails) => Explain::Fails,
        Some(TestExplain::Full) => Explain::Full,
        Some(TestExplain::Notes) => Explain::Notes,
        Some(TestExplain::Debug) => Explain::Debug,
    };
    Layout { mode, notes: args.explain.is_none(), within: true }
}

/// Prints results; the exit code that they mean.
fn told(args: &Test, mut results: Vec<Outcomes>) -> i32 {
    match args.format {
        TestFormat::Json => {
            if args.sort == Sort::Duration {
                results.sort_by_key(|result| std::cmp::Reverse(result.duration));
            }
            super::print(&report::to_json(&results));
        }
        TestFormat::Pretty | TestFormat::Gobench => {
            let verbose = args.verbose || args.explain.is_some();
            let failures = verbose || args.var_values;
            let style = Style { verbose, failures, gobench: args.format == TestFormat::Gobench };
            super::print(&report::pretty(&results, style));
        }
    }
    let unanswered: BTreeSet<&String> = results.iter().flat_map(|result| &result.unanswered).collect();
    for call in unanswered {
        eprintln!("hint: in a test that failed, {call}");
    }
    if results.is_empty() && args.fail_on_empty {
        eprintln!("no tests were run");
        return 1;
    }
    let good = |result: &Outcomes| match result.outcome {
        Outcome::Pass => true,
        Outcome::Skip => args.exit_zero_on_skipped,
        Outcome::Fail | Outcome::Error(_) => false,
    };
    if results.iter().all(good) { 0 } else { 2 }
}

/// Prints coverage, if all tests pass; the exit code.
fn told_coverage(args: &Test, results: &[Outcomes], hits: &Hits, modules: &[Module]) -> i32 {
    if let Some(bad) = results.iter().find(|result| !result.passed()) {
        eprintln!("{}", report::refusal(bad));
        return 1;
    }
    let report = Report::new(hits, modules);
    if let Some(message) = report.below(args.threshold, args.verbose) {
        eprintln!("{message}");
        return 2;
    }
    super::print(&report.to_doc().render());
    0
}
