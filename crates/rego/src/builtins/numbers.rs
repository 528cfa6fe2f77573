//! `numbers.range`, `numbers.range_step` and `rand.intn`.

use super::{Builtin, BuiltinError, Context, Outcome, args, impure, pure, some};
use crate::number::Number;
use crate::value::Value;
use num_bigint::{BigInt, Sign};

/// The most numbers that a range may have whatever the limits of the evaluation.
const MAX_RANGE: u64 = 10_000_000;

pub const ALL: &[Builtin] = &[
    pure("numbers.range", 2, |a, context| range(a, BigInt::from(1), "numbers.range", context)),
    pure("numbers.range_step", 3, |a, context| {
        let (_, _) = (args::big_integer(a, 1)?, args::big_integer(a, 2)?);
        let step = args::big_integer(a, 3)?;
        if step.sign() != Sign::Plus {
            return Err(args::failed("numbers.range_step: step must be a positive integer"));
        }
        range(a, step, "numbers.range_step", context)
    }),
    impure("rand.intn", 2, intn),
];

/// From the first to the second, both included, upwards or downwards.
fn range(a: &[Value], step: BigInt, name: &str, context: &mut Context) -> Outcome {
    let (from, to) = (args::big_integer(a, 1)?, args::big_integer(a, 2)?);
    let too_long = format!("{name}: timed out before generating all numbers in range");
    let distance = (&to - &from).magnitude() / step.magnitude();
    let steps = u64::try_from(distance).ok().filter(|steps| *steps < MAX_RANGE);
    let steps = steps.ok_or(BuiltinError::Halt(too_long))?;
    context.spend(steps)?;
    context.room(usize::try_from(steps).unwrap_or(usize::MAX))?;
    let step = if from > to { -step } else { step };
    let last = &from + &step * steps;
    let mut all = Vec::with_capacity(usize::try_from(steps).unwrap_or(0) + 1);
    if let (Ok(from), Ok(step), Ok(_)) = (i64::try_from(&from), i64::try_from(&step), i64::try_from(&last)) {
        let mut next = Some(from);
        for _ in 0..=steps {
            context.work(1)?;
            all.extend(next.map(Value::from));
            next = next.and_then(|n| n.checked_add(step));
        }
    } else {
        for i in 0..=steps {
            context.work(8)?;
            all.push(Value::Number(Number::from_big(&from + &step * i)));
        }
    }
    some(Value::array(all))
}

/// The same for the same arguments during an evaluation.
fn intn(a: &[Value], context: &mut Context) -> Outcome {
    let name = args::string(a, 1)?;
    let n = args::integer(a, 2)?.unsigned_abs();
    if n == 0 {
        return some(0);
    }
    let key = ("rand.intn", Value::array([Value::string(name), Value::string(n.to_string())]));
    if let Some(known) = context.memo.get(&key) {
        return some(known.clone());
    }
    let value = Value::from(i64::try_from(context.random() % n).unwrap_or(0));
    context.memo.insert(key, value.clone());
    some(value)
}
