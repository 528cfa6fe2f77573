//! A module: its package, imports and rules in the order in which they stand, with the comments between them.

use super::FormatOptions;
use super::imports;
use super::place::Place;
use super::rule::{is_one_liner, is_ref_head};
use super::writer::{Comments, Style, Writer, split};
use crate::ast::{Comment, Location, Module, Name, Rule, Term, TermKind, Version};
use crate::error::Error;
use crate::parse;
use std::collections::HashSet;

/// A module written, and where in the text its rules are.
#[derive(Debug)]
pub(super) struct Layout {
    pub text: String,
    pub rules: Vec<Span>,
}

/// Where a rule with all its bodies stood and stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The index of the rule.
    index: usize,
    source: Location,
    /// The byte of the text at which it starts, with the comments above.
    start: usize,
}

impl Layout {
    /// Of all rules, the indexes.
    pub(super) fn all(&self) -> Vec<usize> {
        self.rules.iter().map(|span| span.index).collect()
    }

    /// The rules that certain ones are, or are further bodies of.
    pub(super) fn holding(&self, rules: &[usize]) -> Vec<usize> {
        let holder =
            |rule: &usize| self.rules.get(self.rules.partition_point(|span| span.index <= *rule).checked_sub(1)?);
        rules.iter().filter_map(holder).map(|span| span.index).collect()
    }

    /// The rules within which comments of these texts stood.
    pub(super) fn around(&self, module: &Module, texts: &HashSet<String>) -> Vec<usize> {
        let meant = module.comments.iter().filter(|comment| texts.contains(comment.text.trim_end()));
        let offsets: Vec<u32> = meant.map(|comment| comment.location.offset).collect();
        let within = |span: &&Span| {
            let end = span.source.offset.saturating_add(span.source.len);
            let first = offsets.partition_point(|offset| *offset < span.source.offset);
            offsets.get(first).is_some_and(|offset| *offset < end)
        };
        self.rules.iter().filter(within).map(|span| span.index).collect()
    }

    /// The rule at a byte of the text.
    pub(super) fn at(&self, offset: u32) -> Vec<usize> {
        let found = self.rules.iter().rev().find(|span| span.start <= offset as usize);
        found.map(|span| span.index).into_iter().collect()
    }
}

/// Writes a module; the rules whose indexes are in `keep` as they stand.
pub(super) fn write(module: &Module, options: &FormatOptions, keep: &HashSet<usize>) -> Result<Layout, Vec<Error>> {
    let mut lines = imports::lines(module, options);
    // A comment in an import's line stays there; the package's own line comes first.
    let package_row = module.package.location.row;
    let mut comments: Vec<&Comment> = Vec::new();
    for comment in &module.comments {
        let row = i64::from(comment.location.row);
        let mut own = lines.iter_mut().filter(|line| line.row == row && comment.location.row > package_row);
        match own.next() {
            Some(line) => line.comment = Some(comment),
            None => comments.push(comment),
        }
    }
    let mut writer = Writer::new(module, style(module, options));
    let mut left = package(&mut writer, &comments);
    let mut spans = Vec::new();
    let groups = groups(module);
    let (mut lines, mut rules) = (lines.as_slice(), groups.as_slice());
    while !lines.is_empty() || !rules.is_empty() {
        let first = rules.first().map(|group| place_of(&group.rules));
        let (now, later) =
            lines.split_at(lines.partition_point(|line| first.is_none_or(|rule| (line.row, line.col) < rule)));
        left = imports::write(&mut writer, now, left);
        lines = later;
        let next = lines.first().map(|line| (line.row, line.col));
        let (now, later) =
            rules.split_at(rules.partition_point(|group| next.is_none_or(|line| place_of(&group.rules) < line)));
        left = write_rules(&mut writer, now, keep, &mut spans, left);
        rules = later;
    }
    for comment in left {
        writer.comment_line(comment);
    }
    if !writer.errors.is_empty() {
        return Err(writer.errors);
    }
    let mut text = writer.out;
    if text.ends_with('\n') {
        text.truncate(text.trim_end_matches('\n').len());
        text.push('\n');
    }
    Ok(Layout { text, rules: spans })
}

/// A rule with its further bodies.
struct Group<'a> {
    index: usize,
    rules: Vec<&'a Rule>,
    /// All of it.
    location: Location,
}

fn place_of(rules: &[&Rule]) -> (i64, u32) {
    rules.first().map_or((0, 0), |rule| (rule.location.row.into(), rule.location.col))
}

/// Whether a rule is a further body of the one before.
fn is_chained(module: &Module, rule: &Rule) -> bool {
    module.source.at(rule.location).starts_with('{')
}

fn groups(module: &Module) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, rule) in module.rules.iter().enumerate() {
        let whole = whole(rule);
        match groups.last_mut().filter(|_| is_chained(module, rule)) {
            Some(group) => {
                group.rules.push(rule);
                let end = whole.offset.saturating_add(whole.len);
                group.location.len = end.saturating_sub(group.location.offset);
            }
            None => groups.push(Group { index, rules: vec![rule], location: whole }),
        }
    }
    groups
}

/// All of a rule's text: its own location ends at the head where that is all there is to evaluate.
fn whole(rule: &Rule) -> Location {
    let mut location = rule.location;
    let mut end = location.offset.saturating_add(location.len);
    let parts = [Some(rule.head.location), rule.head.value.as_ref().map(|value| value.location)];
    let args = rule.head.args.iter().map(|arg| Some(arg.location));
    for part in parts.into_iter().chain(args).flatten() {
        end = end.max(part.offset.saturating_add(part.len));
    }
    location.len = end.saturating_sub(location.offset);
    location
}

fn package<'a>(writer: &mut Writer<'a>, comments: Comments<'a>) -> Comments<'a> {
    let package = &writer.module.package;
    // The first comment behind a line has no other one to be in its way.
    let left = writer.comments_to(package.location.row.into(), comments).unwrap_or_else(|halt| halt.left);
    writer.start_line();
    writer.put("package ");
    let text = writer.source.text.get(package.location.offset as usize..).unwrap_or_default();
    let text = text.strip_prefix("package").unwrap_or(text);
    imports::path(writer, &package.path, text);
    writer.blank_line();
    left
}

fn write_rules<'a>(
    writer: &mut Writer<'a>,
    groups: &[Group<'a>],
    keep: &HashSet<usize>,
    spans: &mut Vec<Span>,
    comments: Comments<'a>,
) -> Comments<'a> {
    let mut left = comments;
    let all: Vec<(&Group<'a>, &'a Rule, bool)> = groups
        .iter()
        .flat_map(|group| group.rules.iter().enumerate().map(move |(i, rule)| (group, *rule, i > 0)))
        .collect();
    let mut start = (writer.out.len(), writer.line, left);
    let mut given_up = false;
    for (i, (group, rule, chained)) in all.iter().enumerate() {
        if !chained {
            start = (writer.out.len(), writer.line, left);
            spans.push(Span { index: group.index, source: group.location, start: writer.out.len() });
            given_up = keep.contains(&group.index);
        }
        let next = all.get(i + 1);
        let ends = next.is_none_or(|(_, _, chained)| !chained);
        if !given_up {
            left = writer.comments_to(rule.location.row.into(), left).unwrap_or_else(|halt| halt.left);
            left = writer.rule(rule, *chained, left).unwrap_or_else(|halt| halt.left);
            given_up = loses(writer, start.0, start.1.comment, start.2, left);
        }
        if given_up {
            if !ends {
                continue;
            }
            writer.out.truncate(start.0);
            writer.line = start.1;
            left = as_it_stands(writer, group, start.2);
        }
        writer.line.level = 0;
        let close = next.is_some_and(|(_, next, _)| {
            is_one_liner(writer, rule) && is_one_liner(writer, next) && next.location.row == rule.location.row + 1
        });
        if !close {
            writer.blank_line();
        }
    }
    left
}

/// Whether what was written since a byte has other comments than those that are no longer left.
fn loses<'a>(
    writer: &Writer<'a>,
    start: usize,
    waiting: Option<&'a Comment>,
    before: Comments<'a>,
    left: Comments<'a>,
) -> bool {
    let used = before.len().saturating_sub(left.len());
    let pending = writer.line.comment.map(|comment| comment.location);
    let used = before.iter().take(used).copied().chain(waiting).filter(|comment| Some(comment.location) != pending);
    let mut wanted: Vec<&str> = used.map(|comment| comment.text.trim_end()).collect();
    let text = writer.out.get(start..).unwrap_or_default();
    let mut written: Vec<&str> =
        parse::comments(text).into_iter().filter_map(|comment| comment.strip_prefix('#')).map(str::trim_end).collect();
    wanted.sort_unstable();
    written.sort_unstable();
    wanted != written
}

/// A rule with the comments in it as in the source.
fn as_it_stands<'a>(writer: &mut Writer<'a>, group: &Group<'a>, comments: Comments<'a>) -> Comments<'a> {
    let row = i64::from(group.location.row);
    let (above, _, _) = split(comments, row);
    writer.comment_lines(above);
    if above.last().is_some_and(|last| row - i64::from(last.location.row) > 1) {
        writer.blank_line();
    }
    writer.start_line();
    let place = Place::of(group.location, writer.source);
    writer.put(place.text);
    let end = group.location.offset.saturating_add(group.location.len);
    let mut left = comments.get(above.len()..).unwrap_or_default();
    while let Some((_, rest)) = left.split_first().filter(|(comment, _)| comment.location.offset < end) {
        left = rest;
    }
    let (_, at, below) = split(left, place.row + place.height());
    if at.is_some() {
        writer.line.comment = at;
        left = below;
    }
    writer.end_line();
    left
}

fn style(module: &Module, options: &FormatOptions) -> Style {
    let v1 = options.write != Version::V0;
    let mut style = Style { v1, contains: v1, ifs: v1, ..Style::default() };
    let words = parse::keywords(v1);
    style.keywords = words.into_iter().map(Into::into).collect();
    for import in &module.imports {
        let path: Vec<&str> = import.path.iter().map(|part| &**part).collect();
        match path.as_slice() {
            ["rego", "v1"] | ["future", "keywords"] => (style.contains, style.ifs) = (true, true),
            ["future", "keywords", word] => {
                style.contains |= *word == "contains";
                style.ifs |= *word == "if";
                style.keywords.push((*word).into());
            }
            _ => {}
        }
    }
    style.ref_heads = module.rules.iter().any(|rule| is_ref_head(&rule.head));
    style.repeated = repeated_wildcards(module);
    style
}

/// Wildcards within the head of a rule that is more than once in the syntax: with further bodies or with an `else`. OPA
/// names these; a name that the module has already is not taken.
fn repeated_wildcards(module: &Module) -> HashSet<Name> {
    let (mut seen, mut repeated) = (HashSet::new(), HashSet::new());
    for rule in &module.rules {
        if rule.elses.is_empty() && !is_copied(module, rule) {
            continue;
        }
        let head = rule.head.args.iter().chain(super::rule::key(rule)).chain(&rule.head.value);
        let mut found = Vec::new();
        head.chain(rule.elses.iter().flat_map(|other| &other.args)).for_each(|term| wildcards(term, &mut found));
        for name in found {
            if !seen.insert(name.clone()) {
                repeated.insert(name);
            }
        }
    }
    if !repeated.is_empty() {
        let taken: HashSet<&str> = parse::tokens(&module.source.text).into_iter().collect();
        repeated.retain(|name: &Name| !taken.contains(&*name.replacen('$', "_", 1)));
    }
    repeated
}

/// Whether a rule has further bodies or is one.
fn is_copied(module: &Module, rule: &Rule) -> bool {
    let end = rule.location.offset.saturating_add(rule.location.len) as usize;
    let rest = module.source.text.get(end..).unwrap_or_default();
    is_chained(module, rule) || parse::path_tokens(rest, 1).first() == Some(&"{")
}

fn wildcards(term: &Term, found: &mut Vec<Name>) {
    match &term.kind {
        TermKind::Var(name) if name.starts_with('$') => found.push(name.clone()),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| wildcards(item, found)),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            wildcards(key, found);
            wildcards(value, found);
        }),
        TermKind::Ref(r) => r.path.iter().for_each(|part| wildcards(part, found)),
        TermKind::Call(call) => call.args.iter().for_each(|arg| wildcards(arg, found)),
        _ => {}
    }
}
