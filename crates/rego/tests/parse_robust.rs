//! Any bytes give a module or errors: no panic, no deep recursion, no time beyond what the text's length asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::{Source, Version};
use sluice_rego::parse::{MAX_DEPTH, Options, parse_module, parse_query, source_from_bytes};

/// All constructs, so that mutations reach every part of the grammar.
const SEED: &str = r##"# METADATA
# title: a
# custom: {d: 2022-01-01, n: [1, 2.5, "x"], s: &x [y], t: *x}
package a.b["c"]

import data.foo.bar as baz
import input
import rego.v1

default d := {"a": [1, -2.5e3, null], "b": {true, "é"}}

# METADATA
# scope: document
# authors: [A <a@b>]
f(x, _) := y if {
	y := x + 1 * 2 % 3 - 4 / 5
} else := z if {
	some i, v in [1, 2]
	every k, w in {1: 2} { k < w; w != 3 }
	z := {i: v | not i in data.x; i > 0} with input.a as 1 with data.b as f(2)
} else if false

p contains $"a{x}b\{{1}\n{f(x)}" if some x in ({1, 2} | {3}) & set()
q[x].y[z] := `raw \ "text"` if { x := [a | some a]; z := {a | a}[_] }
r.s.t := $`multi {input["x"].y[_]} line`
g(a, [b, {"c": c}]) if a.b["c"][d](1) == "\u00e9\ud83d\ude00"
"##;

fn try_all(bytes: &[u8]) {
    for version in [Version::V1, Version::V0] {
        let options = Options { version, annotations: true, ..Options::default() };
        let Ok(source) = source_from_bytes(0, "fuzz.rego", bytes) else { continue };
        if let Err(errors) = parse_module(&source, &options) {
            assert!(!errors.is_empty());
            errors.iter().for_each(|error| assert!(!error.to_string().is_empty()));
        }
        let _ = parse_query(&source, &options);
    }
}

/// A sequence of numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }
}

#[test]
fn mutations_of_a_module_never_panic() {
    let source = Source::new(0, "seed.rego", SEED);
    parse_module(&source, &Options { annotations: true, ..Options::default() }).unwrap();
    let bits: Vec<&str> = r#"{ } [ ] ( ) , : := = | & " ` $" $` . _ 1 e5 # \ ! ; if in some every not with as else default"#
        .split(' ')
        .chain(["\n", "\0", "\u{feff}", "é", "\u{661}", "\\u12", "\r\n", "\t"])
        .collect();
    let mut random = Random(7);
    for _ in 0..3000 {
        let mut bytes = SEED.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => {
                    bytes.drain(at..bytes.len().min(at + 1 + random.below(20)));
                }
                1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                2 => bytes.truncate(at + 1),
                _ => {
                    let bit = bits[random.below(bits.len())];
                    bytes.splice(at..at, bit.bytes());
                }
            }
        }
        try_all(&bytes);
    }
}

#[test]
fn every_prefix_gives_a_result() {
    (0..SEED.len()).for_each(|end| try_all(&SEED.as_bytes()[..end]));
}

#[test]
fn nesting_is_bounded() {
    let deep = 10_000;
    let opening = ["[", "{", "{1:", "(", "f(", "x[", "[x|", "{x|", "{x:y|", "$\"{", "not ", "{{x}|", "a.b[c("];
    for open in opening {
        let text = format!("package a\np := {}", open.repeat(deep));
        try_all(text.as_bytes());
        try_all(format!("package a\np if {{ {} }}", open.repeat(2000)).as_bytes());
    }
    for chain in ["1+", "x in ", "x|", "x,", "every x in y {", "some x in ", "x[1][", "f(1)(", "-"] {
        try_all(format!("package a\np if {{ x := {} 1 }}", chain.repeat(deep)).as_bytes());
        try_all(format!("package a\np if {}", chain.repeat(2000)).as_bytes());
    }
    let within = format!("package a\np := {}1{}", "[".repeat(MAX_DEPTH / 3), "]".repeat(MAX_DEPTH / 3));
    parse_module(&Source::new(0, "", &within), &Options::default()).unwrap();
    let calls = format!("package a\np := f{}", "(1).x".repeat(MAX_DEPTH + 1));
    assert!(parse_module(&Source::new(0, "", &calls), &Options::default()).is_err());
}

#[test]
fn wide_texts_are_not_deep() {
    let list = format!("package a\np := [{}]\n{}", "1,".repeat(50_000), "p := 1\n".repeat(5_000));
    parse_module(&Source::new(0, "", &list), &Options::default()).unwrap();
    let elses = format!("package a\np if false {}", "else := 1 if false\n".repeat(5_000));
    parse_module(&Source::new(0, "", &elses), &Options::default()).unwrap();
    let path = |parts| format!("package a\np := input{}", ".a".repeat(parts));
    parse_module(&Source::new(0, "", &path(450)), &Options::default()).unwrap();
    // Each part of a ref takes room in every evaluation, so their number is bounded.
    let error = parse_module(&Source::new(0, "", &path(50_000)), &Options::default()).unwrap_err();
    assert!(error[0].to_string().contains("a ref of more than 500 parts"));
}

#[test]
fn what_is_no_comprehension_takes_no_exponential_time() {
    for (open, close) in [("{a | ", ", b}"), ("[a | ", ", b]"), ("{a: b | ", ", c: d}")] {
        let depth = MAX_DEPTH / 8;
        let text = format!("package a\np := {}1{}", open.repeat(depth), close.repeat(depth));
        try_all(text.as_bytes());
    }
    try_all(format!("package a\np {{ {} }}", "some {x | ".repeat(60)).as_bytes());
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_stand() {
    let error = source_from_bytes(0, "x.rego", b"package a\np := \"\xff\"").unwrap_err();
    assert_eq!((error.location.row, error.location.col), (2, 7));
    assert_eq!(error.to_string(), "x.rego:2: rego_parse_error: illegal utf-8 character");
}
