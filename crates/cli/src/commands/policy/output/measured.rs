//! A measurement of something done many times, in the forms that Go's benchmarks have. Memory is not measured. Pure.

use super::doc::Doc;
use super::metrics::statistic;
use super::table::{Align, table};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How often it was done.
    pub n: usize,
    /// In all.
    pub time: Duration,
    /// Further numbers by their units.
    pub extra: BTreeMap<String, f64>,
}

impl Measured {
    /// Of single times; `spread` names how they are told.
    pub fn new(mut samples: Vec<Duration>, spread: Option<&str>) -> Self {
        let time = samples.iter().sum();
        samples.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds below 2^53 are months")]
        let sorted: Vec<f64> = samples.iter().map(|sample| sample.as_nanos() as f64).collect();
        let wanted = ["75%", "90%", "95%", "99%", "99.9%", "99.99%", "count", "max", "mean", "median", "min", "stddev"];
        let extra = spread
            .into_iter()
            .flat_map(|name| wanted.map(|which| (format!("histogram_{name}_{which}"), statistic(&sorted, which))));
        Self { n: sorted.len(), time, extra: extra.collect() }
    }

    /// Nanoseconds for one.
    pub fn each(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count, and nanoseconds below 2^53")]
        let (time, n) = (self.time.as_nanos() as f64, self.n as f64);
        if self.n == 0 { 0.0 } else { time / n }
    }

    /// A line as Go's benchmarks print it, without the name.
    pub fn line(&self) -> String {
        let mut line = format!("{:8}\t{} ns/op", self.n, aligned(self.each()));
        for (unit, n) in &self.extra {
            line.push_str(&format!("\t{} {unit}", aligned(*n)));
        }
        line
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut rows =
            vec![vec!["samples".to_owned(), self.n.to_string()], vec!["ns/op".to_owned(), aligned(self.each())]];
        rows.extend(self.extra.iter().map(|(unit, n)| vec![unit.clone(), aligned(*n)]));
        table(&[], &rows, &[Align::Left, Align::Right])
    }

    /// As JSON.
    pub fn to_doc(&self) -> Doc {
        let extra = self.extra.iter().map(|(unit, n)| (unit.clone(), Doc::double(*n))).collect();
        Doc::object([
            ("N", Some(Doc::number(self.n))),
            ("T", Some(Doc::number(self.time.as_nanos()))),
            ("Bytes", Some(Doc::number(0))),
            ("MemAllocs", Some(Doc::number(0))),
            ("MemBytes", Some(Doc::number(0))),
            ("Extra", Some(Doc::Object(extra))),
        ])
    }
}

/// Three significant figures for what is small, and points below one another.
fn aligned(n: f64) -> String {
    match n.abs() {
        y if y == 0.0 || y >= 99.95 => format!("{n:10.0}"),
        y if y >= 9.995 => format!("{n:12.1}"),
        y if y >= 0.9995 => format!("{n:13.2}"),
        y if y >= 0.09995 => format!("{n:14.3}"),
        y if y >= 0.009_995 => format!("{n:15.4}"),
        y if y >= 0.000_999_5 => format!("{n:16.5}"),
        _ => format!("{n:17.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Measured;
    use std::time::Duration;

    #[test]
    fn a_measurement_is_told_in_three_forms() {
        let measured = Measured::new(vec![Duration::from_nanos(100), Duration::from_nanos(300)], None);
        assert_eq!(measured.line(), "       2\t       200 ns/op");
        assert_eq!(measured.table(), "┌─────────┬─────┐\n│ samples │   2 │\n│ ns/op   │ 200 │\n└─────────┴─────┘\n");
        assert!(measured.to_doc().render().contains("\"T\": 400"));
        let spread = Measured::new(vec![Duration::from_nanos(12)], Some("t"));
        assert!(spread.line().contains("        12.0 histogram_t_99.9%"));
        assert!(Measured::default().line().contains("0 ns/op"));
    }
}
