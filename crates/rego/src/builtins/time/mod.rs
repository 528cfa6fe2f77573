//! `time.*`: Go's layouts, durations and calendar, zones from a database built in. The time of day is the host's to give.

mod civil;
mod duration;
mod format;
mod layout;
mod parse;
#[cfg(test)]
mod tests;

use super::{Builtin, BuiltinError, Outcome, args, impure, pure, some};
use crate::value::Value;
use civil::{Civil, NANOS};
use jiff::tz::TimeZone;

pub const ALL: &[Builtin] = &[
    impure("time.now_ns", 0, |_, context| some(context.now_ns)),
    pure("time.parse_ns", 2, |a, _| parsed(layout::named(args::string(a, 1)?), args::string(a, 2)?)),
    pure("time.parse_rfc3339_ns", 1, |a, _| parsed(layout::RFC3339, args::string(a, 1)?)),
    pure("time.parse_duration_ns", 1, |a, _| some(duration::parse(args::string(a, 1)?).map_err(BuiltinError::Failed)?)),
    pure("time.format", 1, |a, _| {
        let moment = Moment::of(a, 1)?;
        let layout = match moment.layout {
            "" => layout::RFC3339_NANO,
            named => layout::named(named),
        };
        some(format::format(&moment.civil(), layout).as_str())
    }),
    pure("time.date", 1, |a, _| {
        let time = Moment::of(a, 1)?.civil();
        some(numbers(&[time.year, time.month, time.day]))
    }),
    pure("time.clock", 1, |a, _| {
        let time = Moment::of(a, 1)?.civil();
        some(numbers(&[time.hour, time.minute, time.second]))
    }),
    pure("time.weekday", 1, |a, _| {
        let time = Moment::of(a, 1)?.civil();
        some(civil::WEEKDAYS.get(time.weekday).copied().unwrap_or_default())
    }),
    pure("time.add_date", 4, |a, _| add_date(a)),
    pure("time.diff", 2, |a, _| diff(a)),
];

fn numbers(items: &[i64]) -> Value {
    Value::array(items.iter().map(|n| Value::from(*n)))
}

/// An instant that must lie within 64-bit nanoseconds.
fn instant(nanos: i128) -> Outcome {
    some(i64::try_from(nanos).map_err(|_| args::failed("time outside of valid range"))?)
}

fn parsed(layout: &str, text: &str) -> Outcome {
    instant(parse::parse(layout, text).map_err(BuiltinError::Failed)?)
}

/// What the operands of most time builtins say: nanoseconds, or an array of them with a zone and a layout.
struct Moment<'a> {
    nanos: i64,
    zone: TimeZone,
    layout: &'a str,
}

impl<'a> Moment<'a> {
    fn of(a: &'a [Value], position: usize) -> Result<Self, BuiltinError> {
        let wrong =
            || args::wrong_type(1, args::value(a, position), &["either number (ns) or [number (ns), string (tz)]"]);
        let whole = args::value(a, position);
        let items: &[Value] = match whole {
            Value::Array(items) if !items.is_empty() => items,
            Value::Number(_) => std::slice::from_ref(whole),
            _ => return Err(wrong()),
        };
        // OPA speaks of operand 1 whatever is wrong, and wherever.
        let text = |index: usize| match items.get(index) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text.as_ref()),
            Some(other) => Err(args::wrong_type(1, other, &["string"])),
        };
        let number = args::number(items, 1)?;
        let name = text(1)?;
        // As Go's `time.LoadLocation`, for which such names could lead out of its folder.
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err(args::failed("time: invalid location name"));
        }
        let zone = civil::zone(name).ok_or_else(|| args::failed(format!("unknown time zone {name}")))?;
        let layout = text(2)?;
        let nanos =
            number.to_integer().and_then(|n| i64::try_from(n).ok()).ok_or_else(|| args::failed("timestamp too big"))?;
        Ok(Self { nanos, zone, layout })
    }

    fn civil(&self) -> Civil {
        civil::in_zone(self.nanos, &self.zone)
    }
}

fn add_date(a: &[Value]) -> Outcome {
    let moment = Moment::of(a, 1)?;
    let (years, months, days) = (args::integer(a, 2)?, args::integer(a, 3)?, args::integer(a, 4)?);
    let time = moment.civil();
    let sum = |field: i64, added: i64| i128::from(field) + i128::from(added);
    let days = civil::days(sum(time.year, years), sum(time.month, months), sum(time.day, days));
    let of_day = i128::from(time.hour * 3600 + time.minute * 60 + time.second);
    let seconds = civil::to_utc(days * i128::from(civil::DAY) + of_day, &moment.zone);
    instant(seconds * NANOS + i128::from(time.nano))
}

/// Years, months, days, hours, minutes and seconds between two times, both seen in the zone of the first.
fn diff(a: &[Value]) -> Outcome {
    let (first, second) = (Moment::of(a, 1)?, Moment::of(a, 2)?);
    let (from, to) = (first.nanos.min(second.nanos), first.nanos.max(second.nanos));
    let (from, to) = (civil::in_zone(from, &first.zone), civil::in_zone(to, &first.zone));
    let (mut year, mut month, mut day) = (to.year - from.year, to.month - from.month, to.day - from.day);
    let (mut hour, mut minute, mut second) = (to.hour - from.hour, to.minute - from.minute, to.second - from.second);
    if second < 0 {
        second += 60;
        minute -= 1;
    }
    if minute < 0 {
        minute += 60;
        hour -= 1;
    }
    if hour < 0 {
        hour += 24;
        day -= 1;
    }
    if day < 0 {
        day += civil::days_in(from.month, from.year);
        month -= 1;
    }
    if month < 0 {
        month += 12;
        year -= 1;
    }
    some(numbers(&[year, month, day, hour, minute, second]))
}

/// A text in quotes as Go's package time writes it in its messages.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='\x7f' => out.push(c),
            _ => {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    out.push('"');
    out
}

/// Whether a text is a time by a Go layout.
pub(super) fn matches_layout(layout: &str, text: &str) -> bool {
    parse::parse(layout, text).is_ok()
}
