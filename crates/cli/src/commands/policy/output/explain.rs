//! What an evaluation did, for people: one line for each event, with its place, below the rule that it belongs to. Expressions
//! are shown as they are written. Pure.

use super::super::args::Explain;
use sluice_rego::ast::{Location, Module, Source};
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
    parent: Option<usize>,
    chosen: bool,
}

/// The places are not wider than this.
const WIDEST: usize = 64;

/// Explains events; `query` is what was asked.
pub fn explain(events: &[Event], modules: &[Module], query: &str, mode: Explain) -> String {
    let lines = lines(events, modules, query, mode);
    let width = lines.iter().filter(|line| line.chosen).map(|line| line.place.chars().count()).max().unwrap_or(0);
    let width = width.clamp(24, WIDEST);
    let mut out = String::new();
    for line in lines.iter().filter(|line| line.chosen) {
        let _ = writeln!(out, "{:width$} {}{}", line.place, "| ".repeat(line.depth), line.text);
    }
    out
}

fn lines(events: &[Event], modules: &[Module], query: &str, mode: Explain) -> Vec<Line> {
    let first = Line {
        place: "query:1".to_owned(),
        depth: 0,
        text: format!("Enter {}", one_line(query)),
        parent: None,
        chosen: false,
    };
    let mut lines = vec![first];
    // Rules that are being tried, innermost last, and their lines.
    let mut open: Vec<(Location, usize)> = Vec::new();
    for event in events {
        let within = |rule: &Location| {
            event.op != Op::Enter
                && rule.file == event.at.file
                && (rule.offset..=rule.offset.saturating_add(rule.len)).contains(&event.at.offset)
        };
        match event.op {
            // A rule belongs to the expression that was tried last, whose rule is still open.
            Op::Enter => {}
            _ => {
                while open.last().is_some_and(|(rule, _)| !within(rule)) {
                    open.pop();
                }
            }
        }
        let parent = open.last().map_or(0, |(_, line)| *line);
        let source = modules.get(event.at.file as usize).map(|module| &module.source);
        let text = source.map_or_else(|| query.get(range(event.at)).unwrap_or(""), |source| source.at(event.at));
        let place = match source {
            Some(Source { name, .. }) => format!("{}:{}", cut(name), event.at.row),
            None => format!("query:{}", event.at.row),
        };
        let text = match &event.op {
            Op::Enter => format!("Enter {}", head(text)),
            Op::Exit => format!("Exit {}", head(text)),
            Op::Eval => format!("Eval {}", one_line(text)),
            Op::Fail => format!("Fail {}", one_line(text)),
            Op::Note(note) => format!("Note {note:?}"),
        };
        let chosen = match mode {
            Explain::Full | Explain::Debug => true,
            Explain::Fails => event.op == Op::Fail,
            Explain::Notes => matches!(event.op, Op::Note(_)),
            Explain::Off => false,
        };
        let at = lines.len();
        let depth = open.len() + 1 - usize::from(event.op == Op::Exit && !open.is_empty());
        lines.push(Line { place, depth, text, parent: Some(parent), chosen });
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
        line.chosen = true;
        match line.parent {
            Some(parent) if parent != at => at = parent,
            _ => return,
        }
    }
}

fn range(at: Location) -> std::ops::Range<usize> {
    let start = at.offset as usize;
    start..start.saturating_add(at.len as usize)
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

/// A rule without its body.
fn head(text: &str) -> String {
    let end = text.find(" if ").or_else(|| text.find(" {")).unwrap_or(text.len());
    one_line(text.get(..end).unwrap_or(text))
}

/// A text in one line, without the spaces around its ends of lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
