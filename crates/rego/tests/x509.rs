//! Chains of certificates: which `crypto.x509.parse_and_verify_certificates_with_options` accepts and which it refuses, and
//! what is read of certificates and keys. OPA 1.15.2 gives the same verdicts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use sluice_rego::ast::Version;
use sluice_rego::{Engine, QueryOptions, Value, json};

/// 2025-11-24.
const NOW_NS: i64 = 1_764_000_000_000_000_000;

/// Changes to one certificate of a chain.
type Change = fn(&mut CertificateParams);

fn same(_: &mut CertificateParams) {}

/// A root, an authority below it, and a leaf for `a.example.com`, each changed.
fn chain(root: Change, middle: Change, leaf: Change) -> [String; 3] {
    let authority = |name: &str, change: Change| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params
    };
    let keys = [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519]
        .map(|algorithm| KeyPair::generate_for(algorithm).unwrap());
    let [root_key, middle_key, leaf_key] = &keys;
    let root = authority("root", root);
    let root_pem = root.self_signed(root_key).unwrap().pem();
    let middle = authority("middle", middle);
    let middle_pem = middle.signed_by(middle_key, &Issuer::from_params(&root, root_key)).unwrap().pem();
    let mut params = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
    leaf(&mut params);
    let leaf_pem = params.signed_by(leaf_key, &Issuer::from_params(&middle, middle_key)).unwrap().pem();
    [root_pem, middle_pem, leaf_pem]
}

/// The JSON of an expression's value over an input.
fn answer(expression: &str, input: Value) -> String {
    let policy = Engine::new(Version::V1).compile().unwrap();
    let options = QueryOptions { now_ns: NOW_NS, ..QueryOptions::default() };
    let found = policy.eval_query(&format!("x := {expression}"), Some(input), &options).unwrap();
    found.first().and_then(|bindings| bindings.get("x")).map(json::to_string).unwrap_or_default()
}

fn verdict(chain: &[String], options: &str) -> String {
    let name = "crypto.x509.parse_and_verify_certificates_with_options";
    answer(&format!("{name}(input, {options})[0]"), Value::string(chain.concat()))
}

/// Names that an authority may sign for, or may not.
fn constrained(params: &mut CertificateParams, permitted: &str, excluded: &str) {
    let trees = |names: &str| names.split_whitespace().map(|name| GeneralSubtree::DnsName(name.to_owned())).collect();
    let (permitted_subtrees, excluded_subtrees) = (trees(permitted), trees(excluded));
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
}

#[test]
fn chains_are_verified() {
    let any = r#"{"KeyUsages": ["KeyUsageAny"]}"#;
    let table: &[(&str, [Change; 3], &str, &str)] = &[
        ("plain", [same, same, same], any, "true"),
        ("for a host", [same, same, same], r#"{"DNSName": "A.example.com."}"#, "true"),
        ("for another host", [same, same, same], r#"{"DNSName": "b.example.com"}"#, "false"),
        ("earlier than its time", [same, same, |p| p.not_before = date_time_ymd(2026, 1, 1)], any, "false"),
        ("later than its time", [same, |p| p.not_after = date_time_ymd(2025, 1, 1), same], any, "false"),
        (
            "at a time that is asked for",
            [same, |p| p.not_after = date_time_ymd(2025, 1, 1), same],
            r#"{"CurrentTime": 1700000000000000000}"#,
            "true",
        ),
        ("not an authority", [same, |p| p.is_ca = IsCa::ExplicitNoCa, same], any, "false"),
        ("silent on authority", [same, |p| p.is_ca = IsCa::NoCa, same], any, "false"),
        ("a path too long", [|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), same, same], any, "false"),
        (
            "a path as long as it may",
            [|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)), same, same],
            any,
            "true",
        ),
        (
            "a key for other things",
            [same, |p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature], same],
            any,
            "false",
        ),
        ("a key for this", [same, |p| p.key_usages = vec![KeyUsagePurpose::KeyCertSign], same], any, "true"),
        ("permitted", [same, |p| constrained(p, "example.com", ""), same], any, "true"),
        ("permitted below", [same, |p| constrained(p, ".example.com", ""), same], any, "true"),
        ("not permitted", [|p| constrained(p, "example.org", ""), same, same], any, "false"),
        ("not permitted by a part of a label", [|p| constrained(p, "ample.com", ""), same, same], any, "false"),
        ("excluded", [same, |p| constrained(p, "", "a.example.com"), same], any, "false"),
        ("excluded by another case", [same, |p| constrained(p, "", "EXAMPLE.com"), same], any, "false"),
        (
            "for clients",
            [same, same, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]],
            "{}",
            "false",
        ),
        (
            "for clients, who are asked for",
            [same, same, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]],
            r#"{"KeyUsages": {"KeyUsageCodeSigning", "KeyUsageClientAuth"}}"#,
            "true",
        ),
        (
            "an unknown critical extension",
            [same, same, |p| {
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
                extension.set_criticality(true);
                p.custom_extensions.push(extension);
            }],
            any,
            "false",
        ),
    ];
    for (name, [root, middle, leaf], options, wanted) in table {
        assert_eq!(verdict(&chain(*root, *middle, *leaf), options), *wanted, "{name}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let any = r#"{"KeyUsages": ["KeyUsageAny"]}"#;
    let ([root, middle, leaf], [other, _, _]) = (chain(same, same, same), chain(same, same, same));
    assert_eq!(verdict(&[root.clone(), middle.clone(), leaf.clone()], any), "true");
    assert_eq!(verdict(&[other, middle.clone(), leaf.clone()], any), "false");
    assert_eq!(verdict(&[root.clone(), leaf.clone()], any), "false");
    assert_eq!(verdict(&[root], any), "false");
    assert_eq!(verdict(&[], any), "false");
    for wrong in [r#"{"KeyUsages": ["x"]}"#, r#"{"DNSName": 1}"#, r#"{"CurrentTime": "now"}"#, r#"{"other": 1}"#] {
        assert_eq!(verdict(&[middle.clone(), leaf.clone()], wrong), "", "{wrong}");
    }
}

#[test]
fn keys_are_read_and_belong_to_their_certificates() {
    for (algorithm, curve) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "P-256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "P-384"),
        (&rcgen::PKCS_ED25519, "Ed25519"),
    ] {
        let (key, other) = (KeyPair::generate_for(algorithm).unwrap(), KeyPair::generate_for(algorithm).unwrap());
        let certificate = CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let input = |key: &KeyPair| Value::array([Value::string(&certificate), Value::string(key.serialize_pem())]);
        let own = answer("crypto.x509.parse_rsa_private_key(input[1]).crv", input(&key));
        assert_eq!(own, format!("\"{curve}\""));
        assert_eq!(answer("count(crypto.parse_private_keys(input[1]))", input(&key)), "1");
        assert_eq!(answer("crypto.x509.parse_keypair(input[0], input[1]).Leaf.DNSNames", input(&key)), r#"["a"]"#);
        assert_eq!(answer("crypto.x509.parse_keypair(input[0], input[1])", input(&other)), "");
    }
}
