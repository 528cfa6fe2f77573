//! The builtins that calls are generated for, with what each wants of its arguments, a letter each:
//! `n` number, `i` small integer, `s` string, `b` boolean, `v` anything, `a` array, `o` object, `t` set, `l` array or set,
//! `c` and `k` array or set of strings or numbers, `m` array, object or set, `N` a moment, `P` paths, `K` patches, `S` a
//! schema, `D` delimiters, `f` a format's arguments, `g` a graph, `q` a string or many, `O` options of a kind;
//! the rest are kinds of texts, as `pools` has them. The last letter is the type of the answer.

const TABLE: &str = "\
abs nn, all lb, any lb, array.concat aaa, array.flatten aa, array.reverse aa, array.slice aiia, \
base64.decode Bs, base64.encode ss, base64.is_valid Bb, base64url.decode Bs, base64url.encode ss, \
base64url.encode_no_pad ss, bits.and iin, bits.lsh iin, bits.negate in, bits.or iin, bits.rsh iin, bits.xor iin, \
ceil nn, concat scs, contains ssb, count mn, count sn, crypto.hmac.equal ssb, crypto.hmac.md5 sss, \
crypto.hmac.sha1 sss, crypto.hmac.sha256 sss, crypto.hmac.sha512 sss, crypto.md5 ss, crypto.sha1 ss, \
crypto.sha256 ss, crypto.x509.parse_certificates wa, crypto.x509.parse_rsa_private_key wo, \
crypto.x509.parse_certificate_request wo, crypto.parse_private_keys wa, \
crypto.x509.parse_and_verify_certificates wa, endswith ssb, floor nn, format_int nis, glob.match GDsb, \
glob.quote_meta Gs, graph.reachable glt, graph.reachable_paths glt, hex.decode Hs, hex.encode ss, indexof ssn, \
indexof_n ssa, intersection xt, io.jwt.decode Wa, io.jwt.verify_hs256 Wwb, io.jwt.verify_rs256 Wwb, \
io.jwt.verify_es256 Wwb, io.jwt.decode_verify Woa, is_array vb, is_boolean vb, is_null vb, is_number vb, \
is_object vb, is_set vb, is_string vb, json.filter oPv, json.is_valid Jb, json.marshal vs, \
json.marshal_with_options vOs, json.match_schema oSa, json.match_schema JSa, json.patch oKv, json.remove oPv, \
json.unmarshal Jv, json.verify_schema Sa, lower ss, max lv, min lv, net.cidr_contains CCb, \
net.cidr_contains_matches qqt, net.cidr_expand It, net.cidr_intersects CCb, net.cidr_is_valid Cb, \
net.cidr_merge Mt, numbers.range iia, numbers.range_step iiia, object.filter omv, object.get ovvv, \
object.get oavv, object.keys ot, object.remove omv, object.subset oob, object.subset llb, object.subset aab, \
object.union ooo, object.union_n uo, product kn, regex.find_all_string_submatch_n Rsia, regex.find_n Rsia, \
regex.globs_match GGb, regex.is_valid Rb, regex.match Rsb, regex.replace sRss, regex.split Rsa, \
regex.template_match Rsssb, replace ssss, round nn, semver.compare VVn, semver.is_valid Vb, sort la, split ssa, \
sprintf Ffs, startswith ssb, strings.any_prefix_match ccb, strings.any_suffix_match ccb, strings.count ssn, \
strings.replace_n rss, strings.reverse ss, substring siis, sum kn, \
time.add_date Niiin, time.clock Na, time.date Na, time.diff NNa, time.format As, time.parse_duration_ns dn, \
time.parse_ns LTn, time.parse_rfc3339_ns Tn, time.weekday Ns, time.now_ns n, to_number vn, trim sss, \
trim_left sss, trim_prefix sss, trim_right sss, trim_space ss, trim_suffix sss, type_name vs, union xt, \
units.parse Un, units.parse_bytes Un, upper ss, urlquery.decode Qs, urlquery.decode_object Qo, \
urlquery.encode ss, urlquery.encode_object oo, uuid.parse Xo, yaml.is_valid Yb, yaml.marshal vs, \
yaml.unmarshal Yv, plus nnn, minus nnn, mul nnn, div nnn, rem iin, and ttt, or ttt, minus ttt, equal vvb, \
neq vvb, lt vvb, lte vvb, gt vvb, gte vvb, cast_array la, cast_set lt, cast_string ss, cast_boolean bb, \
cast_null vv, cast_object oo, set_diff ttt, re_match Rsb, net.cidr_overlap CCb, trace sb, internal.member_2 vmb, \
internal.member_3 vvmb";

/// Only the old dialect has these.
const OLD: &[&str] = &[
    "all",
    "any",
    "cast_array",
    "cast_set",
    "cast_string",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "set_diff",
    "re_match",
    "net.cidr_overlap",
];

/// Name, arguments and answer of each that this crate has.
pub fn table(v0: bool) -> &'static [(&'static str, &'static str)] {
    static PARSED: std::sync::LazyLock<[Vec<(&str, &str)>; 2]> = std::sync::LazyLock::new(|| {
        let known = |name| name == "trace" || sluice_rego::builtins::lookup(name).is_some();
        [true, false].map(|v0| {
            TABLE
                .split(", ")
                .filter_map(|entry| entry.trim().split_once(' '))
                .filter(|(name, _)| known(name) && (v0 || !OLD.contains(name)))
                .collect()
        })
    });
    &PARSED[usize::from(!v0)]
}
