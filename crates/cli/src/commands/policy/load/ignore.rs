//! Shell patterns for names, as `--ignore` has them: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Pure.

/// Whether any pattern fits a name. A pattern that is malformed fits nothing.
pub fn ignored(name: &str, patterns: &[String]) -> bool {
    let name: Vec<char> = name.chars().collect();
    patterns.iter().any(|pattern| fits(&pattern.chars().collect::<Vec<_>>(), &name).unwrap_or(false))
}

/// Whether a pattern fits a whole name; nothing where the pattern is malformed. Goes back to the last `*` only, so the time
/// is at most the product of the lengths.
fn fits(pattern: &[char], name: &[char]) -> Option<bool> {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    loop {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return Some(true),
            (Some(_), Some(c)) => one(&pattern[p..], *c)?,
            _ => None,
        };
        match (step, star) {
            (Some(used), _) => {
                p += used;
                n += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            (None, _) => return Some(false),
        }
    }
}

/// How much of a pattern's start one character uses up, if it fits; outermost nothing where the pattern is malformed.
fn one(pattern: &[char], c: char) -> Option<Option<usize>> {
    match pattern {
        ['?', ..] => Some((c != '/').then_some(1)),
        ['\\', escaped, ..] => Some((*escaped == c).then_some(2)),
        ['\\'] => None,
        ['[', ..] => class(pattern, c),
        [first, ..] => Some((*first == c).then_some(1)),
        [] => Some(None),
    }
}

fn class(pattern: &[char], c: char) -> Option<Option<usize>> {
    let negated = pattern.get(1) == Some(&'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    let mut first = true;
    while first || pattern.get(at) != Some(&']') {
        let (low, next) = bound(pattern, at)?;
        let (high, next) = if pattern.get(next) == Some(&'-') { bound(pattern, next + 1)? } else { (low, next) };
        found |= (low..=high).contains(&c);
        at = next;
        first = false;
    }
    Some((found != negated).then_some(at + 1))
}

/// A bound of a range and what comes after it.
fn bound(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        c => Some((*c, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::ignored;

    #[test]
    fn patterns_fit_as_a_shell_says() {
        let fits = |pattern: &str, name: &str| ignored(name, &[pattern.to_owned()]);
        for (pattern, name) in [
            ("*_test.rego", "a_test.rego"),
            (".*", ".git"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[^a]", "b"),
            ("a\\*", "a*"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.rego", "a.json"), ("a", "ab"), ("[a-c]x", "dx"), ("[", "["), ("a\\", "a"), ("", "a")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(fits(&"*a".repeat(200), &"a".repeat(2000)));
        assert!(!fits(&format!("{}b", "*a".repeat(200)), &"a".repeat(2000)));
    }
}
