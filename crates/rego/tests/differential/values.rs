//! Data and inputs: a fixed skeleton that policies know the names of, with values that a seed decides.

use super::pools;
use super::random::Random;
use serde_json::{Value as Json, json};

/// An input: `n` numbers, `s` strings, `l` lists, `o` objects, `b` booleans, `u` users; sometimes of another type, or absent.
pub fn input(random: &mut Random) -> Json {
    if random.percent(4) {
        return value(random, 2);
    }
    skeleton(random)
}

/// Base documents: below `d` as an input, and some that lie where packages are.
pub fn data(random: &mut Random) -> Json {
    let mut data = json!({"d": skeleton(random)});
    if random.percent(25) {
        data["a"] = json!({"base": value(random, 2), "b": {"base": value(random, 1)}});
    }
    if random.percent(10) {
        data["lib"] = json!({"x": value(random, 2)});
    }
    data
}

fn skeleton(random: &mut Random) -> Json {
    let mut made = json!({
        "n": number(random),
        "s": pools::text(random, 's'),
        "b": random.percent(50),
        "l": (0..random.below(4)).map(|_| value(random, 1)).collect::<Vec<_>>(),
        "ns": (0..random.below(4)).map(|_| number(random)).collect::<Vec<_>>(),
        "ss": (0..random.below(4)).map(|_| Json::from(pools::text(random, 's'))).collect::<Vec<_>>(),
        "o": object(random, 2),
        "us": (0..random.below(3)).map(|i| json!({"id": i, "name": pools::text(random, 's'), "k": value(random, 1)})).collect::<Vec<_>>(),
    });
    if random.percent(30) {
        let keys = ["n", "s", "b", "l", "ns", "ss", "o", "us"];
        let key = random.pick(&keys);
        if random.percent(50) {
            made.as_object_mut().unwrap().remove(key);
        } else {
            made[key] = value(random, 2);
        }
    }
    made
}

fn object(random: &mut Random, depth: usize) -> Json {
    let keys = ["a", "b", "c", "x", "k", "1", "foo"];
    (0..random.below(4))
        .map(|_| (random.pick(&keys).to_owned(), value(random, depth - 1)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Any value.
pub fn value(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => Json::Null,
        1 => json!(random.percent(50)),
        2 | 3 => number(random),
        4 | 5 => pools::text(random, 's').into(),
        6 => (0..random.below(4)).map(|_| value(random, depth - 1)).collect::<Vec<_>>().into(),
        _ => object(random, depth),
    }
}

fn number(random: &mut Random) -> Json {
    // Inputs are handed over as this crate's JSON library writes them, so only what it keeps exactly.
    let text = pools::number(random);
    text.parse::<i64>().map(Json::from).unwrap_or_else(|_| {
        let number: f64 = text.parse().unwrap();
        // `100.0` is 1 to OPA, whose NumberCompare (v1/ast/compare.go) cuts its zeros before the point as well.
        let whole = number % 10.0 == 0.0 && number.abs() < 1e15;
        if whole { Json::from(number as i64) } else { Json::from(number) }
    })
}
