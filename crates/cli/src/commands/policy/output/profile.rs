//! Where the time of an evaluation goes: for each row of a policy, how long its expressions took, how often they were tried
//! and in how many ways they held. Pure; whoever listens gives the times.

use super::doc::Doc;
use super::table::table;
use crate::commands::policy::duration;
use sluice_rego::ast::Location;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What was measured, by file and row.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    rows: BTreeMap<(u32, u32), Row>,
}

/// One row.
#[derive(Clone, Debug, Default)]
struct Row {
    time: Duration,
    tried: usize,
    held: usize,
    /// Where its expressions begin.
    expressions: BTreeSet<u32>,
    at: Location,
}

impl Profile {
    /// An expression is tried.
    pub fn tried(&mut self, at: Location) {
        let row = self.row(at);
        row.tried += 1;
        row.expressions.insert(at.offset);
    }

    /// It holds.
    pub fn held(&mut self, at: Location) {
        self.row(at).held += 1;
    }

    /// Time that went by since it was tried.
    pub fn took(&mut self, at: Location, time: Duration) {
        let row = self.row(at);
        row.time = row.time.saturating_add(time);
    }

    fn row(&mut self, at: Location) -> &mut Row {
        self.rows.entry((at.file, at.row)).or_insert_with(|| Row { at, ..Row::default() })
    }

    /// The rows that come first in an order, by the names of their files.
    pub fn top(&self, order: &[String], most: usize, name: &dyn Fn(u32) -> String) -> Vec<Line> {
        let mut lines: Vec<Line> = self
            .rows
            .values()
            .map(|row| Line {
                time: row.time,
                tried: row.tried,
                held: row.held,
                expressions: row.expressions.len(),
                file: name(row.at.file),
                at: row.at,
            })
            .collect();
        let rest = ["total_time_ns", "num_eval", "num_redo", "file", "line"].map(str::to_owned);
        lines.sort_by(|a, b| {
            order.iter().chain(&rest).fold(Ordering::Equal, |found, by| found.then_with(|| a.before(b, by)))
        });
        if most > 0 {
            lines.truncate(most);
        }
        lines
    }
}

/// A row as it is told.
#[derive(Clone, Debug)]
pub struct Line {
    time: Duration,
    tried: usize,
    held: usize,
    expressions: usize,
    file: String,
    at: Location,
}

impl Line {
    fn before(&self, other: &Self, by: &str) -> Ordering {
        match by {
            "total_time_ns" => other.time.cmp(&self.time),
            "num_eval" => other.tried.cmp(&self.tried),
            "num_redo" => other.held.cmp(&self.held),
            "num_gen_expr" => other.expressions.cmp(&self.expressions),
            "file" => other.file.cmp(&self.file),
            _ => other.at.row.cmp(&self.at.row),
        }
    }
}

/// As JSON.
pub fn to_doc(lines: &[Line]) -> Doc {
    let one = |line: &Line| {
        let location = Doc::object([
            ("file", Some(Doc::text(&line.file))),
            ("row", Some(Doc::number(line.at.row))),
            ("col", Some(Doc::number(line.at.col))),
        ]);
        Doc::object([
            ("total_time_ns", Some(Doc::number(line.time.as_nanos()))),
            ("num_eval", Some(Doc::number(line.tried))),
            ("num_redo", Some(Doc::number(line.held))),
            ("num_gen_expr", Some(Doc::number(line.expressions))),
            ("location", Some(location)),
        ])
    };
    Doc::Array(lines.iter().map(one).collect())
}

/// As a table.
pub fn to_table(lines: &[Line]) -> String {
    let row = |line: &Line| {
        let place = match line.file.as_str() {
            "" => format!("query:{}", line.at.row),
            file => format!("{file}:{}", line.at.row),
        };
        let counts = [line.tried, line.held, line.expressions].map(|n| n.to_string());
        std::iter::once(duration::show(line.time)).chain(counts).chain([place]).collect()
    };
    let header = ["Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"].map(str::to_owned);
    table(&header, &lines.iter().map(row).collect::<Vec<_>>(), &[])
}

#[cfg(test)]
mod tests {
    use super::{Profile, to_table};
    use sluice_rego::ast::Location;
    use std::time::Duration;

    #[test]
    fn rows_are_summed_and_sorted() {
        let at = |row, offset| Location { file: 0, row, col: 1, offset, len: 1 };
        let mut profile = Profile::default();
        for (location, time) in [(at(3, 0), 5), (at(3, 9), 5), (at(4, 20), 100)] {
            profile.tried(location);
            profile.took(location, Duration::from_nanos(time));
        }
        profile.held(at(3, 9));
        let name = |_| "a.rego".to_owned();
        let table = to_table(&profile.top(&[], 10, &name));
        assert!(table.contains("│ 100ns │ 1        │ 0        │ 1            │ a.rego:4 │"), "{table}");
        assert!(table.contains("│ 10ns  │ 2        │ 1        │ 2            │ a.rego:3 │"), "{table}");
        let rows = |order: &str| -> Vec<u32> {
            profile.top(&[order.to_owned()], 0, &name).iter().map(|line| line.at.row).collect()
        };
        assert_eq!((rows("num_eval"), rows("total_time_ns")), (vec![3, 4], vec![4, 3]));
        assert_eq!(profile.top(&[], 1, &name).len(), 1);
    }
}
