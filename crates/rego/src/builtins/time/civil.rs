//! The proleptic Gregorian calendar and zones by name: instants to dates and back. No clock: the host gives the time.

use jiff::{Timestamp, tz::TimeZone};

pub(super) const NANOS: i128 = 1_000_000_000;
pub(super) const DAY: i64 = 86_400;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A date and time of day in some zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// From 1.
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nano: i64,
    /// 0 is Sunday.
    pub weekday: usize,
    /// From 1.
    pub year_day: i64,
    /// Seconds east of UTC.
    pub offset: i64,
    /// Abbreviation of the zone then.
    pub zone: String,
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date whose month and day may lie outside their ranges and are carried over.
pub(super) fn days(year: i128, month: i128, day: i128) -> i128 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    // Years that start in March, so that a leap day is the last of its year.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + day - 1
}

/// The date so many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A zone by its IANA name, from the database that is built in.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if matches!(name, "" | "UTC" | "Local") {
        return Some(TimeZone::UTC);
    }
    // Names differ by case in Go, and not in jiff.
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// Offset and abbreviation of a zone at an instant in seconds.
fn offset_at(zone: &TimeZone, seconds: i64) -> (i64, String) {
    let clamped = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let instant = Timestamp::from_second(clamped).unwrap_or_default();
    let info = zone.to_offset_info(instant);
    (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
}

/// The date and time in a zone of an instant in nanoseconds.
pub(super) fn in_zone(nanos: i64, zone: &TimeZone) -> Civil {
    let seconds = nanos.div_euclid(1_000_000_000);
    let (offset, name) = offset_at(zone, seconds);
    let local = seconds + offset;
    let days_since = local.div_euclid(DAY);
    let of_day = local.rem_euclid(DAY);
    let (year, month, day) = date(days_since);
    let year_start = i64::try_from(days(i128::from(year), 1, 1)).unwrap_or_default();
    Civil {
        year,
        month,
        day,
        hour: of_day / 3600,
        minute: of_day % 3600 / 60,
        second: of_day % 60,
        nano: nanos.rem_euclid(1_000_000_000),
        weekday: usize::try_from((days_since + 4).rem_euclid(7)).unwrap_or_default(),
        year_day: days_since - year_start + 1,
        offset,
        zone: name,
    }
}

/// The instant, in seconds, of a local time given as if it were UTC. In a gap or an overlap: with the offset that holds
/// after the one first guessed, as Go does.
pub(super) fn to_utc(local: i128, zone: &TimeZone) -> i128 {
    let Ok(guess) = i64::try_from(local) else { return local };
    let (offset, _) = offset_at(zone, guess);
    if offset == 0 {
        return local;
    }
    let (offset, _) = offset_at(zone, guess - offset);
    local - i128::from(offset)
}
