//! Times read by a Go layout, to nanoseconds since 1970. The messages are Go's.

use super::civil::{self, DAY, MONTHS, NANOS, WEEKDAYS};
use super::layout::{self, Element, Zone};
use super::quote;

/// Why one element could not be read.
enum Fault {
    /// The text is not of the element's form.
    Form,
    /// The element's value is outside its range, named here.
    Range(&'static str),
}

type Read<'a, T> = Result<(T, &'a str), Fault>;

/// What has been read so far. Unset fields take their defaults at the end.
#[derive(Default)]
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nano: i64,
    /// Afternoon, or morning, was said.
    afternoon: Option<bool>,
    offset: Option<i64>,
}

/// Nanoseconds since 1970 of a time; a zone by abbreviation alone counts as UTC, as in Go where it is unknown.
pub(super) fn parse(layout: &str, text: &str) -> Result<i128, String> {
    let mut parts = Parts::default();
    let mut rest = text;
    let cannot = |rest: &str, element: &str| {
        let (text, layout, rest, element) = (quote(text), quote(layout), quote(rest), quote(element));
        format!("parsing time {text} as {layout}: cannot parse {rest} as {element}")
    };
    let wrong = |what: &str| format!("parsing time {}: {what}", quote(text));
    for (prefix, element, suffix) in layout::pieces(layout).iter() {
        rest = skip(rest, prefix).map_err(|rest| cannot(rest, prefix))?;
        let Some((element, name)) = element else {
            if rest.is_empty() {
                break;
            }
            return Err(wrong(&format!("extra text: {}", quote(rest))));
        };
        rest = match read(&mut parts, *element, rest, suffix) {
            Ok(rest) => rest,
            Err(Fault::Form) => return Err(cannot(rest, name)),
            Err(Fault::Range(what)) => return Err(wrong(&format!("{what} out of range"))),
        };
    }
    finish(parts).map_err(wrong)
}

/// Drops a layout's literal text; blanks match any number of blanks.
fn skip<'a>(mut text: &'a str, mut literal: &str) -> Result<&'a str, &'a str> {
    while let Some(c) = literal.chars().next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        text = text.strip_prefix(c).ok_or(text)?;
        literal = literal.strip_prefix(c).unwrap_or_default();
    }
    Ok(text)
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Read<'_, i64> {
    let (head, rest) = text.split_at_checked(count).ok_or(Fault::Form)?;
    if !head.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Form);
    }
    Ok((head.parse().map_err(|_| Fault::Form)?, rest))
}

/// Up to `most` digits, or exactly so many if `fixed`.
fn number(text: &str, most: usize, fixed: bool) -> Read<'_, i64> {
    let found = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if found == 0 || (fixed && found != most) {
        return Err(Fault::Form);
    }
    digits(text, found)
}

/// One of the names, by any case, as its index.
fn lookup<'a>(names: &[&str], short: bool, text: &'a str) -> Read<'a, i64> {
    for (index, name) in (0..).zip(names) {
        let name = if short { name.get(..3).unwrap_or(name) } else { name };
        if let Some((head, rest)) = text.split_at_checked(name.len())
            && head.eq_ignore_ascii_case(name)
        {
            return Ok((index, rest));
        }
    }
    Err(Fault::Form)
}

fn within(value: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Result<i64, Fault> {
    if range.contains(&value) { Ok(value) } else { Err(Fault::Range(what)) }
}

/// Reads one element; gives what is left.
fn read<'a>(parts: &mut Parts, element: Element, text: &'a str, following: &str) -> Result<&'a str, Fault> {
    Ok(match element {
        Element::Year => {
            let (year, rest) = digits(text, 2)?;
            parts.year = if year >= 69 { year + 1900 } else { year + 2000 };
            rest
        }
        Element::LongYear => {
            let (year, rest) = digits(text, 4)?;
            parts.year = year;
            rest
        }
        Element::Month | Element::LongMonth => {
            let (index, rest) = lookup(&MONTHS, element == Element::Month, text)?;
            parts.month = Some(index + 1);
            rest
        }
        Element::NumMonth | Element::ZeroMonth => {
            let (month, rest) = number(text, 2, element == Element::ZeroMonth)?;
            parts.month = Some(within(month, 1..=12, "month")?);
            rest
        }
        Element::WeekDay | Element::LongWeekDay => lookup(&WEEKDAYS, element == Element::WeekDay, text)?.1,
        Element::Day | Element::UnderDay | Element::ZeroDay => {
            let text = if element == Element::UnderDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
            let (day, rest) = number(text, 2, element == Element::ZeroDay)?;
            parts.day = Some(day);
            rest
        }
        Element::UnderYearDay => {
            let text = text.strip_prefix("  ").or_else(|| text.strip_prefix(' ')).unwrap_or(text);
            let (day, rest) = number(text, 3, false)?;
            parts.year_day = Some(day);
            rest
        }
        Element::ZeroYearDay => {
            let (day, rest) = number(text, 3, true)?;
            parts.year_day = Some(day);
            rest
        }
        Element::Hour => {
            let (hour, rest) = number(text, 2, false)?;
            parts.hour = within(hour, 0..=23, "hour")?;
            rest
        }
        Element::Hour12 | Element::ZeroHour12 => {
            let (hour, rest) = number(text, 2, element == Element::ZeroHour12)?;
            parts.hour = within(hour, 0..=12, "hour")?;
            rest
        }
        Element::Minute | Element::ZeroMinute => {
            let (minute, rest) = number(text, 2, element == Element::ZeroMinute)?;
            parts.minute = within(minute, 0..=59, "minute")?;
            rest
        }
        Element::Second | Element::ZeroSecond => {
            let (second, rest) = number(text, 2, element == Element::ZeroSecond)?;
            parts.second = within(second, 0..=59, "second")?;
            // Fractions are read even where the layout has none, unless it has one next.
            match layout::next(following) {
                ("", Some((Element::Fraction(_) | Element::FractionTrimmed(_), _)), _) => rest,
                _ => fraction(parts, rest),
            }
        }
        Element::UpperPm | Element::LowerPm => {
            let (am, pm) = if element == Element::UpperPm { ("AM", "PM") } else { ("am", "pm") };
            let afternoon = text.starts_with(pm);
            parts.afternoon = Some(afternoon);
            text.strip_prefix(if afternoon { pm } else { am }).ok_or(Fault::Form)?
        }
        Element::Fraction(count) => {
            let rest = text.strip_prefix(['.', ',']).ok_or(Fault::Form)?;
            let (head, rest) = rest.split_at_checked(count).ok_or(Fault::Form)?;
            parts.nano = nanoseconds(head).ok_or(Fault::Form)?;
            rest
        }
        Element::FractionTrimmed(_) => fraction(parts, text),
        Element::ZoneName => {
            if let Some(rest) = text.strip_prefix("UTC") {
                parts.offset = Some(0);
                rest
            } else {
                text.get(zone_name(text)?..).unwrap_or_default()
            }
        }
        Element::Zone(zone) => {
            let (offset, rest) = offset(text, zone)?;
            parts.offset = Some(offset);
            rest
        }
    })
}

/// A fraction of any length, if there is one.
fn fraction<'a>(parts: &mut Parts, text: &'a str) -> &'a str {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return text };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (head, rest) = rest.split_at_checked(count).unwrap_or(("", rest));
    match nanoseconds(head) {
        Some(nano) => {
            parts.nano = nano;
            rest
        }
        None => text,
    }
}

/// Nanoseconds of the digits after a separator; those beyond the ninth are dropped.
fn nanoseconds(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{:0<9}", digits.get(..digits.len().min(9))?).parse().ok()
}

fn offset(text: &str, zone: Zone) -> Read<'_, i64> {
    if zone.z
        && let Some(rest) = text.strip_prefix('Z')
    {
        return Ok((0, rest));
    }
    let bytes = text.as_bytes();
    let step = if zone.colon { 3 } else { 2 };
    let length = 1 + step * zone.parts - usize::from(zone.colon);
    if bytes.len() < length || zone.colon && (1..zone.parts).any(|i| bytes.get(3 * i) != Some(&b':')) {
        return Err(Fault::Form);
    }
    // What is out of range is said before what is misshapen.
    let limits = [("time zone offset hour", 24), ("time zone offset minute", 60), ("time zone offset second", 60)];
    let (mut values, mut readable, mut out_of_range) = ([0, 0, 0], true, None);
    for (i, (value, (what, most))) in values.iter_mut().zip(limits).enumerate().take(zone.parts) {
        let from = 1 + step * i;
        match bytes.get(from..from + 2) {
            Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => *value = i64::from((tens - b'0') * 10 + (ones - b'0')),
            _ => {
                readable = false;
                break;
            }
        }
        if *value > most {
            out_of_range = Some(what);
        }
    }
    if let Some(what) = out_of_range {
        return Err(Fault::Range(what));
    }
    let [hours, minutes, seconds] = values;
    let offset = (hours * 60 + minutes) * 60 + seconds;
    match (bytes.first(), text.get(length..)) {
        (Some(b'+'), Some(rest)) if readable => Ok((offset, rest)),
        (Some(b'-'), Some(rest)) if readable => Ok((-offset, rest)),
        _ => Err(Fault::Form),
    }
}

/// The length of a zone's abbreviation.
fn zone_name(text: &str) -> Result<usize, Fault> {
    if text.len() < 3 {
        return Err(Fault::Form);
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Ok(4);
    }
    if let Some(rest) = text.strip_prefix("GMT") {
        return Ok(3 + signed_hours(rest));
    }
    if text.starts_with(['+', '-']) {
        return match signed_hours(text) {
            0 => Err(Fault::Form),
            length => Ok(length),
        };
    }
    let upper = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    let ends_in_t = text.as_bytes().get(upper.wrapping_sub(1)) == Some(&b'T');
    match upper {
        3 => Ok(3),
        4 if ends_in_t || text.starts_with("WITA") => Ok(4),
        5 if ends_in_t => Ok(5),
        _ => Err(Fault::Form),
    }
}

/// The length of a sign and hours below 24, or 0.
fn signed_hours(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['+', '-']) else { return 0 };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.get(..count).and_then(|digits| digits.parse::<u64>().ok()) {
        Some(hours) if hours <= 23 => 1 + count,
        _ => 0,
    }
}

fn finish(mut parts: Parts) -> Result<i128, &'static str> {
    match parts.afternoon {
        Some(true) if parts.hour < 12 => parts.hour += 12,
        Some(false) if parts.hour == 12 => parts.hour = 0,
        _ => {}
    }
    if let Some(year_day) = parts.year_day {
        let length = 365 + i64::from(civil::is_leap(parts.year));
        if year_day < 1 || year_day > length {
            return Err("day-of-year out of range");
        }
        let (mut month, mut day) = (1, year_day);
        while day > civil::days_in(month, parts.year) {
            day -= civil::days_in(month, parts.year);
            month += 1;
        }
        if parts.month.is_some_and(|said| said != month) {
            return Err("day-of-year does not match month");
        }
        if parts.day.is_some_and(|said| said != day) {
            return Err("day-of-year does not match day");
        }
        (parts.month, parts.day) = (Some(month), Some(day));
    }
    let (month, day) = (parts.month.unwrap_or(1), parts.day.unwrap_or(1));
    if day < 1 || day > civil::days_in(month, parts.year) {
        return Err("day out of range");
    }
    let days = civil::days(parts.year.into(), month.into(), day.into());
    let of_day = parts.hour * 3600 + parts.minute * 60 + parts.second - parts.offset.unwrap_or(0);
    Ok((days * i128::from(DAY) + i128::from(of_day)) * NANOS + i128::from(parts.nano))
}
