//! Texts and numbers that are worth trying, by what a builtin wants of them, and small changes to them.

use super::random::Random;

const NUMBERS: &[&str] = &["0", "1", "2", "3", "4", "5", "7", "10", "100", "-1", "-2", "0.5", "1.5", "2.0", "-0.25"];
const ODD_NUMBERS: &[&str] = &[
    "-0",
    "-0.0",
    "2.50",
    "3.0",
    "12e-1",
    "1.0",
    "1e3",
    "1E2",
    "1e21",
    "1e-7",
    "12345.678",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "100000000000000000000",
    "0.1",
    "0.3333333333333333",
    "-1.5e-3",
    "123456789012345678901234567890.5",
];
const STRINGS: &[&str] = &["", "a", "b", "c", "x", "ab", "abc", "foo", "bar", "a.b", "a/b", "A", "1", "k"];
const ODD_STRINGS: &[&str] = &[
    "é",
    "日本語",
    "\u{1F600}x",
    "a b",
    " a ",
    "true",
    "null",
    "12.5",
    "-3",
    "A-B_c",
    "<&>",
    "a\tb\n",
    "q\"uote",
    "back\\slash",
    "%d",
    "İß",
    "\u{7f}\u{85}",
    "\u{feff}",
    "a\u{301}",
    "1_000",
    ".5",
    "0x1F",
    "+1",
    "\u{661}",
    "\u{0}",
];
/// What regular expressions are put together from.
const REGEX_PARTS: &[&str] = &[
    "a",
    "b",
    "-",
    "]",
    "[",
    "^",
    "[^",
    "[:alpha:]",
    "[:foo:]",
    "\\d",
    "\\D",
    "\\w",
    "\\S",
    "\\pL",
    "\\PN",
    "\\p{Lu}",
    "\\p{^Greek}",
    "\\p{Nope}",
    "\\p{",
    "\\x41",
    "\\x{61}",
    "\\x{",
    "\\xg",
    "\\0",
    "\\12",
    "\\8",
    "\\Q",
    "\\E",
    ".",
    "*",
    "+",
    "?",
    "{2}",
    "{2,1}",
    "{1001}",
    "{,2}",
    "(",
    ")",
    "(?i)",
    "(?P<n>",
    "(?<n>",
    "(?:",
    "(?",
    "(?x)",
    "(?s-",
    "|",
    "$",
    "\\b",
    "\\B",
    "\\A",
    "\\z",
    "\\Z",
    "\\_",
    "\\é",
    "é",
    "\n",
    "\\n",
    "\\C",
    "\\",
    "??",
    "*?",
    "{0}",
    "z-a",
    "a-z",
    "--",
    "&&",
    "~",
];
const REGEXES: &[&str] = &[
    "^a",
    "a+",
    "[a-c]+",
    "(a)(b)?",
    "^foo.*$",
    "\\d+",
    "[^a]",
    "(?i)ABC",
    "a|b",
    "\\w\\W",
    "x{2,3}",
    "(",
    "[",
    "a**",
    "\\pL",
    "(?P<n>a)b",
    "",
    ".",
    "\\b",
    "(?s).",
    "[[:alpha:]]",
    "$",
    "a??b",
    "\\x{e9}",
    "(a*)*",
    "\\Qa.b\\E",
];
const GLOBS: &[&str] =
    &["*", "a*", "**", "?", "[a-c]", "[!a]", "{a,b}*", "*.b", "a/**", "\\*", "[", "{a", "a.*", "**.c"];
const CIDRS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3",
    "10.0.0.0/30",
    "192.168.1.0/24",
    "::1",
    "2001:db8::/32",
    "2001:db8::/126",
    "10.0.0.1/33",
    "a",
    "0.0.0.0/0",
    "10.0.0.128/25",
    "1.2.3",
    "192.168.0.255/32",
];
/// With few addresses.
const SMALL_CIDRS: &[&str] =
    &["10.0.0.0/30", "192.168.0.255/32", "2001:db8::/126", "10.0.0.1/29", "a", "::1/128", "10.1.2.3"];
const LAYOUTS: &[&str] = &[
    "2006-01-02",
    "2006-01-02T15:04:05Z07:00",
    "RFC1123",
    "Jan 2 15:04:05 2006",
    "ANSIC",
    "Kitchen",
    "02/01/06 03PM",
    "Monday",
    "2006-002",
    "RFC822",
    "15:04:05.000",
    "15:04:05.999999",
    "MST",
    "-0700",
    "_2 Jan",
    "RFC850",
    "StampNano",
    "x",
];
const TIMES: &[&str] = &[
    "2024-02-29",
    "2024-02-29T12:34:56Z",
    "2024-02-29T12:34:56.789+02:00",
    "Jan 5 10:00:00 2023",
    "Mon, 02 Jan 2006 15:04:05 MST",
    "3:04PM",
    "2023-13-01",
    "1969-12-31T23:59:59Z",
    "9999-01-01T00:00:00Z",
    "01/02/03 04AM",
];
const NANOSECONDS: &[&str] = &[
    "0",
    "1700000000000000000",
    "-1",
    "1582977600000000000",
    "9223372036854775807",
    "951782400123456789",
    "1.5",
    "1e18",
    "-62135596800000000000",
];
const ZONES: &[&str] = &["UTC", "America/New_York", "Europe/Vienna", "Local", "", "Asia/Kolkata", "Nowhere"];
const DURATIONS: &[&str] =
    &["1h", "1h30m", "1.5s", "100ms", "-2us", "1µs", "1d", "", "5", "1h-2m", ".5m", "9223372036854775807ns"];
const UNITS: &[&str] = &[
    "10", "1K", "1.5Mi", "100m", "2Gi", "1e3", "0.5E", "10KB", "1 G", "x", "", "1kib", "1_0", "-1M", "1.0.0", "3TiB",
    "\"1\"Ki",
];
const VERSIONS: &[&str] = &[
    "1.2.3",
    "v1.2.3",
    "1.2.3-alpha.1",
    "1.2.3-alpha.beta",
    "1.2.3+b",
    "1.2",
    "01.2.3",
    "1.2.3-",
    "1.0.0-rc.1+x",
    "99999999999999999999.0.0",
];
const JSONS: &[&str] = &[
    "{}",
    "[1, 2.0, 1e2]",
    "{\"a\": {\"b\": null}}",
    "\"x\"",
    "1",
    "",
    "{\"a\": 1,}",
    "[1 2]",
    "{\"a\":1,\"a\":2}",
    "\"\\ud83d\\ude00\"",
    " true ",
    "nul",
    "[\"\\u0000\"]",
    "-0",
    "01",
    "1.",
    "\"\\x\"",
    "[[[]]]",
    "{\"b\":[{\"c\":1}]}",
    "1 2",
];
const YAMLS: &[&str] = &[
    "a: 1",
    "- 1\n- b",
    "a: [1, {b: c}]",
    "a: &x 1\nb: *x",
    "yes",
    "0x10",
    "010",
    "1.0",
    "~",
    "a: |\n  text\n  more\n",
    "a: >-\n  folded\n  text",
    "'q'",
    "a: b: c",
    "2022-01-01",
    "{a: 1, b}",
    "? x\n: y",
    "!!str 1",
    "a: .inf",
    "1e3",
    "<<: {a: 1}",
    "- - 1\n  - 2",
    "---\na: 1",
    "a: 1\na: 2",
    "!!binary aGk=",
    "0o17",
    "1_000",
    "null: 1",
    "1: 2",
    "a: \"\\u00e9\\n\"",
    "# c",
    "a: 'it''s'",
    "- !!set {a, b}",
];
const BASE64: &[&str] =
    &["/w==", "Yf9i", "aGVsbG8=", "aGVsbG8", "YQ==", "", "_-8=", "+/8=", "a", "YQ=", "aGk\n", "w6k="];
const HEXES: &[&str] = &["ff", "61ff62", "f48fbf80", "616263", "", "f", "zz", "E9", "c3a9", "ff"];
const QUERIES: &[&str] = &["a=1&b=2", "a=%20+b", "%zz", "a", "=x", "a=1&a=2", "a;b", "", "%C3%A9=1", "a=b=c", "&&"];
const UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
    "urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
    "f81d4fae7dec11d0a76500a0c91e6bf6",
    "x",
    "00000000-0000-1000-8000-00805f9b34fb",
    "f81d4fae-7dec-21d0-a765-00a0c91e6bf6",
    "f81d4fae-7dec-71d0-a765-00a0c91e6bf6",
];
const TEMPLATES: &[&str] = &[
    "a{{.a}}b",
    "{{.a.b}}",
    "{{range .l}}{{.}},{{end}}",
    "{{if .a}}y{{else}}n{{end}}",
    "{{.",
    "{{ printf \"%v\" .a }}",
    "{{- .a -}} x",
    "{{with .a}}{{.}}{{end}}",
    "{{len .l}}",
    "{{.missing}}",
    "{{index .l 0}}",
    "{{eq .a 1}}",
    "{{/* c */}}",
    "{{$x := .a}}{{$x}}",
    "{{range $i, $e := .l}}{{$i}}{{$e}}{{end}}",
    "{{.a | printf \"%q\"}}",
    "{{and .a .b}}",
    "{{not .a}}",
];
const JWTS: &[&str] = &[
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2ln",
    "a.b.c",
    "a.b",
    "e30.e30.",
    "eyJhbGciOiJub25lIn0.e30.",
    "e30=.e30.x",
    "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.jT5vXyDHYnqXmHWzyt4wVyfJq0wJRJbqC0qUQYeXQeI",
    "..",
];
const SECRETS: &[&str] = &[
    "secret",
    "",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
    "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}",
    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"1\"}]}",
    "{",
];
const SCHEMAS: &[&str] = &[
    r#"{"type": "object"}"#,
    r#"{"type": "object", "required": ["a", "b"]}"#,
    r#"{"properties": {"a": {"type": "integer", "minimum": 2}}, "additionalProperties": false}"#,
    r#"{"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": true}"#,
    r#"{"enum": [1, "a", null]}"#,
    r#"{"type": "x"}"#,
    r#"{"pattern": "^a"}"#,
    r##"{"$ref": "#/definitions/a", "definitions": {"a": {"type": "number"}}}"##,
    r#"{"anyOf": [{"type": "string"}, {"type": "number", "multipleOf": 2}]}"#,
    r#"{"oneOf": [{"type": "object"}, {"required": ["a"]}]}"#,
    r#"{"not": {"type": "string"}}"#,
    r#"{"maxLength": 1, "minLength": 3}"#,
    r#"{"format": "date"}"#,
    "[]",
    "true",
    r#"{"const": {"a": 1}}"#,
    r#"{"minProperties": 2, "maxProperties": 1}"#,
    r#"{"dependencies": {"a": ["b"]}}"#,
    r#"{"patternProperties": {"^a": {"type": "null"}}}"#,
    r#"{"if": {"type": "number"}, "then": {"maximum": 1}, "else": {"type": "string"}}"#,
    r#"{"contains": {"type": "null"}}"#,
    r#"{"exclusiveMinimum": 1, "type": ["number", "string"]}"#,
];
const POINTERS: &[&str] = &["a", "/a", "a/b", "/a/0", "l/0", "", "/", "a~1b", "~0", "l/-", "x/y/z", "/l/1", "b"];
const FORMATS: &[&str] = &[
    "%v",
    "%d",
    "%s",
    "%q",
    "%x",
    "%t",
    "%5.2f",
    "%-5s|",
    "%05d",
    "%+v",
    "%#v",
    "%T",
    "%c",
    "%U",
    "%e",
    "%g",
    "%%",
    "%[2]v %[1]v",
    "%*d",
    "%b",
    "%o",
    "%X",
    "% x",
    "%!",
    "a %v b %v",
    "%v %v %v",
    "%.3s",
    "%6.1f",
    "%v: %s",
    "no verb",
    "%",
];

/// What the letter of a kind stands for.
fn pool(kind: char) -> &'static [&'static str] {
    match kind {
        'R' => REGEXES,
        'G' => GLOBS,
        'C' => CIDRS,
        'I' => SMALL_CIDRS,
        'L' => LAYOUTS,
        'T' => TIMES,
        'd' => DURATIONS,
        'U' => UNITS,
        'V' => VERSIONS,
        'J' => JSONS,
        'Y' => YAMLS,
        'B' => BASE64,
        'H' => HEXES,
        'Q' => QUERIES,
        'X' => UUIDS,
        'E' => TEMPLATES,
        'W' => JWTS,
        'w' => SECRETS,
        'F' => FORMATS,
        'p' => POINTERS,
        'Z' => ZONES,
        _ => STRINGS,
    }
}

/// A text of a kind, sometimes changed a little.
pub fn text(random: &mut Random, kind: char) -> String {
    if kind == 'R' && random.percent(40) {
        return (0..random.between(1, 6)).map(|_| random.pick(REGEX_PARTS)).collect();
    }
    let odd = matches!(kind, 's') && random.percent(12) || random.percent(4);
    let mut text: Vec<char> = random.pick(if odd { ODD_STRINGS } else { pool(kind) }).chars().collect();
    if !matches!(kind, 's' | 'I' | 'E' | 'w') && random.percent(20) {
        mutate(random, &mut text);
    }
    text.into_iter().collect()
}

fn mutate(random: &mut Random, text: &mut Vec<char>) {
    let bits: Vec<char> = "ab01.-+:/*[](){}|\\%&= \n\"'é,?^$#_~Zz9eE".chars().collect();
    for _ in 0..random.between(1, 2) {
        let at = random.below(text.len() + 1);
        let bit = bits[random.below(bits.len())];
        match random.below(4) {
            0 if at < text.len() => {
                text.remove(at);
            }
            1 if at < text.len() => text[at] = bit,
            2 if at < text.len() => text.insert(at, text[at]),
            _ => text.insert(at, bit),
        }
    }
}

/// A number's text.
pub fn number(random: &mut Random) -> String {
    let odd = random.percent(12);
    random.pick(if odd { ODD_NUMBERS } else { NUMBERS }).to_owned()
}

/// A moment's text.
pub fn nanoseconds(random: &mut Random) -> String {
    random.pick(NANOSECONDS).to_owned()
}

/// A schema's text.
pub fn schema(random: &mut Random) -> String {
    random.pick(SCHEMAS).to_owned()
}

/// A string in Rego's quotes (JSON's), or raw where it can be.
pub fn quoted(random: &mut Random, text: &str) -> String {
    if !text.contains(['`', '\r', '\u{feff}']) && random.percent(10) {
        return format!("`{text}`");
    }
    serde_json::Value::from(text).to_string().replace('\u{feff}', "\\ufeff")
}
