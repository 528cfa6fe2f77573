//! `time.*` against what Go and OPA say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::{BuiltinError, Context, lookup};
use crate::value::Value;

fn call(name: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    let mut context = Context { now_ns: 7, ..Context::default() };
    (lookup(name).unwrap().call)(args, &mut context).map(Option::unwrap)
}

fn list(items: &[i64]) -> Value {
    Value::array(items.iter().map(|n| Value::from(*n)))
}

#[test]
fn parses_by_layout() {
    for (layout, text, nanos) in [
        ("2006-01-02T15:04:05Z07:00", "2017-06-02T19:00:00-07:00", 1_496_455_200_000_000_000),
        ("2006-01-02T15:04:05Z07:00", "1677-09-21T00:12:43.145224192-00:00", i64::MIN),
        ("01/02 03:04:05PM '06 -0700", "06/02 07:00:00PM '17 -0700", 1_496_455_200_000_000_000),
        ("RFC822Z", "02 Jun 17 19:00 -0700", 1_496_455_200_000_000_000),
        ("ANSIC", "Fri Jun  2 19:00:00 2017", 1_496_430_000_000_000_000),
        ("2006-002", "2020-060", 1_582_934_400_000_000_000),
    ] {
        assert_eq!(call("time.parse_ns", &[layout.into(), text.into()]), Ok(Value::from(nanos)), "{layout}");
    }
    for (text, message) in [
        ("2262-04-11T23:47:16.854775808-00:00", "time outside of valid range"),
        ("2021-02-29T00:00:00Z", "parsing time \"2021-02-29T00:00:00Z\": day out of range"),
        ("2021-02-29T25:00:00Z", "parsing time \"2021-02-29T25:00:00Z\": hour out of range"),
        ("x", "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""),
        ("2021-02-20T20:00:00Zz", "parsing time \"2021-02-20T20:00:00Zz\": extra text: \"z\""),
    ] {
        assert_eq!(call("time.parse_rfc3339_ns", &[text.into()]), Err(BuiltinError::Failed(message.into())));
    }
}

#[test]
fn formats_in_zones() {
    let time = Value::from(1_670_006_453_141_828_752_i64);
    let india = Value::from("Asia/Kolkata");
    for (args, text) in [
        (time.clone(), "2022-12-02T18:40:53.141828752Z"),
        (Value::array([time.clone(), india.clone()]), "2022-12-03T00:10:53.141828752+05:30"),
        (Value::array([time.clone(), india.clone(), "RFC1123Z".into()]), "Sat, 03 Dec 2022 00:10:53 +0530"),
        (Value::array([time, india, "3:04pm .000 MST".into()]), "12:10am .141 IST"),
    ] {
        assert_eq!(call("time.format", &[args]), Ok(text.into()));
    }
    assert_eq!(
        call("time.clock", &[Value::array([1_517_832_000_000_000_000_i64.into(), "America/New_York".into()])]),
        Ok(list(&[7, 0, 0]))
    );
    assert_eq!(
        call("time.clock", &[Value::array([0.into(), "america/new_york".into()])]),
        Err(BuiltinError::Failed("unknown time zone america/new_york".into()))
    );
}

#[test]
fn adds_and_subtracts() {
    let add = |ns: i64, y: i64, m: i64, d: i64| call("time.add_date", &[ns.into(), y.into(), m.into(), d.into()]);
    assert_eq!(add(1_585_852_421_593_912_000, 3, 9, 12), Ok(1_705_257_221_593_912_000_i64.into()));
    assert_eq!(add(1_585_852_421_593_912_000, -1, -1, -1), Ok(1_551_465_221_593_912_000_i64.into()));
    assert_eq!(add(0, 2262, 1, 1), Err(BuiltinError::Failed("time outside of valid range".into())));
    assert!(add(i64::MAX, i64::MAX, i64::MAX, i64::MAX).is_err());
    let day = |text: &str| call("time.parse_ns", &["2006-01-02".into(), text.into()]).unwrap();
    let diff = |a: &str, b: &str| call("time.diff", &[day(a), day(b)]).unwrap();
    assert_eq!(diff("2020-02-02", "2020-03-01"), list(&[0, 0, 28, 0, 0, 0]));
    assert_eq!(diff("2004-02-29", "2005-03-01"), list(&[1, 0, 1, 0, 0, 0]));
}

#[test]
fn durations() {
    let parse = |text: &str| call("time.parse_duration_ns", &[text.into()]);
    assert_eq!(parse("1h15m30.918ms"), Ok(4_500_030_918_000_i64.into()));
    assert_eq!(parse("-1.5h"), Ok((-5_400_000_000_000_i64).into()));
    assert_eq!(parse("1d"), Err(BuiltinError::Failed("time: unknown unit \"d\" in duration \"1d\"".into())));
    assert_eq!(parse("3"), Err(BuiltinError::Failed("time: missing unit in duration \"3\"".into())));
    assert_eq!(
        parse("9223372036854775809x"),
        Err(BuiltinError::Failed("time: invalid duration \"9223372036854775809x\"".into()))
    );
    assert_eq!(parse("99999999h"), Err(BuiltinError::Failed("time: invalid duration \"99999999h\"".into())));
}
