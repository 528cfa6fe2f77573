//! Conforma's own builtins, `ec.*`, by name. Those that only compute are here; those that ask a registry have no answer
//! yet, which is an error of the rule that calls them.

pub mod purl;

use sluice_rego::Value;
use sluice_rego::builtins::{BuiltinError, HostBuiltin};

/// Those that look into a registry, with their number of arguments (conforma/cli, internal/rego).
const REGISTRY: &[(&str, usize)] = &[
    ("ec.oci.blob", 1),
    ("ec.oci.blob_files", 2),
    ("ec.oci.descriptor", 1),
    ("ec.oci.image_files", 2),
    ("ec.oci.image_index", 1),
    ("ec.oci.image_manifest", 1),
    ("ec.oci.image_manifests", 1),
    ("ec.oci.image_referrers", 1),
    ("ec.oci.image_tag_refs", 1),
    ("ec.oci.parsed_blob", 1),
    ("ec.sigstore.verify_attestation", 2),
    ("ec.sigstore.verify_image", 2),
];

/// All of them.
pub fn builtins() -> Vec<HostBuiltin> {
    let registry =
        REGISTRY.iter().map(|(name, arity)| HostBuiltin::new(name, *arity, |_, _| Err(BuiltinError::Unprepared)));
    let computed = [
        HostBuiltin::new("ec.purl.is_valid", 1, |args, _| {
            Ok(Some(args.first().and_then(Value::as_str).is_some_and(|text| purl::parse(text).is_some()).into()))
        }),
        HostBuiltin::new("ec.purl.parse", 1, |args, _| {
            Ok(args.first().and_then(Value::as_str).and_then(purl::parse).map(|purl| purl.to_value()))
        }),
    ];
    registry.chain(computed).collect()
}
