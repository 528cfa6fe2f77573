//! What may have been meant: names that differ little from one that is not known, and lists of them in words.

use super::work::{Step, Stop, Work};

/// Adds ` Did you mean "a", "b", or "c"?` to a message, where there is something to suggest.
pub fn add<'a>(
    message: &mut String,
    prefix: &str,
    typed: &str,
    options: impl IntoIterator<Item = &'a str>,
    work: &mut Work,
) -> Step {
    let found = similar(typed, options, work)?;
    if !found.is_empty() {
        message.push_str(&format!(" {prefix} {}?", either(&found)));
    }
    Ok(())
}

/// The options that are near to what was typed, the nearest first.
pub fn similar<'a>(
    typed: &str,
    options: impl IntoIterator<Item = &'a str>,
    work: &mut Work,
) -> Result<Vec<&'a str>, Stop> {
    let threshold = typed.len() * 2 / 5 + 1;
    let mut found = Vec::new();
    for option in options {
        work.spend(1)?;
        // They differ by at least the difference in their lengths.
        if typed.chars().count().abs_diff(option.chars().count()) <= threshold {
            let distance = distance(typed, option, work)?;
            if distance <= threshold {
                found.push((distance, option));
            }
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    Ok(found.into_iter().map(|(_, option)| option).collect())
}

/// `"a"`, `"a" or "b"`, `"a", "b", or "c"`; at most five.
pub fn either(items: &[&str]) -> String {
    let items: Vec<String> = items.iter().take(5).map(|item| format!("\"{item}\"")).collect();
    match items.as_slice() {
        [first, second] => format!("{first} or {second}"),
        [all @ .., last] if !all.is_empty() => format!("{}, or {last}", all.join(", ")),
        _ => items.concat(),
    }
}

/// The edit distance without regard to case; names that differ in case only have distance 1.
fn distance(a: &str, b: &str, work: &mut Work) -> Result<usize, Stop> {
    if a == b {
        return Ok(0);
    }
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    if a == b {
        return Ok(1);
    }
    let a: Vec<char> = a.chars().collect();
    work.spend(1 + a.len() * b.len() / 8)?;
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, other) in b.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, c) in row.iter_mut().skip(1).zip(&a) {
            let here = if *c == other { diagonal } else { 1 + diagonal.min(left).min(*cell) };
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(cell) = row.first_mut() {
            *cell = i + 1;
        }
    }
    Ok(row.last().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        let mut work = Work::default();
        for (a, b, wanted) in
            [("kitten", "sitting", 3), ("Name", "name", 1), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b, &mut work), Ok(wanted), "{a} {b}");
        }
    }

    #[test]
    fn lists_are_worded() {
        assert_eq!(either(&["a"]), "\"a\"");
        assert_eq!(either(&["a", "b"]), "\"a\" or \"b\"");
        assert_eq!(either(&["a", "b", "c", "d", "e", "f"]), r#""a", "b", "c", "d", or "e""#);
    }
}
