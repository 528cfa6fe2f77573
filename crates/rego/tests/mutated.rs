//! Builtins that read texts meet thousands of damaged ones: whatever they say, they end and do not panic. The damage is the
//! same in each run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, KeyPair, NameConstraints};
use sluice_rego::builtins::{Context, lookup};
use sluice_rego::{Budget, Limits, Value, json};

/// Damaged texts for each call.
const TIMES: usize = 400;

/// Numbers without pattern (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    /// A text changed in a few places: bytes set, removed, put in, repeated, or taken from another text.
    fn damage(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(8)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < end => drop(bytes.drain(at..end)),
                3 => bytes.insert(at, b"{}[]()\\\"'%:,.-+*?|^$&!#/=\n \x00\xff09aZ"[self.below(32)]),
                4 if at < end => {
                    let part = bytes[at..end].repeat(1 + self.below(20));
                    bytes.splice(at..at, part);
                }
                5 => bytes.truncate(at),
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    let to = (from + self.below(20)).min(other.len());
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
            }
        }
        bytes
    }
}

/// Calls each builtin with damaged seeds in the places of null in its arguments; `encode` makes an argument of one.
fn damage(calls: &[(&str, &str)], seeds: &[Vec<u8>], encode: fn(&[u8]) -> Value) {
    let mut random = Random(7);
    for (name, arguments) in calls {
        let builtin = lookup(name).unwrap_or_else(|| panic!("{name}"));
        let Value::Array(arguments) = json::parse(arguments).unwrap() else { panic!("{arguments}") };
        for _ in 0..TIMES {
            let bytes = random.damage(seeds);
            let mut context = Context {
                budget: Budget::new(Limits { steps: 100_000, ..Limits::default() }, None),
                ..Context::default()
            };
            let arguments: Vec<Value> = arguments.iter().map(|argument| fill(argument, &encode(&bytes))).collect();
            let _ = (builtin.call)(&arguments, &mut context);
        }
    }
}

/// An argument with a value in the places of null.
fn fill(argument: &Value, with: &Value) -> Value {
    match argument {
        Value::Null => with.clone(),
        Value::Array(items) => Value::array(items.iter().map(|item| fill(item, with))),
        Value::Object(map) => Value::object(map.iter().map(|(key, value)| (key.clone(), fill(value, with)))),
        other => other.clone(),
    }
}

fn text(bytes: &[u8]) -> Value {
    Value::string(String::from_utf8_lossy(bytes))
}

fn base64(bytes: &[u8]) -> Value {
    Value::string(BASE64_STANDARD.encode(bytes))
}

/// Seeds of lines, `\n` in them as an end of line.
fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| line.trim().replace("\\n", "\n").into_bytes()).collect()
}

/// JSON as a value where it still is JSON, else as text.
fn value(bytes: &[u8]) -> Value {
    json::parse(&String::from_utf8_lossy(bytes)).unwrap_or_else(|_| text(bytes))
}

fn certificate() -> (CertificateParams, KeyPair) {
    let names = ["a.b", "*.c.d", "10.0.0.1", "::1", "joe@a.b"].map(str::to_owned);
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("b".to_owned()),
            GeneralSubtree::Rfc822Name("joe@a.b".to_owned()),
        ],
        excluded_subtrees: vec![GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0]))],
    });
    (params, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap())
}

#[test]
fn certificates_and_keys() {
    let (mut params, key) = certificate();
    let certificate = params.self_signed(&key).unwrap();
    let twice = [certificate.der().to_vec(), certificate.der().to_vec()].concat();
    let calls = [
        ("crypto.x509.parse_certificates", "[null]"),
        ("crypto.x509.parse_and_verify_certificates", "[null]"),
        ("crypto.x509.parse_and_verify_certificates_with_options", r#"[null, {"DNSName": "a.b", "CurrentTime": 1}]"#),
    ];
    damage(&calls, &[certificate.der().to_vec(), twice], base64);
    params.is_ca = IsCa::NoCa;
    params.name_constraints = None;
    let request = params.serialize_request(&key).unwrap();
    damage(&[("crypto.x509.parse_certificate_request", "[null]")], &[request.der().to_vec()], base64);
    let seeds = [key.serialize_der()];
    for encode in [
        (|bytes| pem(bytes, "PRIVATE KEY")) as fn(&[u8]) -> Value,
        |bytes| pem(bytes, "EC PRIVATE KEY"),
        |bytes| pem(bytes, "RSA PRIVATE KEY"),
    ] {
        damage(
            &[("crypto.parse_private_keys", "[null]"), ("crypto.x509.parse_rsa_private_key", "[null]")],
            &seeds,
            encode,
        );
    }
    let pems = [certificate.pem(), key.serialize_pem(), format!("{}{}", key.serialize_pem(), certificate.pem())];
    let token = r#"["eyJhbGciOiJFUzI1NiJ9.e30.AAAA", null]"#;
    let calls = [
        ("crypto.x509.parse_certificates", "[null]"),
        ("crypto.x509.parse_keypair", "[null, null]"),
        ("crypto.parse_private_keys", "[null]"),
        ("io.jwt.verify_es256", token),
    ];
    damage(&calls, &pems.map(String::into_bytes), text);
}

fn pem(bytes: &[u8], label: &str) -> Value {
    Value::string(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(bytes)))
}

#[test]
fn tokens() {
    let seeds = lines(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhIjoxLCJleHAiOjEuNX0.AAAA
         eyJjdHkiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.ImUzMC5lMzAuIg.AA
         eyJjcml0IjpbImEiXSwiYSI6MSwiYWxnIjoiRVM1MTIifQ.e30.",
    );
    let calls = [
        ("io.jwt.decode", "[null]"),
        ("io.jwt.verify_hs256", r#"[null, "k"]"#),
        ("io.jwt.decode_verify", r#"[null, {"secret": "k"}]"#),
    ];
    damage(&calls, &seeds, text);
    let keys = lines(
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}
           {"keys":[{"kty":"EC","crv":"P-521","x":"AQAB","y":"AQAB","kid":"a"},{"kty":"oct","k":"AA"}]}
           {"kty":"OKP","crv":"Ed25519","x":"AQAB","d":"AQAB"}"#,
    );
    let token = r#"["eyJhbGciOiJFUzUxMiJ9.e30.AAAA", null]"#;
    let sign = r#"["{\"alg\": \"ES512\"}", "{}", null]"#;
    damage(&[("io.jwt.verify_es512", token), ("io.jwt.encode_sign_raw", sign)], &keys, text);
}

#[test]
fn texts_of_data() {
    let seeds = lines(
        r##"{"a": [1, -2.5e3, "x\u00e9\n", null, true, {"b": {}}], "c": ""}
           [[[[{"a": 1e400}]]], "\ud800", 0.1, 12345678901234567890]
           {"type": "object", "properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"$ref": "#"}}}
           {"anyOf": [{"pattern": "^a+$"}, {"enum": [1, "a"]}, {"items": {"multipleOf": 0.01, "minimum": -1}}]}"##,
    );
    let calls = [
        ("json.unmarshal", "[null]"),
        ("json.is_valid", "[null]"),
        ("json.verify_schema", "[null]"),
        ("json.match_schema", r#"[{"a": [1]}, null]"#),
        ("json.match_schema", r#"[null, "{\"type\": \"object\"}"]"#),
        ("yaml.unmarshal", "[null]"),
    ];
    damage(&calls, &seeds, text);
    damage(&[("yaml.marshal", "[null]"), ("json.marshal", "[null]"), ("json.verify_schema", "[null]")], &seeds, value);
    let yaml = lines(
        r#"a: &x [1, 2]\nb: *x\n<<: {c: ~}
           - a: |\n    text\n  b: >-\n    folded\n- !!binary aGk=\n- 0o17
           ? [complex]\n: "v\u0041" # note\n--- 2\n..."#,
    );
    damage(&[("yaml.unmarshal", "[null]"), ("yaml.is_valid", "[null]")], &yaml, text);
    let patches = lines(
        r#"[{"op": "add", "path": "/a/-", "value": 1}, {"op": "move", "from": "/a/0", "path": "/b"}]
           [{"op": "copy", "from": "", "path": "/a/0"}, {"op": "test", "path": "/a~1b", "value": {}}]
           [{"op": "remove", "path": ["a", 0]}, {"op": "replace", "path": "", "value": 2}]"#,
    );
    damage(&[("json.patch", r#"[{"a": [1, {"b": 2}]}, null]"#)], &patches, value);
    let paths = lines("a/b/0\n/a~1b/~0\n//");
    damage(
        &[("json.filter", r#"[{"a": {"b": [1]}}, [null]]"#), ("json.remove", r#"[{"a": 1}, [null]]"#)],
        &paths,
        text,
    );
}

#[test]
fn patterns_and_formats() {
    let patterns = lines(
        r"^(a|b[c-e]+?){2,5}\d\pL(?i:x)$
          (?P<name>[[:alpha:]é-日]*)\bx{0,3}|\Qa.b\E
          [^\x00-\x7f\]]((((a)?)*)+)",
    );
    let calls = [
        ("regex.match", r#"[null, "abcabc1"]"#),
        ("regex.split", r#"[null, "abcabc1"]"#),
        ("regex.replace", r#"["abcabc1", null, "$1-${name}"]"#),
        ("regex.replace", r#"["abcabc1", "(?P<n>b)(c)", null]"#),
        ("regex.find_all_string_submatch_n", r#"[null, "abcabc1", -1]"#),
        ("regex.globs_match", r#"[null, "[a-z]+.*"]"#),
        ("regex.template_match", r#"[null, "abc", "(", ")"]"#),
    ];
    damage(&calls, &patterns, text);
    let globs = lines(r"{a,{b,c*}}[!d-f]?**.\*");
    damage(&[("glob.match", r#"[null, [".", ":"], "a.b:c"]"#), ("glob.quote_meta", "[null]")], &globs, text);
    let formats = lines("%5.2f|%-10s|%[2]*[1]d|%x %q %T %+v %#o\n%!%%%9999d%.3e%c%U");
    damage(&[("sprintf", r#"[null, [1, "a", 2.5, {"b": [null]}, 12345678901234567890]]"#)], &formats, text);
    let templates =
        lines("{{range .a}}{{if eq . 1}}{{.}}{{else}}x{{end}}{{end}}\n{{with $x := .b}}{{printf \"%v\" $x}}{{end}}");
    damage(&[("strings.render_template", r#"[null, {"a": [1, 2], "b": {"c": "d"}}]"#)], &templates, text);
    let modules = lines(
        r"package a.b\nimport rego.v1\np contains x if { some x in [1]; not q with input as {} }\n# METADATA\n# title: t\nf(x) := $`{x}`",
    );
    damage(&[("rego.parse_module", r#"["a.rego", null]"#)], &modules, text);
}

#[test]
fn short_texts() {
    let times =
        lines("2020-01-02T03:04:05.678+01:30\nMon Jan _2 15:04:05 MST 2006\n-1h2m3.5s1us2µs\n06-002 .999 Z07:00 PM");
    let calls = [
        ("time.parse_rfc3339_ns", "[null]"),
        ("time.parse_ns", r#"[null, "2020-01-02"]"#),
        ("time.parse_ns", r#"["2006-01-02T15:04:05.000Z07:00", null]"#),
        ("time.parse_duration_ns", "[null]"),
        ("time.format", r#"[[1577934245000000000, "UTC", null]]"#),
        ("time.date", "[[0, null]]"),
    ];
    damage(&calls, &times, text);
    let numbers = lines("1.5Ki\n-12e3M\n99999999999999999999E\n0x1f\n1_0.5e-7");
    damage(&[("units.parse", "[null]"), ("units.parse_bytes", "[null]"), ("to_number", "[null]")], &numbers, text);
    let versions = lines("1.20.3-alpha.1+b.7\nv0.0.0-0a.--");
    damage(&[("semver.compare", r#"[null, "1.0.0-a"]"#), ("semver.is_valid", "[null]")], &versions, text);
    let encoded = lines("aGVsbG8gd29ybGQ=\n-_-_\n68656c6c6f\na=b&c=%C3%A9+d%");
    let calls = ["base64.decode", "base64url.decode", "hex.decode", "urlquery.decode", "urlquery.decode_object"];
    damage(&calls.map(|name| (name, "[null]")), &encoded, text);
    let blocks = lines("10.0.0.0/29\n2001:db8::1/126\n::ffff:1.2.3.4/120\nfe80::%1");
    let calls = [
        ("net.cidr_expand", "[null]"),
        ("net.cidr_merge", r#"[[null, "10.0.0.8/29"]]"#),
        ("net.cidr_contains", r#"["10.0.0.0/8", null]"#),
        ("net.cidr_intersects", r#"[null, "::/1"]"#),
    ];
    damage(&calls, &blocks, text);
    let ids = lines("f47ac10b-58cc-1372-8567-0e02b2c3d479\nurn:uuid:6ba7b810-9dad-21d1-80b4-00c04fd430c8");
    damage(&[("uuid.parse", "[null]")], &ids, text);
    let urls = lines("https://u:p%41@[::1%25en0]:80/a%2Fb;c?d=e#f\nmailto:x@y\n//h/p*");
    let call = r#"[{"url": null, "method": "get"},
        {"aws_access_key": "a", "aws_secret_access_key": "b", "aws_region": "c", "aws_service": "s3"}, 0]"#;
    damage(&[("providers.aws.sign_req", call)], &urls, text);
}
