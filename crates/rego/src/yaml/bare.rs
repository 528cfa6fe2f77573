//! Which texts need quotes in YAML.

/// Whether YAML would read the bare text as something else than a string (`resolve` and `isBase60Float` of Go's YAML).
pub(super) fn resolves(value: &str) -> bool {
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let mut letters = value.chars();
    let first = letters.next();
    let rest = letters.as_str();
    // Small, large, or with a large letter first.
    let one_case = |text: &str| text.chars().all(char::is_lowercase) || value.chars().all(char::is_uppercase);
    let word = one_case(rest) && first.is_some() && WORDS.contains(&value.to_ascii_lowercase().as_str());
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    let special = matches!(value, "" | "~" | ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF");
    let bare = value.trim_start_matches(['+', '-']).replace('_', "");
    let starts = value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = starts && (bare.parse::<f64>().is_ok_and(f64::is_finite) || radix(&bare));
    word || special || number || base_60(unsigned) || date(value)
}

/// `12:30:45.5`: digits, then parts below 60.
fn base_60(value: &str) -> bool {
    let mut parts = value.split(':');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let leads = parts.next().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()) && digits(first));
    let mut rest: Vec<&str> = parts.collect();
    if let Some(last) = rest.pop() {
        rest.push(last.split_once('.').filter(|(_, fraction)| digits(fraction)).map_or(last, |(part, _)| part));
    }
    let below = |part: &&str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    leads && !rest.is_empty() && rest.iter().all(below)
}

fn radix(bare: &str) -> bool {
    [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, radix)| {
        bare.strip_prefix(prefix).is_some_and(|digits| u64::from_str_radix(digits, *radix).is_ok())
    })
}

/// A date, and a time after it, in one of the forms of Go's YAML (`allowedTimestampFormats`).
fn date(value: &str) -> bool {
    let number = |text: &str, most: u32| {
        let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
        digits && text.parse::<u32>().is_ok_and(|n| n <= most)
    };
    let (day, time) = match value.find(['T', 't', ' ']) {
        Some(at) => (&value[..at], Some(&value[at..])),
        None => (value, None),
    };
    let dated = match day.split('-').collect::<Vec<&str>>()[..] {
        [year, month, day] => {
            let year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
            year && number(month, 12)
                && number(day, 31)
                && ![month, day].iter().any(|part| part.trim_matches('0').is_empty())
        }
        _ => false,
    };
    let timed = time.is_none_or(|time| {
        let zoned = !time.starts_with(' ');
        let time = &time[1..];
        let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
        let zone = match (zone.as_bytes(), zoned) {
            (b"", false) | (b"Z", true) => true,
            ([b'+' | b'-', rest @ ..], true) => rest.len() == 5 && rest[2] == b':',
            _ => false,
        };
        let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
        match clock.split(':').collect::<Vec<&str>>()[..] {
            [hour, minute, second] => zone && number(hour, 23) && number(minute, 59) && number(second, 59),
            _ => false,
        }
    });
    dated && timed
}

/// Whether a text without quotes is one text.
pub(super) fn plain(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let indicator = b"#,[]{}&*!|>'\"%@`".contains(first);
    let dash = b"-?:".contains(first) && bytes.get(1).is_none_or(|b| *b == b' ');
    let marker = value.starts_with("---") || value.starts_with("...");
    let inside = value.contains(": ") || value.contains(" #") || *last == b':';
    !(indicator || dash || marker || inside || *first == b' ' || *last == b' ')
}
