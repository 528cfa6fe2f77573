//! Times written by a Go layout.

use super::civil::{Civil, MONTHS, WEEKDAYS};
use super::layout::{self, Element, Zone};
use std::fmt::Write as _;

/// The time as the layout says.
pub(super) fn format(time: &Civil, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 10);
    let mut rest = layout;
    loop {
        let (prefix, element, suffix) = layout::next(rest);
        out.push_str(prefix);
        let Some((element, text)) = element else { return out };
        write_element(&mut out, time, element, text);
        rest = suffix;
    }
}

fn hour12(time: &Civil) -> i64 {
    match time.hour % 12 {
        0 => 12,
        hour => hour,
    }
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|i| names.get(i)).copied().unwrap_or_default()
}

fn write_element(out: &mut String, time: &Civil, element: Element, text: &str) {
    let month = name(&MONTHS, time.month - 1);
    let weekday = WEEKDAYS.get(time.weekday).copied().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = match element {
        Element::LongMonth => write!(out, "{month}"),
        Element::Month => write!(out, "{}", month.get(..3).unwrap_or_default()),
        Element::NumMonth => write!(out, "{}", time.month),
        Element::ZeroMonth => write!(out, "{:02}", time.month),
        Element::LongWeekDay => write!(out, "{weekday}"),
        Element::WeekDay => write!(out, "{}", weekday.get(..3).unwrap_or_default()),
        Element::Day => write!(out, "{}", time.day),
        Element::UnderDay => write!(out, "{:2}", time.day),
        Element::ZeroDay => write!(out, "{:02}", time.day),
        Element::UnderYearDay => write!(out, "{:3}", time.year_day),
        Element::ZeroYearDay => write!(out, "{:03}", time.year_day),
        Element::Hour => write!(out, "{:02}", time.hour),
        Element::Hour12 => write!(out, "{}", hour12(time)),
        Element::ZeroHour12 => write!(out, "{:02}", hour12(time)),
        Element::Minute => write!(out, "{}", time.minute),
        Element::ZeroMinute => write!(out, "{:02}", time.minute),
        Element::Second => write!(out, "{}", time.second),
        Element::ZeroSecond => write!(out, "{:02}", time.second),
        Element::LongYear => write!(out, "{:04}", time.year),
        Element::Year => write!(out, "{:02}", time.year.rem_euclid(100)),
        Element::UpperPm => write!(out, "{}", if time.hour >= 12 { "PM" } else { "AM" }),
        Element::LowerPm => write!(out, "{}", if time.hour >= 12 { "pm" } else { "am" }),
        Element::ZoneName => write!(out, "{}", time.zone),
        Element::Zone(zone) => write_zone(out, time.offset, zone),
        Element::Fraction(digits) => write_fraction(out, time.nano, digits, text, false),
        Element::FractionTrimmed(digits) => write_fraction(out, time.nano, digits, text, true),
    };
}

fn write_zone(out: &mut String, offset: i64, zone: Zone) -> std::fmt::Result {
    if zone.z && offset == 0 {
        out.push('Z');
        return Ok(());
    }
    let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let colon = if zone.colon { ":" } else { "" };
    write!(out, "{sign}{:02}", offset / 3600)?;
    if zone.parts >= 2 {
        write!(out, "{colon}{:02}", offset % 3600 / 60)?;
    }
    if zone.parts >= 3 {
        write!(out, "{colon}{:02}", offset % 60)?;
    }
    Ok(())
}

fn write_fraction(out: &mut String, nano: i64, digits: usize, text: &str, trim: bool) -> std::fmt::Result {
    let all = format!("{nano:09}");
    let mut kept = all.get(..digits.min(9)).unwrap_or_default().to_owned();
    if trim {
        kept.truncate(kept.trim_end_matches('0').len());
        if kept.is_empty() {
            return Ok(());
        }
    } else {
        // Go has nanoseconds and no more; further places are zeros.
        kept.extend(std::iter::repeat_n('0', digits.saturating_sub(9)));
    }
    write!(out, "{}{kept}", text.get(..1).unwrap_or("."))
}
