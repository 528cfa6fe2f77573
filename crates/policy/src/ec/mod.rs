//! Conforma's own builtins, `ec.*`, by name and with their types. Those that only compute are here; those that ask a
//! registry have no answer yet, which is an error of the rule that calls them.

pub mod purl;

use sluice_rego::Value;
use sluice_rego::builtins::{BuiltinError, Context, HostBuiltin, Outcome};

/// Each with its declaration (conforma/cli, internal/rego); results that are objects are not spelled out.
const DECLARED: &[(&str, usize, &str)] = &[
    ("ec.oci.blob", 1, "(ref: string) => blob: string"),
    ("ec.oci.blob_files", 2, "(ref: string, paths: any) => files: object[string: any]"),
    ("ec.oci.descriptor", 1, "(ref: string) => object: object[string: any]"),
    ("ec.oci.image_files", 2, "(ref: string, paths: any) => files: object[string: any]"),
    ("ec.oci.image_index", 1, "(ref: string) => object: object[string: any]"),
    ("ec.oci.image_manifest", 1, "(ref: string) => object: object[string: any]"),
    ("ec.oci.image_manifests", 1, "(refs: set[string]) => manifests: object[string: any]"),
    ("ec.oci.image_referrers", 1, "(ref: string) => referrers: array[any]"),
    ("ec.oci.image_tag_refs", 1, "(ref: string) => refs: array[string]"),
    ("ec.oci.parsed_blob", 1, "(ref: string) => value: any"),
    ("ec.purl.is_valid", 1, "(purl: string) => result: any"),
    (
        "ec.purl.parse",
        1,
        "(purl: string) => object: object<name: string, namespace: string, qualifiers: array[object<key: string, value: string>], subpath: string, type: string, version: string>",
    ),
    ("ec.sigstore.verify_attestation", 2, "(ref: string, opts: any) => result: object[string: any]"),
    ("ec.sigstore.verify_image", 2, "(ref: string, opts: any) => result: object[string: any]"),
];

/// All of them.
pub fn builtins() -> Vec<HostBuiltin> {
    let declared = |(name, arity, declaration): &(&'static str, usize, &str)| {
        let name = *name;
        let builtin = HostBuiltin::new(name, *arity, move |args, context| call(name, args, context));
        builtin.clone().typed(declaration).unwrap_or(builtin)
    };
    DECLARED.iter().map(declared).collect()
}

fn call(name: &str, args: &[Value], _: &mut Context) -> Outcome {
    let purl = || args.first().and_then(Value::as_str).and_then(purl::parse);
    match name {
        "ec.purl.is_valid" => Ok(Some(purl().is_some().into())),
        "ec.purl.parse" => Ok(purl().map(|purl| purl.to_value())),
        _ => Err(BuiltinError::Unprepared),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_declaration_can_be_read() {
        for (name, arity, declaration) in DECLARED {
            HostBuiltin::new(name, *arity, |_, _| Ok(None)).typed(declaration).unwrap();
        }
    }
}
