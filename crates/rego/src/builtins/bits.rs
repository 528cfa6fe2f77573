//! `bits.*`, on integers of any size in two's complement.

use super::{Builtin, BuiltinError, Outcome, args, pure, some};
use crate::number::Number;
use crate::value::Value;
use num_bigint::{BigInt, Sign};

/// Numbers of more digits than can be written out and read back are none: nothing could compare them.
const MAX_BITS: u64 = 332_000;

pub const ALL: &[Builtin] = &[
    pure("bits.and", 2, |a, _| two(a, |x, y| Ok(x & y))),
    pure("bits.or", 2, |a, _| two(a, |x, y| Ok(x | y))),
    pure("bits.xor", 2, |a, _| two(a, |x, y| Ok(x ^ y))),
    pure("bits.negate", 1, |a, _| integer(-args::big_integer(a, 1)? - 1)),
    pure("bits.lsh", 2, |a, _| {
        two(a, |x, y| {
            if x.sign() == Sign::NoSign {
                shift(&y)?;
                return Ok(x);
            }
            let by = shift(&y)?.filter(|by| by.saturating_add(x.bits()) <= MAX_BITS);
            // Never undefined, since a rule might then say nothing.
            let by =
                by.ok_or_else(|| BuiltinError::Halt(format!("bits.lsh: a number of more than {MAX_BITS} bits")))?;
            Ok(x << by)
        })
    }),
    pure("bits.rsh", 2, |a, _| {
        two(a, |x, y| match shift(&y)? {
            Some(by) => Ok(x >> by),
            None if x.sign() == Sign::Minus => Ok(BigInt::from(-1)),
            None => Ok(BigInt::ZERO),
        })
    }),
];

fn integer(n: BigInt) -> Outcome {
    some(Value::Number(Number::from_big(n)))
}

fn two(a: &[Value], f: impl Fn(BigInt, BigInt) -> Result<BigInt, BuiltinError>) -> Outcome {
    integer(f(args::big_integer(a, 1)?, args::big_integer(a, 2)?)?)
}

/// How far to shift; none where it is beyond u64.
fn shift(by: &BigInt) -> Result<Option<u64>, BuiltinError> {
    if by.sign() == Sign::Minus {
        return Err(args::operand(2, "must be an unsigned integer number but got a negative integer"));
    }
    Ok(u64::try_from(by).ok())
}
