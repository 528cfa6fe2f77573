//! Strings with bytes that are no UTF-8, and with the characters that stand for such bytes in this crate; each
//! expectation is what OPA 1.15.2 says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Engine, QueryOptions, Value, json};

/// A real U+10FFC0, in each way that JSON has.
const INPUT: &str = "{\"s\": \"\u{10ffc0}\", \"t\": \"\\udbff\\udfc0\", \"k\": {\"\u{10ffc0}\": 1}}";

fn answer(expression: &str) -> Option<Value> {
    let policy = Engine::new(Version::V1).compile().unwrap();
    let input = json::parse(INPUT).unwrap();
    let found = policy.eval_query(&format!("x := {expression}"), Some(input), &QueryOptions::default()).unwrap();
    found.first().and_then(|bindings| bindings.get("x")).cloned()
}

/// Values are compared as JSON has them, in which bytes that are no characters are U+FFFD.
#[test]
fn bytes_are_those_of_go() {
    let table = [
        (r#"hex.encode(json.marshal(hex.decode("ff")))"#, r#""225c756666666422""#),
        (r#"hex.encode(json.marshal(hex.decode("e282")))"#, r#""225c75666666645c756666666422""#),
        (r#"hex.encode(json.marshal(hex.decode("f48fbf80")))"#, r#""22f48fbf8022""#),
        (r#"hex.encode(json.marshal({hex.decode("ff"): 1}))"#, r#""7b225c7566666664223a317d""#),
        (r#"hex.encode(json.marshal({[hex.decode("ff")]: 1}))"#, r#""7b225b5c225c5c75666666645c225d223a317d""#),
        (r#"hex.encode(yaml.marshal(hex.decode("61ff")))"#, r#""61efbfbd0a""#),
        (
            r#"[count(hex.decode(h)) | some h in ["ff", "c3", "e282", "61ff62", "f48fbf80", "eda080", "c080"]]"#,
            "[1,1,2,3,1,3,2]",
        ),
        (
            r#"[hex.encode(upper(hex.decode(h))) | some h in ["ff", "c3", "e282", "61ff62", "f48fbf80", "eda080", "c080"]]"#,
            r#"["efbfbd","efbfbd","efbfbdefbfbd","41efbfbd42","f48fbf80","efbfbdefbfbdefbfbd","efbfbdefbfbd"]"#,
        ),
        (
            r#"[hex.encode(lower(hex.decode(h))) | some h in ["ff", "c3", "41ff", "f48fbf80"]]"#,
            r#"["efbfbd","efbfbd","61efbfbd","f48fbf80"]"#,
        ),
        (
            r#"[[hex.encode(p) | some p in split(hex.decode(h), "")] | some h in ["ff", "c3", "e282", "61ff62", "f48fbf80", "eda080", "c080"]]"#,
            r#"[["ff"],["c3"],["e2","82"],["61","ff","62"],["f48fbf80"],["ed","a0","80"],["c0","80"]]"#,
        ),
        (
            r#"[[hex.encode(p) | some p in split(hex.decode("61ff62"), hex.decode("ff"))], [hex.encode(p) | some p in split("é", hex.decode("c3"))]]"#,
            r#"[["61","62"],["","a9"]]"#,
        ),
        (r#"hex.encode(concat(hex.decode("ff"), ["a", "b", "c"]))"#, r#""61ff62ff63""#),
        (r#"hex.encode(concat("", [hex.decode("c3"), hex.decode("a9")]))"#, r#""c3a9""#),
        (r#"concat("", [hex.decode("c3"), hex.decode("a9")]) == "é""#, "true"),
        (
            r#"[hex.encode(substring(hex.decode("61ff62e282"), i, 2)) | some i in [0, 1, 2, 3, 4]]"#,
            r#"["61efbfbd","efbfbd62","62efbfbd","efbfbdefbfbd","efbfbd"]"#,
        ),
        (
            r#"[indexof(hex.decode("61ff62"), hex.decode("ff")), indexof(hex.decode("ff62"), "b"), indexof("é", hex.decode("c3")), indexof_n(hex.decode("ff61ff"), hex.decode("ff"))]"#,
            "[1,1,-1,[0,2]]",
        ),
        (
            r#"[hex.encode(sprintf("%v|%s|%q|%x|%X|% x|%+q|%#q|%5s|%.1s", [x, x, x, x, x, x, x, x, x, x])) | some h in ["ff", "e282", "61ff62", "f48fbf80"]; x := hex.decode(h)]"#,
            r#"["ff7cff7c225c786666227c66667c46467c66667c225c786666227c225c786666227c20202020ff7cff","e2827ce2827c225c7865325c783832227c653238327c453238327c65322038327c225c7865325c783832227c225c7865325c783832227c202020e2827ce2","61ff627c61ff627c22615c78666662227c3631666636327c3631464636327c36312066662036327c22615c78666662227c22615c78666662227c202061ff627c61","f48fbf807cf48fbf807c225c553030313066666330227c66343866626638307c46343846424638307c66342038662062662038307c225c553030313066666330227c60f48fbf80607c20202020f48fbf807cf48fbf80"]"#,
        ),
        (
            r#"[sprintf("%v|%q|%x|%X|% x|%+q|%#q|%5s|%.1s", [x, x, x, x, x, x, x, x, x]) | some h in ["ff", "e282", "61ff62", "f48fbf80"]; x := hex.decode(h)]"#,
            r#"["�|\"\\xff\"|ff|FF|ff|\"\\xff\"|\"\\xff\"|    �|�","��|\"\\xe2\\x82\"|e282|E282|e2 82|\"\\xe2\\x82\"|\"\\xe2\\x82\"|   ��|�","a�b|\"a\\xffb\"|61ff62|61FF62|61 ff 62|\"a\\xffb\"|\"a\\xffb\"|  a�b|a","􏿀|\"\\U0010ffc0\"|f48fbf80|F48FBF80|f4 8f bf 80|\"\\U0010ffc0\"|`􏿀`|    􏿀|􏿀"]"#,
        ),
        (
            r#"hex.encode(sprintf("%v", [[hex.decode("ff"), input.s]]))"#,
            r#""5b225c786666222c20225c553030313066666330225d""#,
        ),
        (
            r#"hex.encode(sprintf("%c|%q|%U", [1114048, 1114048, 1114048]))"#,
            r#""f48fbf807c275c553030313066666330277c552b313046464330""#,
        ),
        (
            r#"[regex.match(p, hex.decode(h)) | some h in ["ff", "c3", "e282", "f48fbf80"]; some p in ["^.$", "^..$", "^[^a]$", "^\\x{fffd}$"]]"#,
            "[true,false,true,true,true,false,true,true,false,true,false,false,true,false,true,false]",
        ),
        (r#"regex.match(hex.decode("ff"), hex.decode("ff"))"#, ""),
        (r#"regex.is_valid(hex.decode("ff"))"#, "false"),
        ("regex.match(input.s, input.s)", "true"),
        (r#"hex.encode(regex.replace(hex.decode("61ff62"), "a", hex.decode("c3")))"#, r#""c3ff62""#),
        (r#"[hex.encode(x) | some x in regex.find_n(".", hex.decode("61ff62c3"), -1)]"#, r#"["61","ff","62","c3"]"#),
        (r#"[hex.encode(x) | some x in regex.split("b", hex.decode("61ff62c3"))]"#, r#"["61ff","c3"]"#),
        (
            r#"[hex.decode("ff") == hex.decode("fe"), hex.decode("ff") == "\ufffd", hex.decode("f48fbf80") == input.s, input.s == input.t, "\udbff\udfc0" == input.s, hex.decode("eda080") == "\ufffd\ufffd\ufffd"]"#,
            "[false,false,true,true,true,false]",
        ),
        (r#"count({hex.decode("ff"): 1, hex.decode("fe"): 2})"#, "2"),
        (r#"{hex.decode("ff"): 1, "a": 2}"#, r#"{"a":2,"�":1}"#),
        (r#"{hex.decode("ff"), hex.decode("fe")}"#, r#"["�","�"]"#),
        (r#"input.k[hex.decode("f48fbf80")]"#, "1"),
        (
            r#"[crypto.md5(input.s), crypto.md5(hex.decode("f48fbf80")), crypto.md5("\udbff\udfc0"), crypto.md5(input.t), crypto.md5("􏿀")]"#,
            r#"["6523a876df207b1cbdc02275515adb3f","6523a876df207b1cbdc02275515adb3f","6523a876df207b1cbdc02275515adb3f","6523a876df207b1cbdc02275515adb3f","6523a876df207b1cbdc02275515adb3f"]"#,
        ),
        (
            r#"[crypto.md5(hex.decode("ff")), crypto.sha1(hex.decode("ff")), crypto.sha256(hex.decode("ff"))]"#,
            r#"["00594fd4f42ba43fc1ca0427a0576295","85e53271e14006f0265921d02d4d736cdc580b0b","a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"]"#,
        ),
        (
            r#"[crypto.hmac.md5("a", hex.decode("ff")), crypto.hmac.sha1("a", hex.decode("ff")), crypto.hmac.sha256("a", hex.decode("ff")), crypto.hmac.sha512(hex.decode("ff"), "a")]"#,
            r#"["72ba8a2821928076699b7604993b666e","59b07a40e4f9a51e39159771a5eba361face69f1","bf033e25102c94189729e188d37b9612b3a7b47589314392376db5b69db42a4b","e4744b74a9c21a9dc3d87e986dc25043237d28af2f2dee2b6a93b3c43f1e6e9477f8fb17d09dc2734bed6402e332d6b1c7617ed37aed151a554659b5f6f17ae1"]"#,
        ),
        (
            r#"[base64.encode(hex.decode("ff")), base64url.encode(hex.decode("fffe")), base64url.encode_no_pad(hex.decode("ff")), hex.encode(base64.decode("//8=")), hex.encode(base64url.decode("__8")), hex.encode(urlquery.decode("%ff%c3%a9")), urlquery.encode(hex.decode("ffc3a9")), urlquery.encode_object({"a": hex.decode("ff")})]"#,
            r#"["/w==","__4=","_w","ffff","ffff","ffc3a9","%FF%C3%A9","a=%FF"]"#,
        ),
        (r#"hex.encode(urlquery.decode_object("a=%ff").a[0])"#, r#""ff""#),
        (
            r#"[base64.encode(input.s), hex.encode(input.s), urlquery.encode(input.s), hex.encode("\udbff\udfc0")]"#,
            r#"["9I+/gA==","f48fbf80","%F4%8F%BF%80","f48fbf80"]"#,
        ),
        (
            r#"[hex.encode(json.unmarshal("\"\udbff\udfc0\"")), hex.encode(json.unmarshal(concat("", ["\"", hex.decode("ffe282"), "\""])))]"#,
            r#"["f48fbf80","efbfbdefbfbdefbfbd"]"#,
        ),
        (r#"yaml.unmarshal(hex.decode("61ff"))"#, ""),
        (
            r#"[contains("é", hex.decode("c3")), startswith("é", hex.decode("c3")), endswith("é", hex.decode("a9")), contains(hex.decode("61ff"), hex.decode("ff")), strings.count(hex.decode("ff61ff"), hex.decode("ff"))]"#,
            "[true,true,true,true,2]",
        ),
        (
            r#"[hex.encode(replace(hex.decode("61ff62"), hex.decode("ff"), "x")), hex.encode(replace(hex.decode("c361"), "a", hex.decode("a9"))), hex.encode(replace("é", hex.decode("c3"), "a"))]"#,
            r#"["617862","c3a9","61a9"]"#,
        ),
        (r#"hex.encode(strings.replace_n({"a": hex.decode("a9")}, hex.decode("c361")))"#, r#""c3a9""#),
        (r#"hex.encode(strings.replace_n({hex.decode("c3"): "b"}, "é"))"#, r#""62a9""#),
        (r#"hex.encode(strings.reverse(concat("", ["a", input.s])))"#, r#""f48fbf8061""#),
        (
            r#"[hex.encode(x) | some x in split(concat("", ["a", input.s, hex.decode("ff")]), "")]"#,
            r#"["61","f48fbf80","ff"]"#,
        ),
        (
            r#"[indexof(hex.decode("ff"), hex.decode("fe")), indexof(hex.decode("ff"), "\ufffd"), indexof(concat("", [input.s, "a"]), "a"), hex.encode(substring(concat("", [input.s, "abc"]), 1, 2)), count(concat("", [input.s, hex.decode("ff")]))]"#,
            r#"[0,0,1,"6162",2]"#,
        ),
        (
            r#"[hex.encode(json.marshal_with_options([hex.decode("ff"), input.s], {"pretty": true, "indent": " "})), hex.encode(json.marshal([input.k]))]"#,
            r#"["5b0a20225c7566666664222c0a2022f48fbf80220a5d","5b7b22f48fbf80223a317d5d"]"#,
        ),
        (
            r#"[json.is_valid(concat("", ["\"", hex.decode("ff"), "\""])), yaml.is_valid(hex.decode("ff"))]"#,
            "[true,false]",
        ),
        (r#"hex.encode(sprintf(concat("", [hex.decode("c3"), "%s"]), [hex.decode("a9")]))"#, r#""c3a9""#),
        (
            r#"sprintf("%s %v", [hex.decode("fffe"), {hex.decode("ff"): hex.decode("e282")}])"#,
            r#""�� {\"\\xff\": \"\\xe2\\x82\"}""#,
        ),
        (
            r#"[base64.is_valid(input.s), io.jwt.encode_sign_raw("{\"alg\":\"HS256\"}", "{\"a\":\"\\udbff\\udfc0\"}", "{\"kty\":\"oct\",\"k\":\"_w\"}"), io.jwt.encode_sign({"alg": "HS256"}, {"a": input.s, "b": hex.decode("ff")}, {"kty": "oct", "k": "_w"})]"#,
            r#"[false,"eyJhbGciOiJIUzI1NiJ9.eyJhIjoiXHVkYmZmXHVkZmMwIn0.kcVWQ-y-RCO60ZkhG4q1MShEyr3PSwDIKrQECs5yZ-8","eyJhbGciOiJIUzI1NiJ9.eyJhIjoi9I-_gCIsImIiOiJcdWZmZmQifQ.XRITygglrUifoNWt_oCk8QhCFGTLWtYnmGz_nKmf2VI"]"#,
        ),
        (
            r#"hex.encode(io.jwt.decode(io.jwt.encode_sign({"alg": "HS256"}, {"a": input.s}, {"kty": "oct", "k": "_w"}))[1].a)"#,
            r#""f48fbf80""#,
        ),
        (
            r#"[crypto.hmac.equal(hex.decode("ff"), hex.decode("ff")), crypto.hmac.equal(hex.decode("ff"), hex.decode("fe"))]"#,
            "[true,false]",
        ),
        (r#"regex.match("^[\\x{10ffc0}]$", input.s)"#, "true"),
        (r#"[hex.encode(x) | some x in object.keys({hex.decode("ff"): 1, "b": 2})]"#, r#"["62","ff"]"#),
        (r#"[x | some k, x in {hex.decode("ff"): 1}; k == base64.decode("/w==")]"#, "[1]"),
        (r#"strings.count("é", hex.decode("a9"))"#, "1"),
        (
            r#"[hex.encode(trim(hex.decode("ff61fe"), hex.decode("ff"))), hex.encode(trim_left(hex.decode("ff61"), hex.decode("fe"))), hex.encode(trim_prefix(hex.decode("ff61"), hex.decode("ff"))), hex.encode(trim_suffix("é", hex.decode("a9"))), hex.encode(trim_space(hex.decode("20ff20")))]"#,
            r#"["61","61","61","c3","ff"]"#,
        ),
        (r#"hex.encode($"{hex.decode("ff")}|{input.s}")"#, r#""ff7cf48fbf80""#),
        (
            r#"[io.jwt.verify_hs256(io.jwt.encode_sign({"alg": "HS256"}, {}, {"kty": "oct", "k": "_w"}), hex.decode("ff")), io.jwt.decode_verify(io.jwt.encode_sign({"alg": "HS256"}, {}, {"kty": "oct", "k": "_w"}), {"secret": hex.decode("ff")})]"#,
            r#"[true,[true,{"alg":"HS256"},{}]]"#,
        ),
        (
            r#"[hex.encode(x) | some x in io.jwt.decode("eyJhbGciOiJub25lIn0.eyJhIjoi_-KCIn0.")[1]]"#,
            r#"["efbfbdefbfbdefbfbd"]"#,
        ),
        (r#"[type_name(hex.decode("ff")), is_string(hex.decode("ff")), count(input.s)]"#, r#"["string",true,1]"#),
        (r#"[base64.is_valid(hex.decode("ff")), hex.decode("ff") in {hex.decode("ff")}]"#, "[false,true]"),
        ("[hex.encode(yaml.unmarshal(input.s)), hex.encode(json.marshal(input.s))]", r#"["f48fbf80","22f48fbf8022"]"#),
        (
            r#"[trim("\ufffd", hex.decode("ff")), trim(hex.decode("fe"), "\ufffd"), hex.encode(trim_right(hex.decode("61c3"), "é"))]"#,
            r#"["","","61c3"]"#,
        ),
        (r#"glob.match("?", [], hex.decode("ff"))"#, "true"),
        (r#"glob.match(hex.decode("ff"), [], hex.decode("ff"))"#, ""),
        ("glob.match(input.s, [], input.s)", "true"),
        (r#"strings.any_prefix_match("é", hex.decode("c3"))"#, "true"),
        (r#"strings.any_prefix_match("é", [hex.decode("c3")])"#, "true"),
        (
            r#"[hex.encode(x) | some x in sort([hex.decode(h) | some h in ["ff", "c3a9", "61", "f48fbf80", "efbfbd", "fe"]])]"#,
            r#"["61","c3a9","efbfbd","f48fbf80","fe","ff"]"#,
        ),
        (r#"regex.match(concat("", [input.s, ".$"]), concat("", ["a", input.s, hex.decode("ff")]))"#, "true"),
        (r#"hex.encode(regex.replace(concat("", ["a", input.s]), input.s, hex.decode("ff")))"#, r#""61ff""#),
        (r#"glob.quote_meta(hex.decode("2aff"))"#, r#""\\*�""#),
    ];
    let outside = |value: Value| json::parse(&json::to_string(&value)).unwrap();
    let mut wrong = Vec::new();
    for (expression, wanted) in table {
        let wanted = (!wanted.is_empty()).then(|| json::parse(wanted).unwrap());
        let got = answer(expression).map(outside);
        if got != wanted {
            wrong.push(format!("{expression}: wanted {wanted:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
