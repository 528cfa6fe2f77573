//! Answers of builtins where Go's and OPA's habits show; each expectation is what OPA 1.15.2 says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Engine, QueryOptions, json};

/// The JSON of an expression's value; empty where it is undefined.
fn answer(expression: &str) -> String {
    let policy = Engine::new(Version::V1).compile().unwrap();
    let found = policy.eval_query(&format!("x := {expression}"), None, &QueryOptions::default()).unwrap();
    found.first().and_then(|bindings| bindings.get("x")).map(json::to_string).unwrap_or_default()
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter(|(expression, wanted)| answer(expression) != *wanted)
        .map(|(expression, wanted)| format!("{expression}: wanted {wanted}, got {}", answer(expression)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn numbers_are_computed_with_64_bits() {
    check(&[
        ("1/3", "0.33333333333333333334"),
        ("0.1+0.2", "0.3"),
        ("10000000000000000000000000001 + 1", "10000000000000000000000000000"),
        ("1.0", "1.0"),
        ("1.0 == 1", "true"),
        ("{1.0, 1}", "[1.0]"),
        ("{1.0: 1, 1: 2}", "{\"1.0\":2}"),
        ("-0", "-0"),
        ("0e5", "0e5"),
        ("0 * -5", "0"),
        ("0 * -5000", "-0"),
        ("(-0 + 0) - 0.0", "0"),
        ("-0 - 0.0", "-0"),
        ("-0 * 5", "0"),
        ("1000 - 1000", "0"),
        // OPA has these the other way round.
        ("100.0 == 1", "false"),
        ("1 >= 1000.0", "false"),
        ("28857836529306024611913 == 28857836529306024611912", "false"),
        ("12345678.9 * 1", "1.23456789e+07"),
        ("1.5e21 * 1", "1500000000000000000000"),
        ("1e-7 * 1", "1e-07"),
        ("ceil(1.5e30)", "1500000000000000000002684354560"),
        ("ceil(-0.5)", "1"),
        ("round(-2.5)", "-3"),
        ("-7 % 3", "-1"),
        ("7 % 0", ""),
        ("1.5 % 2", ""),
        ("format_int(15.7, 16)", "\"f\""),
        ("to_number(\"1e3\")", "1e3"),
        ("numbers.range_step(5, 1, 2)", "[5,3,1]"),
        ("bits.lsh(1, 70)", "1180591620717411303424"),
        // However many digits a number has, it compares.
        ("bits.lsh(1, 331000) > 5", "true"),
        ("bits.lsh(-1, 331000) < 5", "true"),
        ("5 < bits.lsh(1, 331000)", "true"),
        ("bits.lsh(1, 331000) > 5.5", "true"),
    ]);
}

#[test]
fn sprintf_is_go_s() {
    check(&[
        (r#"sprintf("%v %d %s", [1.0, 1e3, 2.5])"#, r#""1 %!d(float64=1000) %!s(float64=2.5)""#),
        (r#"sprintf("%d %s %t", ["a", 5, true])"#, r#""%!d(string=a) %!s(int=5) %!t(string=true)""#),
        (r#"sprintf("%s %s", ["a"])"#, r#""a %!s(MISSING)""#),
        (r#"sprintf("%s", ["a", 1, 2.5])"#, r#""a%!(EXTRA int=1, float64=2.5)""#),
        (r#"sprintf("%q", [{"a": ["b", {1}, set()]}])"#, r#""\"{\\\"a\\\": [\\\"b\\\", {1}, set()]}\"""#),
        (
            r#"sprintf("%5d|%-5d|%05d|%+d|%x|%#o|%U", [1, 2, 3, 4, 255, 8, 65])"#,
            r#""    1|2    |00003|+4|ff|010|U+0041""#,
        ),
        (r#"sprintf("%8.3f|%.2e|%g|%G", [3.14159, 1234.5, 1e21, 0.00001])"#, r#""   3.142|1.23e+03|1e+21|1E-05""#),
        (r#"sprintf("%[2]d %[1]d %[3]d", [1, 2])"#, r#""2 1 %!d(BADINDEX)""#),
        (r#"sprintf("%*d|%.*f|%!", [4, 7, 2, 3.14159])"#, r#""   7|3.14|%!!(MISSING)""#),
        (r#"sprintf("%T %T %T", [1, 1.5, "a"])"#, r#""int float64 string""#),
        (r#"sprintf("%", [])"#, r#""%!(NOVERB)""#),
        (
            r#"[count(sprintf(f, [1, 1.5])) | some f in ["%100000d%.100000f", "%.100000d%.100000e", "%.100000U%.100000x", "%*[1]d%.100000g"]]"#,
            "[200002,200006,200010,4]",
        ),
        (r#"sprintf("%x % X", ["hi", "hi"])"#, r#""6869 68 69""#),
    ]);
}

#[test]
fn text_is_counted_in_code_points() {
    check(&[
        (r#"indexof("日本語本", "本")"#, "1"),
        (r#"indexof_n("aaaa", "aa")"#, "[0,1,2]"),
        (r#"substring("日本語", 1, 1)"#, "\"本\""),
        (r#"split("aé", "")"#, r#"["a","é"]"#),
        (r#"lower("ÀÉİSS")"#, "\"àéiss\""),
        (r#"strings.replace_n({"a": "b", "b": "c"}, "ab")"#, "\"bc\""),
        (r#"strings.count("aaaa", "aa")"#, "2"),
        (r#"trim_space("\u00a0 a\t\n\u2003")"#, "\"a\""),
    ]);
}

#[test]
fn patterns_are_re2_and_gobwas() {
    check(&[
        (r#"regex.match("^\\w+$", "é")"#, "false"),
        (r#"regex.match("[[]", "[")"#, "true"),
        (r#"regex.match("a{,2}", "a{,2}")"#, "true"),
        (
            r#"[regex.is_valid(p) | some p in ["a**", "(", "[a", "\\8", "x{1001}", "(?x)a", "\\Qa.b\\E", "[[:word:]]", "[[:alphé:]]"]]"#,
            "[false,false,false,false,false,false,true,true,false]",
        ),
        (r#"regex.find_n("\\Bb|[^\\x{d800}-\\x{dfff}é]", "éb", -1)"#, r#"["b"]"#),
        (r#"regex.find_n("a(?i)+b", "aaB", -1)"#, r#"["aaB"]"#),
        (r#"regex.find_n("[\\d-z]", "a-5z", -1)"#, r#"["-","5","z"]"#),
        (
            r#"[regex.is_valid(p) | some p in ["\\p{Greek}", "\\p{Grek}", "\\p{^Lu}", "\\p{Alphabetic}", "\\x{110000}", "[z-a]"]]"#,
            "[true,false,true,false,false,false]",
        ),
        (r#"regex.split("a*", "baaac")"#, r#"["b","c"]"#),
        (r#"regex.find_all_string_submatch_n("(\\w)(\\d)?", "a1b", -1)"#, r#"[["a1","a","1"],["b","b",""]]"#),
        (r#"regex.replace("foo", "(o)", "<$1>")"#, "\"f\\u003co\\u003e\\u003co\\u003e\""),
        (r#"regex.template_match("urn:{[a-z]+}:x", "urn:abc:x", "{", "}")"#, "true"),
        (r#"regex.globs_match("[a-d]*", "abcd")"#, "true"),
        (r#"glob.match("*.com", [], "x.foo.com")"#, "false"),
        (r#"glob.match("**.com", [], "x.foo.com")"#, "true"),
        (r#"glob.match("{a,{b,c}}d", null, "cd")"#, "true"),
    ]);
}

#[test]
fn encodings_are_go_s() {
    check(&[
        (r#"json.marshal({"b": {1}, "a": "<é>", 1: null})"#, r#""{\"1\":null,\"a\":\"\\u003cé\\u003e\",\"b\":[1]}""#),
        (r#"json.unmarshal("[1.0, 1e2]")"#, "[1.0,1e2]"),
        (r#"json.unmarshal("{\"a\": 1,}")"#, ""),
        (r#"yaml.unmarshal("- 1.0\n- 010\n- yes")"#, "[1,8,true]"),
        (r#"yaml.marshal({"a": [1, {"b": "x: y"}], "c": "yes"})"#, r#""a:\n- 1\n- b: 'x: y'\nc: \"yes\"\n""#),
        (
            r#"yaml.marshal([12345678901234567890, "1e400", "1e3"])"#,
            r#""- 12345678901234567890\n- 1e400\n- \"1e3\"\n""#,
        ),
        (r#"base64url.decode("aGk")"#, "\"hi\""),
        (r#"[to_number(text) | some text in ["1.", ".5", "+1"]]"#, "[1,0.5,1]"),
        (r#"strings.render_template("{{.a}}", {"a": {1}})"#, ""),
        (r#"urlquery.encode("a b&é~*")"#, "\"a+b%26%C3%A9~%2A\""),
        (r#"units.parse("100m")"#, "0.1000000000"),
        (r#"units.parse_bytes("1.5mi")"#, "1572864"),
        (r#"semver.compare("1.0.0-alpha.beta", "v1.0.0-alpha.1")"#, "1"),
    ]);
}
