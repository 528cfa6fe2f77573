//! Measured times as numbers: of one round as they are, of several their spread. Pure.

use super::doc::Doc;
use super::table::table;
use std::collections::BTreeMap;
use std::time::Duration;

/// Numbers by their names.
pub type Numbers = BTreeMap<String, i64>;

/// The spread of each number: OPA's names and values.
pub type Spread = BTreeMap<String, Vec<(&'static str, f64)>>;

fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The times of one round.
pub fn once(phases: &[(&'static str, Duration)]) -> Numbers {
    let mut numbers = Numbers::new();
    for (name, duration) in phases {
        let sum = numbers.entry((*name).to_owned()).or_default();
        *sum = sum.saturating_add(ns(*duration));
    }
    numbers
}

/// The spread over rounds.
pub fn aggregate(rounds: &[Vec<(&'static str, Duration)>]) -> Spread {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for round in rounds {
        for (name, n) in once(round) {
            #[expect(clippy::cast_precision_loss, reason = "nanoseconds below 2^53 are months")]
            all.entry(name).or_default().push(n as f64);
        }
    }
    all.into_iter()
        .map(|(name, mut values)| {
            values.sort_by(f64::total_cmp);
            let wanted = ["min", "max", "mean", "90%", "99%"];
            (name, wanted.map(|which| (which, statistic(&values, which))).to_vec())
        })
        .collect()
}

/// `min`, `max`, `mean`, `median`, `stddev`, `count` or a percentile such as `99.9%`, of sorted values.
pub fn statistic(sorted: &[f64], which: &str) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n.max(1.0);
    match which {
        "count" => n,
        "min" => sorted.first().copied().unwrap_or_default(),
        "max" => sorted.last().copied().unwrap_or_default(),
        "mean" => mean,
        "stddev" => (sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n.max(1.0)).sqrt(),
        "median" => percentile(sorted, 0.5),
        other => percentile(sorted, other.trim_end_matches('%').parse().unwrap_or(0.0) / 100.0),
    }
}

/// Between the two samples nearest to the rank.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let rank = share * (sorted.len() as f64 + 1.0);
    if rank < 1.0 {
        return *first;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number of samples")]
    let whole = rank as usize;
    match (sorted.get(whole - 1), sorted.get(whole)) {
        (Some(below), Some(above)) => below + rank.fract() * (above - below),
        _ => *last,
    }
}

/// As JSON.
pub fn to_doc(numbers: &Numbers) -> Doc {
    Doc::Object(numbers.iter().map(|(name, n)| (name.clone(), Doc::number(*n))).collect())
}

/// As JSON.
pub fn spread_to_doc(spread: &Spread) -> Doc {
    let one = |values: &Vec<(&'static str, f64)>| {
        let mut values = values.clone();
        values.sort_by_key(|(name, _)| *name);
        Doc::Object(values.into_iter().map(|(name, value)| (name.to_owned(), Doc::double(value))).collect())
    };
    Doc::Object(spread.iter().map(|(name, values)| (name.clone(), one(values))).collect())
}

/// As a table.
pub fn to_table(numbers: &Numbers) -> String {
    let rows: Vec<Vec<String>> = numbers.iter().map(|(name, n)| vec![name.clone(), n.to_string()]).collect();
    table(&["Metric".to_owned(), "Value".to_owned()], &rows, &[])
}

/// A double in the form of C's `%g`, as short as it can be.
fn general(n: f64) -> String {
    let text = format!("{n:e}");
    match text.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>().unwrap_or_default())) {
        Some((digits, exponent)) if !(-4..6).contains(&exponent) && n != 0.0 && exponent < 21 => {
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => n.to_string(),
    }
}

/// As a table.
pub fn spread_to_table(spread: &Spread) -> String {
    let row = |(name, values): (&String, &Vec<(&'static str, f64)>)| {
        std::iter::once(name.clone()).chain(values.iter().map(|(_, value)| general(*value))).collect()
    };
    let header = ["Metric", "Min", "Max", "Mean", "90%", "99%"].map(str::to_owned);
    table(&header, &spread.iter().map(row).collect::<Vec<_>>(), &[])
}

#[cfg(test)]
mod tests {
    use super::{aggregate, once, statistic};
    use std::time::Duration;

    #[test]
    fn times_of_the_same_name_add_up() {
        let phases = [("a", Duration::from_nanos(1)), ("b", Duration::from_nanos(5)), ("a", Duration::from_nanos(2))];
        assert_eq!(once(&phases).into_iter().collect::<Vec<_>>(), [("a".to_owned(), 3), ("b".to_owned(), 5)]);
    }

    #[test]
    fn the_spread_is_that_of_the_samples() {
        let rounds: Vec<Vec<_>> = (1..=100).map(|n| vec![("a", Duration::from_nanos(n))]).collect();
        let spread = aggregate(&rounds);
        let shown: Vec<String> = spread["a"].iter().map(|(name, value)| format!("{name} {value:.2}")).collect();
        assert_eq!(shown, ["min 1.00", "max 100.00", "mean 50.50", "90% 90.90", "99% 99.99"]);
        assert!((statistic(&[2.0], "99.99%") - 2.0).abs() < f64::EPSILON);
        assert!(statistic(&[], "median").abs() < f64::EPSILON);
    }
}
