//! Templates with what OPA answered, one for each feature and each error; and templates that would never end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::super::{BuiltinError, Context, lookup};
use crate::json;
use crate::limits::{Budget, Limits};
use crate::value::Value;

const DATA: &str = r#"{"a": {"b": "c", "z": 1}, "b": false, "l": [1, 2, 3], "s": "str", "n": 3, "nu": null, "mix": [null, true, "x", {"k": [1, null]}, 2.5], "u": "é<'\u2028"}"#;

const TEXT: &[(&str, &str)] = &[
    ("text only }} {", "text only }} {"),
    ("{{.s}}-{{.n}}-{{.b}}-{{.nu}}-{{.x}}", "str-3-false-<undefined>-<undefined>"),
    (
        "{{.}}",
        "map[a:map[b:c z:1] b:false l:[1 2 3] mix:[<nil> true x map[k:[1 <nil>]] 2.5] n:3 nu:<nil> s:str u:é<'\u{2028}]",
    ),
    ("a \n{{- .s -}}\n b", "astrb"),
    ("{{/* c */}}x {{- /* c */ -}} y", "xy"),
    ("{{.a.b}} {{(.a).b}} {{$.a.b}} {{.x.y.z}}", "c c c <undefined>"),
    ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"),
    ("{{with $x := .a}}{{$x.b}}{{end}}", "c"),
    ("{{if .l}}1{{else if .s}}2{{else}}3{{end}}{{if .nu}}1{{else if .s}}2{{end}}", "12"),
    ("{{with .nu}}1{{else with .a}}{{.b}}{{end}}", "c"),
    ("{{range $i, $e := .l}}{{$i}}={{$e}} {{end}}", "0=1 1=2 2=3 "),
    ("{{range $k, $v := .a}}{{$k}}={{$v}} {{end}}", "b=c z=1 "),
    ("{{range 3}}{{.}}{{end}}{{range .nu}}{{else}}none{{end}}", "012none"),
    (r#"{{range .l}}{{if eq . "2"}}{{continue}}{{end}}{{if eq . "3"}}{{break}}{{end}}{{.}}{{end}}"#, "1"),
    ("{{range .l}}a{{range $.nu}}{{else}}{{break}}{{end}}b{{end}}", "ababab"),
    (r#"{{define "t"}}[{{.}}{{$}}]{{end}}{{template "t" .s}}{{template "t"}}"#, "[strstr][<undefined><undefined>]"),
    (r#"{{block "t" .l}}{{len .}}{{end}}"#, "3"),
    (r#"{{define "t"}}{{if .}}{{template "t" (slice . 1)}}{{.}}{{end}}{{end}}{{template "t" .l}}"#, "[3][2 3][1 2 3]"),
    (
        "{{0x1f}} {{0o17}} {{017}} {{0b11}} {{1_000}} {{-0}} {{+1}} {{.5}} {{1e3}} {{1e21}} {{0x1p-2}} {{+0x1e}}",
        "31 15 15 3 1000 0 1 0.5 1000 1e+21 0.25 30",
    ),
    (r"{{'a'}} {{'\n'}} {{'é'}}", "97 10 233"),
    (r#"{{"\x41\u00e9\101"}} {{`a\n"`}}"#, r#"AéA a\n""#),
    (r#"{{.s | len | print "n" | printf "%s!"}}"#, "n3!"),
    (r#"{{"<no value>"}}"#, "<undefined>"),
];

const FUNCTIONS: &[(&str, &str)] = &[
    (r#"{{and 1 0 (len 1)}} {{or 0 "" .s (len 1)}} {{not .nu}}"#, "0 str true"),
    ("{{len .s}} {{len .u}} {{len .n}} {{len .l}} {{len .a}}", "3 7 1 3 2"),
    (
        r#"{{index .l 0}} {{index .a "b"}} {{index .a "q"}} {{index .s 0}} {{index .mix 3 "k" 0}}"#,
        "1 c <undefined> 115 1",
    ),
    ("{{slice .s 1 2}} {{slice .l 1}} {{slice .l 0 4}} {{slice (slice .l 0 1 2) 0 2}}", "t [2 3] [1 2 3 <nil>] [1 2]"),
    (r#"{{print 1 2 "a" 3 .n 4 nil .mix}}"#, "1 2a334 <nil> [<nil> true x map[k:[1 <nil>]] 2.5]"),
    (r#"{{println .l "a" 1}}"#, "[1 2 3] a 1\n"),
    (
        r#"{{html .u .nu}} {{js .u "=\n"}} {{urlquery .u 1}}"#,
        "é&lt;&#39;\u{2028}&lt;no value&gt; é\\u003C\\'\\u2028\\u003D\\u000A %C3%A9%3C%27%E2%80%A81",
    ),
    (
        r#"{{eq .n "3"}} {{eq 1 2 1}} {{eq .nu nil}} {{ne .s "x"}} {{lt 1 2}} {{le "b" "a"}} {{gt .n "2"}} {{ge 1.5 1.5}}"#,
        "true true true true true false true true",
    ),
    (r#"{{eq .n.Int64 3}} {{.n.Float64}} {{printf "%T" .n.String}}"#, "true 3 string"),
    (
        r#"{{printf "%d %s %q %v %5t|%-4d|%x" 1 .n .n .mix true 7 "hi"}}"#,
        r#"1 3 "3" [<nil> true x map[k:[1 <nil>]] 2.5]  true|7   |6869"#,
    ),
    (
        r#"{{printf "%d %d %!" .n .l}} {{printf "%s" 1 2}}"#,
        "%!d(json.Number=3) [%!d(json.Number=1) %!d(json.Number=2) %!d(json.Number=3)] %!!(MISSING) %!s(int=1)%!(EXTRA int=2)",
    ),
    (
        r#"{{printf "%T %T %T %T %T" .n .a .l (index .s 0) 1}}"#,
        "json.Number map[string]interface {} []interface {} uint8 int",
    ),
    (
        r#"{{printf "%#v %#v" .mix (index .s 0)}}"#,
        r#"[]interface {}{interface {}(nil), true, "x", map[string]interface {}{"k":[]interface {}{"1", interface {}(nil)}}, "2.5"} 0x73"#,
    ),
    (r#"{{printf "%*d|%[1]d" 4 2}}"#, "   2|4"),
];

const PARSE_ERRORS: &[(&str, &str)] = &[
    ("{{", "1: unclosed action"),
    ("a\n{{.a", "2: unclosed action"),
    ("a\n{{.a\n", "3: unclosed action started at template:2"),
    (r#"{{"a"#, "1: unterminated quoted string"),
    ("{{/* a", "1: unclosed comment"),
    ("{{/* a */ }}", "1: comment ends before closing delimiter"),
    ("{{}}", "1: missing value for command"),
    ("{{nope}}", r#"1: function "nope" not defined"#),
    ("{{$x}}", r#"1: undefined variable "$x""#),
    ("{{end}}", "1: unexpected {{end}}"),
    ("{{if .a}}", "1: unexpected EOF"),
    ("{{if}}{{end}}", "1: missing value for if"),
    ("{{if 1}}{{else}}{{else}}{{end}}", "1: expected end; found {{else}}"),
    ("{{break}}", "1: {{break}} outside {{range}}"),
    ("{{1 | 2}}", "1: non executable command in pipeline stage 2"),
    ("{{. .x}}{{..x}}", r#"1: unexpected . after term ".""#),
    ("{{1.x}}", r#"1: bad number syntax: "1.x""#),
    ("{{(1}}", "1: unclosed left paren"),
    ("{{1)}}", "1: unexpected right paren"),
    ("{{.a!}}", "1: bad character U+0021 '!'"),
    ("{{1 !}}", r#"1: unexpected "!" in operand"#),
    ("{{é“}}", "1: bad character U+201C '“'"),
    ("{{“}}", "1: unrecognized character in action: U+201C '“'"),
    ("{{x := 1}}", r#"1: function "x" not defined"#),
    ("{{$a, $b := .l}}", "1: too many declarations in command"),
    ("{{range $a, .l}}{{end}}", "1: range can only initialize variables"),
    ("{{0xg}}", r#"1: bad number syntax: "0xg""#),
    ("{{08}}", r#"1: integer overflow: "08""#),
    ("{{1__0}}", r#"1: illegal number syntax: "1__0""#),
    ("{{'ab'}}", "1: malformed character constant: 'ab'"),
    (r#"{{"\q"}}"#, "1: invalid syntax"),
    ("{{template x}}", r#"1: unexpected "x" in template clause"#),
    ("{{define \"a\"}}1{{end}}\n{{define \"a\"}}2{{end}}", r#"2: template: multiple definition of template "a""#),
    (r#"{{template "a" 1234567890123}}}}{{.a"xxxxxxxxxxxx"}}"#, r#"1: bad character U+0022 '"'"#),
    ("\n{{block \"a\" .}}\n{{else}}", "2: unexpected {{else}} in block clause"),
];

const RUN_ERRORS: &[(&str, &str)] = &[
    ("{{.a.b.c}}", r#"1:4: executing "template" at <.a.b.c>: can't evaluate field c in type interface {}"#),
    ("{{(.s).c}}", r#"1:3: executing "template" at <.s>: can't evaluate field c in type string"#),
    ("é\n {{.nu.c}}", r#"2:6: executing "template" at <.nu.c>: nil pointer evaluating interface {}.c"#),
    ("{{.a.b 1}}", r#"1:4: executing "template" at <.a.b>: b is not a method but has arguments"#),
    ("{{.s.x | print}}", r#"1:4: executing "template" at <.s.x>: can't evaluate field x in type interface {}"#),
    ("{{.n.Int64 1}}", r#"1:4: executing "template" at <.n.Int64>: wrong number of args for Int64: want 0 got 1"#),
    ("{{nil}}", r#"1:2: executing "template" at <nil>: nil is not a command"#),
    ("{{1 2}}", r#"1:2: executing "template" at <1>: can't give argument to non-function 1"#),
    ("{{(nil).x}}{{nil.x}}", r#"1: unexpected . after term "nil""#),
    (
        "{{18446744073709551615}}",
        r#"1:2: executing "template" at <18446744073709551615>: 18446744073709551615 overflows int"#,
    ),
    ("{{$x = 1}}", r#"1:7: executing "template" at <1>: undefined variable: $x"#),
    ("{{range .n}}{{end}}", r#"1:8: executing "template" at <.n>: range can't iterate over 3"#),
    (
        "{{range $i, $j := 3}}{{end}}",
        r#"1:18: executing "template" at <3>: can't use 3 to iterate over more than one variable"#,
    ),
    (r#"{{template "x" .s}}"#, r#"1:11: executing "template" at <{{template "x" .s}}>: template "x" not defined"#),
    (
        "{{define \"t%\"}}\n{{.b.c}}{{end}}{{template \"t%\" .a}}",
        r#"2:4: executing "t%" at <.b.c>: can't evaluate field c in type interface {}"#,
    ),
    ("{{len}}", r#"1:2: executing "template" at <len>: wrong number of args for len: want 1 got 0"#),
    ("{{1 | len 2}}", r#"1:6: executing "template" at <len>: wrong number of args for len: want 1 got 2"#),
    ("{{index}}", r#"1:2: executing "template" at <index>: wrong number of args for index: want at least 1 got 0"#),
    ("{{len 1}}", r#"1:2: executing "template" at <len 1>: error calling len: len of type int"#),
    (
        "{{len nil}}",
        r#"1:2: executing "template" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value"#,
    ),
    ("{{len .nu}}", r#"1:2: executing "template" at <len .nu>: error calling len: len of nil pointer"#),
    (
        "{{index .l 3}}",
        r#"1:2: executing "template" at <index .l 3>: error calling index: reflect: slice index out of range"#,
    ),
    ("{{index .l 4}}", r#"1:2: executing "template" at <index .l 4>: error calling index: index out of range: 4"#),
    (
        r#"{{index .l "a"}}"#,
        r#"1:2: executing "template" at <index .l "a">: error calling index: cannot index slice/array with type string"#,
    ),
    (
        "{{index .a .n}}",
        r#"1:2: executing "template" at <index .a .n>: error calling index: value has type json.Number; should be string"#,
    ),
    ("{{index .nu 1}}", r#"1:2: executing "template" at <index .nu 1>: error calling index: index of untyped nil"#),
    ("{{slice .l 0 5}}", r#"1:2: executing "template" at <slice .l 0 5>: error calling slice: index out of range: 5"#),
    (
        "{{slice .s 2 1}}",
        r#"1:2: executing "template" at <slice .s 2 1>: error calling slice: invalid slice index: 2 > 1"#,
    ),
    (
        "{{slice .s .n}}",
        r#"1:2: executing "template" at <slice .s .n>: error calling slice: cannot index slice/array with type interface {}"#,
    ),
    (
        "{{eq .n 3}}",
        r#"1:2: executing "template" at <eq .n 3>: error calling eq: incompatible types for comparison: json.Number and int"#,
    ),
    (
        "{{eq .a .l}}",
        r#"1:2: executing "template" at <eq .a .l>: error calling eq: non-comparable types map[b:c z:1]: map[string]interface {}, []interface {}: [1 2 3]"#,
    ),
    (
        "{{eq .l .l}}",
        r#"1:2: executing "template" at <eq .l .l>: error calling eq: non-comparable type [1 2 3]: []interface {}"#,
    ),
    (
        "{{lt true false}}",
        r#"1:2: executing "template" at <lt true false>: error calling lt: invalid type for comparison"#,
    ),
    ("{{print (eq 1)}}", r#"1:9: executing "template" at <eq 1>: error calling eq: missing argument for comparison"#),
    ("{{call .s}}", r#"1:2: executing "template" at <call .s>: error calling call: non-function .s of type string"#),
    ("{{.s | call}}", r#"1:7: executing "template" at <call>: error calling call: non-function str of type string"#),
    ("{{call nil}}", r#"1:2: executing "template" at <call nil>: error calling call: call of nil"#),
    ("{{printf .n}}", r#"1:9: executing "template" at <.n>: wrong type for value; expected string; got json.Number"#),
    ("{{printf .x}}", r#"1:9: executing "template" at <.x>: invalid value; expected string"#),
    ("{{printf 1}}", r#"1:9: executing "template" at <1>: expected string; found 1"#),
    ("{{printf nil}}", r#"1:9: executing "template" at <nil>: cannot assign nil to string"#),
    (
        "{{if (and .a (.s.x))}}{{end}}",
        r#"1:16: executing "template" at <.s.x>: can't evaluate field x in type interface {}"#,
    ),
    (
        "{{with .s}}{{$y := print (.x)}}{{end}}",
        r#"1:26: executing "template" at <.x>: can't evaluate field x in type string"#,
    ),
    ("{{(print 1 | len).x}}", r#"1:13: executing "template" at <len>: can't evaluate field x in type int"#),
];

#[test]
fn deep_data() {
    let data = (0..900).fold(Value::from(1), |inner, _| Value::array([inner]));
    let arguments = ["{{.a}}".into(), Value::object([("a".into(), data)])];
    let answer = (lookup("strings.render_template").unwrap().call)(&arguments, &mut Context::default());
    let expected = format!("{}1{}", "[".repeat(900), "]".repeat(900));
    assert_eq!(answer, Ok(Some(expected.as_str().into())));
}

fn render(template: &str, limits: Limits) -> Result<String, BuiltinError> {
    let mut context = Context { budget: Budget::new(limits, None), ..Context::default() };
    let arguments = [Value::string(template), json::parse(DATA).unwrap()];
    let answer = (lookup("strings.render_template").unwrap().call)(&arguments, &mut context)?.unwrap();
    Ok(answer.as_str().unwrap().to_owned())
}

#[test]
fn texts() {
    for (template, expected) in [TEXT, FUNCTIONS].concat() {
        assert_eq!(render(template, Limits::default()).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn errors() {
    for (template, expected) in [PARSE_ERRORS, RUN_ERRORS].concat() {
        let expected = BuiltinError::Failed(format!("template: template:{expected}"));
        assert_eq!(render(template, Limits::default()), Err(expected), "{template}");
    }
}

#[test]
fn nesting_is_bounded() {
    let parens = |n: usize| format!("{{{{{}1{}}}}}", "(".repeat(n), ")".repeat(n));
    let blocks = |n: usize| "{{if 1}}".repeat(n) + "x" + &"{{end}}".repeat(n);
    let chain = |n: usize| format!("{{{{if false}}}}{}{{{{else}}}}x{{{{end}}}}", "{{else if false}}".repeat(n));
    let calls = |n: usize| {
        let slice = "{{if lt (len .) N}}{{template `t` (print . `x`)}}{{else}}x{{end}}".replace('N', &n.to_string());
        format!("{{{{define `t`}}}}{slice}{{{{end}}}}{{{{template `t` ``}}}}")
    };
    assert_eq!(render(&parens(50), Limits::default()).as_deref(), Ok("1"));
    for nested in [blocks(50), chain(48), calls(99)] {
        assert_eq!(render(&nested, Limits::default()).as_deref(), Ok("x"), "{nested}");
    }
    let within = "{{define `t`}}".to_owned() + &blocks(49).replace('x', "{{template `t`}}") + "{{end}}{{template `t`}}";
    let recursive = "{{define `t`}}{{template `t`}}{{end}}{{template `t`}}".to_owned();
    for deep in [51, 100_000].into_iter().flat_map(|n| [parens(n), blocks(n), chain(n)]) {
        assert!(matches!(render(&deep, Limits::default()), Err(BuiltinError::Halt(_))), "{deep:.80}");
    }
    for deep in [calls(100), within, recursive, "{{(".repeat(100_000), "{{block `x` .}}".repeat(100_000)] {
        let answer = render(&deep, Limits::default());
        assert!(!matches!(answer, Ok(_) | Err(BuiltinError::Limit(_))), "{deep:.80}: {answer:?}");
    }
}

#[test]
fn work_is_bounded() {
    let limits = Limits { steps: 100_000, ..Limits::default() };
    let doubled = "{{$x = print $x $x}}".repeat(40);
    let variables: String = (0..20_000).map(|n| format!("{{{{$x{n} := 1}}}}{{{{$}}}}")).collect();
    for endless in [
        "{{range 1000000000}}{{end}}",
        "{{range 1000000000}}x{{end}}",
        "{{range 1000000}}{{range 1000000}}{{$x := .}}{{continue}}{{end}}{{end}}",
        &format!("{{{{$x := `x`}}}}{doubled}"),
        &variables,
        "{{define `t`}}{{range 100}}{{template `u`}}{{end}}{{end}}{{define `u`}}{{range 100000}}{{end}}{{end}}{{template `t`}}",
        "{{range 100000}}{{printf `%1000000d` 1}}{{end}}",
        "{{$x := printf `%60000d` 1}}{{range 100000}}{{$x := js $x}}{{$y := len $x}}{{end}}",
    ] {
        assert!(matches!(render(endless, limits), Err(BuiltinError::Limit(_))), "{endless:.80}");
    }
    for large in [
        &format!("{{{{$x := `x`}}}}{doubled}"),
        "{{range 100000}}{{printf `%1000000d` 1}}{{end}}",
        "{{$x := printf `%1000000d` 1}}{{range 100000}}{{$x = js $x `<` $x}}{{end}}",
        &format!("{{{{$x := `<`}}}}{}{{{{js $x | len}}}}", "{{$x = print $x $x}}".repeat(24)),
        &format!("{{{{.l | printf `{}`}}}}", "%1000000[1]v".repeat(23)),
    ] {
        assert!(matches!(render(large, Limits::default()), Err(BuiltinError::Halt(_))), "{large:.80}");
    }
}
