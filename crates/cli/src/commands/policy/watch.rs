//! What an evaluation tells of itself, kept for coverage, explanations, prints and cases of tests.

use super::output::coverage::Hits;
use super::output::explain::{Event, Op};
use super::output::profile::Profile;
use sluice_rego::ast::{ExprKind, Location, Module, Source, Term, TermKind};
use sluice_rego::{Deadline, Error, Happening, Limits, Tracer, Value, json, parse};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Stands before the keys of a case that is begun, in what a test prints; see `test::cases`.
pub const CASE: &str = "\u{1}case\u{1}";

/// A listener.
#[derive(Debug, Default)]
pub struct Watch {
    /// Names of files by their index.
    files: Arc<[Arc<str>]>,
    coverage: bool,
    explain: bool,
    pub hits: Hits,
    pub events: Vec<Event>,
    /// Lines that were printed.
    pub prints: String,
    /// Keys of cases that were begun.
    pub cases: Vec<Vec<String>>,
    /// Errors of builtins.
    pub faults: Vec<Error>,
    /// Where the time goes, if that is asked, and what was tried last and when.
    pub profile: Option<Profile>,
    last: Option<(Location, Instant)>,
}

/// More are not kept.
const MAX_EVENTS: usize = 2_000_000;

impl Watch {
    /// A listener that keeps what was asked for besides prints.
    pub fn new(files: &Arc<[Arc<str>]>, coverage: bool, explain: bool) -> Self {
        Self { files: files.clone(), coverage, explain, ..Self::default() }
    }

    fn event(&mut self, op: Op, at: Location) {
        let event = Event { op, at };
        // A `not` and what it negates are one expression.
        if self.explain && self.events.len() < MAX_EVENTS && self.events.last() != Some(&event) {
            self.events.push(event);
        }
    }

    /// Also measures.
    #[must_use]
    pub fn profiling(self, yes: bool) -> Self {
        Self { profile: yes.then(Profile::default), ..self }
    }

    /// Time goes to the expression that was tried last, until the next one is or an earlier one holds again.
    fn measure(&mut self, at: Option<Location>, tried: bool) {
        let Some(profile) = &mut self.profile else { return };
        let now = Instant::now();
        if let Some((last, since)) = self.last {
            profile.took(last, now.duration_since(since));
        }
        match at {
            Some(at) if tried => profile.tried(at),
            Some(at) => profile.held(at),
            None => {}
        }
        self.last = at.map(|at| (at, now));
    }

    /// The evaluation is over.
    pub fn end(&mut self) {
        self.measure(None, false);
    }

    fn hit(&mut self, at: Location) {
        if self.coverage
            && let Some(file) = self.files.get(at.file as usize)
        {
            match self.hits.get_mut(&**file) {
                Some(rows) => {
                    rows.insert(at.row);
                }
                None => {
                    self.hits.entry(file.to_string()).or_default().insert(at.row);
                }
            }
        }
    }
}

impl Tracer for Watch {
    fn happened(&mut self, what: Happening<'_>, at: Location) {
        match what {
            Happening::Enter => self.event(Op::Enter, at),
            Happening::Exit => {
                self.hit(at);
                self.event(Op::Exit, at);
            }
            Happening::Eval => {
                self.hit(at);
                self.event(Op::Eval, at);
                self.measure(Some(at), true);
            }
            Happening::Held => self.measure(Some(at), false),
            Happening::Failed => self.event(Op::Fail, at),
            Happening::Note(text) => self.event(Op::Note(text.to_owned()), at),
            Happening::Print(text) => match text.strip_prefix(CASE) {
                Some(keys) => self.cases.push(case_keys(keys)),
                None => {
                    self.prints.push_str(text);
                    self.prints.push('\n');
                }
            },
            Happening::Fault(error) => {
                if !self.faults.contains(error) {
                    self.faults.push(error.clone());
                }
            }
        }
    }

    fn wants_steps(&self) -> bool {
        self.coverage || self.explain || self.profile.is_some()
    }
}

/// The names of modules' files.
pub fn files(modules: &[Module]) -> Arc<[Arc<str>]> {
    modules.iter().map(|module| module.source.name.clone()).collect()
}

/// Limits of an evaluation that starts now.
pub fn limits(timeout: Option<Duration>) -> Limits {
    let deadline = timeout.and_then(|timeout| clock().checked_add(timeout)).map(|at| Deadline { clock, at });
    Limits { deadline, ..Limits::default() }
}

fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The keys of a case as JSON has them, out of the array that was printed.
fn case_keys(printed: &str) -> Vec<String> {
    let body = parse::parse_query(&Source::new(0, "", printed), &parse::Options::default()).unwrap_or_default();
    match body.first().map(|expr| &expr.kind) {
        Some(ExprKind::Term(term)) => match constant(term) {
            Some(Value::Array(keys)) => keys.iter().map(json::key_text).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn constant(term: &Term) -> Option<Value> {
    Some(match &term.kind {
        TermKind::Scalar(value) => value.clone(),
        TermKind::Array(items) => Value::array(items.iter().map(constant).collect::<Option<Vec<_>>>()?),
        TermKind::Set(items) => Value::set(items.iter().map(constant).collect::<Option<Vec<_>>>()?),
        TermKind::Object(items) => {
            let pair = |(key, value): &(Term, Term)| Some((constant(key)?, constant(value)?));
            Value::object(items.iter().map(pair).collect::<Option<Vec<_>>>()?)
        }
        // The empty set.
        TermKind::Call(_) => Value::set([]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::case_keys;

    #[test]
    fn keys_of_cases_are_as_json_has_them() {
        let keys = case_keys(r#"[[1, 2], {1}, set(), "[1, 2]", {"a": null, {2}: "x"}, -1.5, true]"#);
        assert_eq!(keys, ["[1,2]", "[1]", "[]", "[1, 2]", r#"{"[2]":"x","a":null}"#, "-1.5", "true"]);
    }
}
