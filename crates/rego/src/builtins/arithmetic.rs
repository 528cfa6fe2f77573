//! The arithmetic operators (`minus` on sets too), `abs`, `ceil`, `floor` and `round`.

use super::{Builtin, BuiltinError, Outcome, args, pure, some};
use crate::number::Number;
use crate::value::Value;
use crate::wide::Wide;
use num_bigint::{BigInt, Sign};

pub const ALL: &[Builtin] = &[
    pure("plus", 2, |a, _| {
        let (x, y) = operands(a)?;
        exact(x, y, i64::checked_add).unwrap_or_else(|| wide(x.to_wide().add(y.to_wide())))
    }),
    pure("minus", 2, |a, _| minus(args::value(a, 1), args::value(a, 2))),
    pure("mul", 2, |a, _| {
        let (x, y) = operands(a)?;
        exact(x, y, i64::checked_mul).unwrap_or_else(|| wide(x.to_wide().mul(y.to_wide())))
    }),
    pure("div", 2, |a, _| {
        let (x, y) = operands(a)?;
        let quotient = x.to_wide().div(y.to_wide());
        wide(quotient.ok_or_else(|| args::failed("divide by zero"))?)
    }),
    pure("rem", 2, |a, _| rem(a)),
    pure("abs", 1, |a, _| wide(args::number(a, 1)?.to_wide().abs())),
    // As OPA does: what lies between -1 and 0 is taken for positive, so that ceil(-0.5) is 1 and floor(-0.5) is 0.
    pure("ceil", 1, |a, _| nearby(a, |whole| i8::from(whole.sign() != Sign::Minus))),
    pure("floor", 1, |a, _| nearby(a, |whole| -i8::from(whole.sign() == Sign::Minus))),
    pure("round", 1, |a, _| round(args::number(a, 1)?)),
];

fn operands(a: &[Value]) -> Result<(&Number, &Number), BuiltinError> {
    Ok((args::number(a, 1)?, args::number(a, 2)?))
}

/// The answer in i64, where it is the same: zero as a product of large numbers may have a sign.
fn exact(x: &Number, y: &Number, f: fn(i64, i64) -> Option<i64>) -> Option<Outcome> {
    let answer = f(plain(x)?, plain(y)?)?;
    (answer != 0 || small(x) && small(y)).then(|| some(answer))
}

/// As Go reads it: `-0` is 0.
fn plain(n: &Number) -> Option<i64> {
    n.as_i64().or_else(|| matches!(n, Number::Text(text) if &**text == "-0").then_some(0))
}

/// Whether OPA computes with it as an integer (`inSmallIntRange` of v1/topdown/arithmetic.go).
fn small(n: &Number) -> bool {
    plain(n).is_some_and(|n| -1000 < n && n < 1000)
}

fn wide(n: Wide) -> Outcome {
    Number::from_wide(n).map(|n| Some(Value::Number(n))).ok_or_else(|| args::beyond("number too large"))
}

fn big(n: BigInt) -> Outcome {
    some(Value::Number(Number::from_big(n)))
}

fn minus(x: &Value, y: &Value) -> Outcome {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => {
            exact(x, y, i64::checked_sub).unwrap_or_else(|| wide(x.to_wide().add(y.to_wide().neg())))
        }
        (Value::Set(x), Value::Set(y)) => some(Value::set(x.difference(y).cloned())),
        (Value::Number(_), _) => Err(args::wrong_type(2, y, &["number"])),
        (Value::Set(_), Value::Number(_)) => Err(args::wrong_type(2, y, &["set"])),
        (Value::Set(_), _) => Err(args::wrong_type(2, y, &["number"])),
        (_, _) => Err(args::wrong_type(1, x, &["number", "set"])),
    }
}

fn rem(a: &[Value]) -> Outcome {
    let (x, y) = operands(a)?;
    let (Some(x), Some(y)) = (x.to_integer(), y.to_integer()) else {
        return Err(args::failed("modulo on floating-point number"));
    };
    // OPA looks at the lowest 64 bits alone.
    if y.iter_u64_digits().next().unwrap_or(0) == 0 {
        return Err(args::failed("modulo by zero"));
    }
    big(x % y)
}

/// The integer towards zero, moved by what `step` says where there is a fraction.
fn nearby(a: &[Value], step: impl Fn(&BigInt) -> i8) -> Outcome {
    let n = args::number(a, 1)?.to_wide();
    bounded(n)?;
    let whole = n.truncate();
    let step = if n.is_integer() { 0 } else { step(&whole) };
    big(whole + step)
}

/// Halves go away from zero.
fn round(n: &Number) -> Outcome {
    let n = n.to_wide();
    bounded(n)?;
    let half = Wide::parse(if n.is_negative() { "-0.5" } else { "0.5" }).unwrap_or(n);
    big(n.add(half).truncate())
}

/// Its digits must be few enough to be written out.
fn bounded(n: Wide) -> Result<(), BuiltinError> {
    if n.is_extreme() { Err(args::beyond("number too large")) } else { Ok(()) }
}
