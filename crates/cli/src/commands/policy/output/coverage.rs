//! Which lines of policies were evaluated. Pure.

use super::doc::Doc;
use sluice_rego::ast::{Body, Expr, ExprKind, Module, SomeDecl};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Rows that were evaluated, by file.
pub type Hits = BTreeMap<String, BTreeSet<u32>>;

/// Rows of each file that were evaluated, and those that could have been and were not.
#[derive(Clone, Debug, Default)]
pub struct Report {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    covered: BTreeSet<u32>,
    not_covered: BTreeSet<u32>,
}

impl Report {
    /// Of what was evaluated in modules.
    pub fn new(hits: &Hits, modules: &[Module]) -> Self {
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        for (file, rows) in hits {
            files.entry(file.clone()).or_default().covered.extend(rows);
        }
        for module in modules {
            let file = files.entry(module.source.name.to_string()).or_default();
            let rows = rows(module).into_iter().filter(|row| !file.covered.contains(row)).collect();
            file.not_covered = rows;
        }
        Self { files }
    }

    /// The share of lines that were evaluated, in percent.
    pub fn coverage(&self) -> f64 {
        share(self.covered_lines(), self.not_covered_lines())
    }

    fn covered_lines(&self) -> usize {
        self.files.values().map(|file| file.covered.len()).sum()
    }

    fn not_covered_lines(&self) -> usize {
        self.files.values().map(|file| file.not_covered.len()).sum()
    }

    /// As JSON.
    pub fn to_doc(&self) -> Doc {
        let files = self.files.iter().map(|(name, file)| (name.clone(), file.to_doc())).collect();
        Doc::object([
            ("files", Some(Doc::Object(files))),
            ("covered_lines", Some(Doc::number(self.covered_lines()))),
            ("not_covered_lines", Some(Doc::number(self.not_covered_lines()))),
            ("coverage", Some(Doc::double(self.coverage()))),
        ])
    }

    /// Why a threshold is not met, if it is not; with the lines if asked.
    pub fn below(&self, threshold: f64, verbose: bool) -> Option<String> {
        let coverage = self.coverage();
        if coverage >= threshold {
            return None;
        }
        let mut text = format!("Code coverage threshold not met: got {coverage:.2} instead of {threshold:.2}");
        if verbose && !self.files.is_empty() {
            text.push_str("\nLines not covered:");
            for (name, file) in &self.files {
                for (start, end) in ranges(&file.not_covered) {
                    let _ = if start == end {
                        write!(text, "\n\t{name}:{start}")
                    } else {
                        write!(text, "\n\t{name}:{start}-{end}")
                    };
                }
            }
        }
        Some(text)
    }
}

impl File {
    fn to_doc(&self) -> Doc {
        let (covered, not_covered) = (self.covered.len(), self.not_covered.len());
        let share = share(covered, not_covered);
        let list = |rows: &BTreeSet<u32>| {
            let one = |(start, end)| Doc::object([("start", Some(row(start))), ("end", Some(row(end)))]);
            (!rows.is_empty()).then(|| Doc::Array(ranges(rows).into_iter().map(one).collect()))
        };
        Doc::object([
            ("covered", list(&self.covered)),
            ("not_covered", list(&self.not_covered)),
            ("covered_lines", (covered > 0).then(|| Doc::number(covered))),
            ("not_covered_lines", (not_covered > 0).then(|| Doc::number(not_covered))),
            ("coverage", (share > 0.0).then(|| Doc::double(share))),
        ])
    }
}

fn row(row: u32) -> Doc {
    Doc::object([("row", Some(Doc::number(row)))])
}

#[expect(clippy::cast_precision_loss, reason = "a number of lines")]
fn share(covered: usize, not_covered: usize) -> f64 {
    let all = covered + not_covered;
    if all == 0 { 0.0 } else { 100.0 * covered as f64 / all as f64 }
}

/// Rows that follow one another, together.
fn ranges(rows: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *row => *end = *row,
            _ => ranges.push((*row, *row)),
        }
    }
    ranges
}

/// The rows of a module that can be evaluated: heads and expressions.
fn rows(module: &Module) -> BTreeSet<u32> {
    let mut rows = BTreeSet::new();
    for rule in &module.rules {
        rows.insert(rule.head.location.row);
        body(&rule.body, &mut rows);
        for branch in &rule.elses {
            rows.insert(branch.location.row);
            body(&branch.body, &mut rows);
        }
    }
    rows
}

fn body(body: &Body, rows: &mut BTreeSet<u32>) {
    body.iter().for_each(|found| expr(found, rows));
}

fn expr(expr: &Expr, rows: &mut BTreeSet<u32>) {
    if !matches!(expr.kind, ExprKind::Some(_)) {
        rows.insert(expr.location.row);
    }
    walk::bodies(expr, &mut |found| body(found, rows));
}

/// Bodies within expressions: of comprehensions and `every`.
mod walk {
    use super::{Body, Expr, ExprKind, SomeDecl};
    use sluice_rego::ast::{TemplatePart, Term, TermKind};

    pub fn bodies(expr: &Expr, found: &mut dyn FnMut(&Body)) {
        match &expr.kind {
            ExprKind::Term(inner) => term(inner, found),
            ExprKind::Call(call) => call.args.iter().for_each(|arg| term(arg, found)),
            ExprKind::Some(decl) => match &**decl {
                SomeDecl::Vars(_) => {}
                SomeDecl::In { key, value, domain } => {
                    key.iter().chain([value, domain]).for_each(|inner| term(inner, found));
                }
            },
            ExprKind::Every(every) => {
                term(&every.domain, found);
                found(&every.body);
            }
        }
        for with in &expr.with {
            term(&with.value, found);
        }
    }

    fn term(at: &Term, found: &mut dyn FnMut(&Body)) {
        match &at.kind {
            TermKind::Scalar(_) | TermKind::Var(_) => {}
            TermKind::Ref(r) => {
                term(&r.head, found);
                r.path.iter().for_each(|part| term(part, found));
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| term(item, found)),
            TermKind::Object(items) => items.iter().for_each(|(key, value)| {
                term(key, found);
                term(value, found);
            }),
            TermKind::Call(call) => call.args.iter().for_each(|arg| term(arg, found)),
            TermKind::ArrayComp(comp) | TermKind::SetComp(comp) => {
                term(&comp.head, found);
                found(&comp.body);
            }
            TermKind::ObjectComp(comp) => {
                term(&comp.key, found);
                term(&comp.value, found);
                found(&comp.body);
            }
            TermKind::TemplateString(template) => {
                for part in &template.parts {
                    if let TemplatePart::Expr(expr) = part {
                        bodies(expr, found);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hits, Report};
    use sluice_rego::ast::Source;
    use sluice_rego::parse::{Options, parse_module};
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_counted_once_and_ranges_joined() {
        let text = "package p\n\nq if {\n\tsome x in [1, 2]\n\tx > 1\n\ty := [z |\n\t\tz := x\n\t]\n\ty\n} else := 2\n\nr := 1\n";
        let module = parse_module(&Source::new(0, "p.rego", text), &Options::default()).unwrap();
        let hits = Hits::from([("p.rego".to_owned(), BTreeSet::from([3, 4, 5]))]);
        let report = Report::new(&hits, &[module]);
        let shown = report.below(50.0, true).unwrap();
        assert_eq!(
            shown,
            "Code coverage threshold not met: got 37.50 instead of 50.00\nLines not covered:\n\tp.rego:6-7\n\tp.rego:9-10\n\tp.rego:12"
        );
        assert!(report.below(37.5, true).is_none());
        assert!(report.to_doc().render().contains("\"not_covered_lines\": 5,\n      \"coverage\": 37.5\n"));
    }
}
