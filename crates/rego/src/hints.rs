//! Near misses: which known name a wrong one may have meant.

/// `did you mean ..?` for the nearest of the known names, if one is near.
pub fn did_you_mean<'n>(wrong: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

/// The nearest name, if it is near enough to be meant: about one letter in three may differ, or it is the same but for a
/// package before it.
pub fn nearest<'n>(wrong: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let len = wrong.chars().count();
    if !(MIN_LEN..=MAX_LEN).contains(&len) {
        return None;
    }
    let limit = len.div_ceil(3);
    let score = |name: &'n str| {
        let suffix = |long: &str, short: &str| {
            short.len() > 2 && long.strip_suffix(short).is_some_and(|rest| rest.ends_with('.'))
        };
        let far = match suffix(name, wrong) || suffix(wrong, name) {
            true => 1,
            false => distance(wrong, name),
        };
        (far, name)
    };
    known.map(score).filter(|(far, name)| *far <= limit && *name != wrong).min().map(|(_, name)| name)
}

/// Shorter names are near to too many, longer ones take too long.
const MIN_LEN: usize = 3;
const MAX_LEN: usize = 64;

/// How many letters must be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().take(2 * MAX_LEN).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_not() {
        let names = ["startswith", "endswith", "count", "json.patch", "trim_space", "regex.match"];
        for (wrong, meant) in [
            ("starts_with", Some("startswith")),
            ("coutn", Some("count")),
            ("json.pach", Some("json.patch")),
            ("trimspace", Some("trim_space")),
            ("match", Some("regex.match")),
            ("frobnicate", None),
            ("count", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names.into_iter()), meant, "{wrong}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), names.into_iter()), None);
    }
}
