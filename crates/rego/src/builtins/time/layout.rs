//! Go's time layouts, cut into their elements (`2006`, `Jan`, `.000`, `Z07:00`, ...). Knows no times.

use std::borrow::Cow;
use std::sync::LazyLock;

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Zone(Zone),
    /// A separator (`.` or `,`) and so many digits, all of them kept.
    Fraction(usize),
    /// Likewise, trailing zeros dropped.
    FractionTrimmed(usize),
}

/// A numeric zone's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    /// UTC is written `Z`.
    pub z: bool,
    pub colon: bool,
    /// 1: hours; 2: and minutes; 3: and seconds.
    pub parts: usize,
}

const fn zone(z: bool, colon: bool, parts: usize) -> Element {
    Element::Zone(Zone { z, colon, parts })
}

/// Elements that are recognised by their text alone, longer texts before their prefixes.
const PLAIN: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekDay),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::UnderYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperPm),
    ("pm", Element::LowerPm),
    ("-070000", zone(false, false, 3)),
    ("-07:00:00", zone(false, true, 3)),
    ("-0700", zone(false, false, 2)),
    ("-07:00", zone(false, true, 2)),
    ("-07", zone(false, false, 1)),
    ("Z070000", zone(true, false, 3)),
    ("Z07:00:00", zone(true, true, 3)),
    ("Z0700", zone(true, false, 2)),
    ("Z07:00", zone(true, true, 2)),
    ("Z07", zone(true, false, 1)),
];

/// The element that starts here, and its length.
fn element_at(text: &str) -> Option<(Element, usize)> {
    // Most of a layout's bytes begin none.
    let first = *text.as_bytes().first()?;
    if !matches!(first, b'J' | b'M' | b'0'..=b'5' | b'_' | b'P' | b'p' | b'-' | b'Z' | b'.' | b',') {
        return None;
    }
    let starts = |name: &str| name.as_bytes().first() == Some(&first) && text.starts_with(name);
    if let Some((name, element)) = PLAIN.iter().find(|(name, _)| starts(name)) {
        return Some((*element, name.len()));
    }
    let lower_after = |n: usize| text.as_bytes().get(n).is_some_and(u8::is_ascii_lowercase);
    if text.starts_with("Jan") && !lower_after(3) {
        return Some((Element::Month, 3));
    }
    if text.starts_with("Mon") && !lower_after(3) {
        return Some((Element::WeekDay, 3));
    }
    if text.starts_with("_2") && !text.starts_with("_2006") {
        return Some((Element::UnderDay, 2));
    }
    let bytes = text.as_bytes();
    if matches!(bytes.first(), Some(b'.' | b',')) {
        let digit = *bytes.get(1)?;
        if digit != b'0' && digit != b'9' {
            return None;
        }
        let digits = bytes.iter().skip(1).take_while(|b| **b == digit).count();
        if bytes.get(1 + digits).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let kind = if digit == b'0' { Element::Fraction(digits) } else { Element::FractionTrimmed(digits) };
        return Some((kind, 1 + digits));
    }
    None
}

/// The text before the next element, the element with its own text, and what follows.
pub(super) fn next(layout: &str) -> Piece<'_> {
    for (at, _) in layout.char_indices() {
        let (prefix, rest) = layout.split_at(at);
        if let Some((element, length)) = element_at(rest)
            && let Some((text, suffix)) = rest.split_at_checked(length)
        {
            return (prefix, Some((element, text)), suffix);
        }
    }
    (layout, None, "")
}

/// The text before an element, the element with its own text, and what follows them.
pub(super) type Piece<'a> = (&'a str, Option<(Element, &'a str)>, &'a str);

/// A layout in pieces, the last of them without an element. The one that policies read most is cut up only once.
pub(super) fn pieces(layout: &str) -> Cow<'_, [Piece<'_>]> {
    static KEPT: LazyLock<Vec<Piece<'static>>> = LazyLock::new(|| cut(RFC3339));
    if layout == RFC3339 { Cow::Borrowed(KEPT.as_slice()) } else { Cow::Owned(cut(layout)) }
}

fn cut(mut layout: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    loop {
        let piece = next(layout);
        layout = piece.2;
        pieces.push(piece);
        if piece.1.is_none() {
            return pieces;
        }
    }
}

/// The layouts that OPA knows by name.
pub(super) fn named(name: &str) -> &str {
    match name {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => RFC3339,
        "RFC3339Nano" => RFC3339_NANO,
        other => other,
    }
}

pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";
