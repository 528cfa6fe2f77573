//! What an evaluation did, for people: one line for each event, with its place, below the rule that it belongs to. Expressions
//! are shown as they are written. Pure.

use super::super::args::Explain;
use sluice_rego::ast::{ExprKind, Location, Module, Ref, Source, Term};
use sluice_rego::parse::{Options, parse_query};
use std::collections::HashMap;
use std::fmt::Write;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub op: Op,
    pub at: Location,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Enter,
    Exit,
    Eval,
    Fail,
    Note(String),
}

/// A line of an explanation.
struct Line {
    place: String,
    depth: usize,
    text: String,
    parent: usize,
    chosen: bool,
}

/// The places are not wider than this.
const WIDEST: usize = 64;

/// How lines are laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Which events are shown, with what they lie in.
    pub mode: Explain,
    /// Notes are shown with failures.
    pub notes: bool,
    /// Further in, and with space at the end, as OPA's tests show them.
    pub within: bool,
}

/// Explains events; `query` is what was asked.
pub fn explain(events: &[Event], modules: &[Module], query: &str, layout: Layout) -> String {
    let lines = lines(events, modules, query, layout);
    let width = lines.iter().filter(|line| line.chosen).map(|line| line.place.chars().count()).max().unwrap_or(0) + 4;
    let (start, middle, end) = if layout.within { ("  ", "   ", "  ") } else { ("", " ", "") };
    let mut out = String::new();
    for line in lines.iter().filter(|line| line.chosen) {
        let _ = writeln!(out, "{start}{:width$}{middle}{}{}{end}", line.place, "| ".repeat(line.depth), line.text);
    }
    out
}

/// The expression of a policy that failed last: where it stands and how it is written.
pub fn failing_line(events: &[Event], modules: &[Module]) -> String {
    let failed = events.iter().rev().filter(|event| event.op == Op::Fail);
    let place = failed.filter_map(|event| Some((modules.get(event.at.file as usize)?, event.at))).next();
    let Some((module, at)) = place else { return String::new() };
    let text: String = module.source.at(at).lines().map(|line| format!("    \t{}\n", line.trim_start())).collect();
    format!("  {}:{}:\n{text}\n", module.source.name, at.row)
}

/// The path of each rule, by the place where it begins.
fn paths(modules: &[Module]) -> HashMap<(u32, u32), String> {
    let mut paths = HashMap::new();
    for module in modules {
        for rule in &module.rules {
            let package = module.package.path.iter().map(|part| Term::scalar(rule.location, &**part));
            let name = rule.head.reference.iter().enumerate().map(|(i, term)| match (i, term.as_var()) {
                (0, Some(name)) => Term::scalar(rule.location, &**name),
                _ => term.clone(),
            });
            let head = Box::new(Term::var(rule.location, "data"));
            let path = Ref { head, path: package.chain(name).collect() };
            paths.insert((module.source.index, rule.location.offset), path.to_string());
        }
    }
    paths
}

/// A query as it is evaluated: what has a value, is one.
fn asked(query: &str) -> String {
    let body = parse_query(&Source::new(u32::MAX, "", query), &Options::default()).unwrap_or_default();
    match body.as_slice() {
        [only] if matches!(only.kind, ExprKind::Term(_)) && !only.negated => format!("{} = _", one_line(query)),
        _ => one_line(query),
    }
}

fn lines(events: &[Event], modules: &[Module], query: &str, layout: Layout) -> Vec<Line> {
    let paths = paths(modules);
    let asked = asked(query);
    let text = format!("Enter {asked}");
    let first = Line { place: "query:1".to_owned(), depth: 0, text, parent: 0, chosen: false };
    let mut lines = vec![first];
    // Rules that are being tried, innermost last, and their lines.
    let mut open: Vec<(Location, usize)> = Vec::new();
    for event in events {
        let within = |rule: &Location| {
            rule.file == event.at.file
                && (rule.offset..=rule.offset.saturating_add(rule.len)).contains(&event.at.offset)
        };
        // A rule belongs to the expression that was tried last, whose rule is still open.
        if event.op != Op::Enter {
            while open.last().is_some_and(|(rule, _)| !within(rule)) {
                open.pop();
            }
        }
        let parent = open.last().map_or(0, |(_, line)| *line);
        let source = modules.get(event.at.file as usize).map(|module| &module.source);
        let text = source.map_or(asked.as_str(), |source| source.at(event.at));
        let place = match source {
            Some(Source { name, .. }) => format!("{}:{}", cut(name), event.at.row),
            None => format!("query:{}", event.at.row),
        };
        let rule = || {
            let at = if event.op == Op::Enter { event.at } else { open.last().map_or(event.at, |(rule, _)| *rule) };
            paths.get(&(at.file, at.offset)).cloned().unwrap_or_else(|| one_line(text))
        };
        let text = match &event.op {
            Op::Enter => format!("Enter {}", rule()),
            Op::Exit => format!("Exit {}", rule()),
            Op::Eval => format!("Eval {}", one_line(text)),
            Op::Fail => format!("Fail {}", one_line(text)),
            Op::Note(note) => format!("Note {note:?}"),
        };
        let note = matches!(event.op, Op::Note(_));
        let chosen = match layout.mode {
            Explain::Full | Explain::Debug => true,
            Explain::Fails => event.op == Op::Fail || (layout.notes && note),
            Explain::Notes => note,
            Explain::Off => false,
        };
        let at = lines.len();
        // A rule's own lines lie within it.
        let depth = open.len() + 1;
        lines.push(Line { place, depth, text, parent, chosen });
        if event.op == Op::Enter {
            open.push((event.at, at));
        }
        if chosen {
            mark(&mut lines, parent);
        }
    }
    lines
}

/// Chooses a line and those that it lies in.
fn mark(lines: &mut [Line], mut at: usize) {
    while let Some(line) = lines.get_mut(at) {
        if line.chosen {
            return;
        }
        line.chosen = true;
        at = line.parent;
    }
}

/// The end of a long path.
fn cut(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    match chars.len().checked_sub(WIDEST - 8) {
        Some(over) if over > 0 => {
            format!("...{}", chars.get(over + 3..).unwrap_or_default().iter().collect::<String>())
        }
        _ => name.to_owned(),
    }
}

/// A text in one line, without the spaces around its ends of lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Event, Explain, Layout, Op, explain};
    use sluice_rego::ast::{Location, Source};
    use sluice_rego::parse::{Options, parse_module};

    #[test]
    fn events_lie_within_their_rules() {
        let text = "package a\n\np if {\n\tq\n\tinput.x\n}\n\nq if true\n";
        let modules = [parse_module(&Source::new(0, "a.rego", text), &Options::default()).unwrap()];
        let rules = &modules[0].rules;
        let event = |op, at| Event { op, at };
        let query = Location { file: u32::MAX, row: 1, col: 1, offset: 0, len: 8 };
        let events = [
            event(Op::Eval, query),
            event(Op::Enter, rules[0].location),
            event(Op::Eval, rules[0].body[0].location),
            event(Op::Enter, rules[1].location),
            event(Op::Exit, rules[1].location),
            event(Op::Fail, rules[0].body[1].location),
            event(Op::Fail, query),
        ];
        let layout = Layout { mode: Explain::Full, notes: false, within: false };
        let full = "query:1      Enter data.a.p = _\n\
                    query:1      | Eval data.a.p = _\n\
                    a.rego:3     | Enter data.a.p\n\
                    a.rego:4     | | Eval q\n\
                    a.rego:8     | | Enter data.a.q\n\
                    a.rego:8     | | | Exit data.a.q\n\
                    a.rego:5     | | Fail input.x\n\
                    query:1      | Fail data.a.p = _\n";
        assert_eq!(explain(&events, &modules, "data.a.p", layout), full);
        let fails = "query:1      Enter data.a.p = _\n\
                     a.rego:3     | Enter data.a.p\n\
                     a.rego:5     | | Fail input.x\n\
                     query:1      | Fail data.a.p = _\n";
        assert_eq!(explain(&events, &modules, "data.a.p", Layout { mode: Explain::Fails, ..layout }), fails);
    }
}
