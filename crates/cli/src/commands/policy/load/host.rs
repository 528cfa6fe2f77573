//! The host's builtins where no image is at hand. As ec does where a registry cannot be reached, those that ask one fail, and
//! a lenient evaluation takes that as undefined; tests replace them.

use sluice_rego::Value;
use sluice_rego::builtins::{BuiltinError, HostBuiltin, HostFunction};
use std::sync::Arc;

/// What the error of such a call says.
pub const NEEDS: &str = "needs an image, which no `sluice policy` command has; in a test, replace it";

/// All of them.
pub fn builtins() -> impl Iterator<Item = HostBuiltin> {
    sluice_policy::ec::builtins().into_iter().map(without_image)
}

fn without_image(builtin: HostBuiltin) -> HostBuiltin {
    let (name, ask) = (builtin.name.clone(), builtin.call.clone());
    let call: HostFunction = Arc::new(move |args, context| match ask(args, context) {
        Err(BuiltinError::Unprepared) => match args {
            // There is nothing to ask about no images.
            [Value::Set(refs)] if &*name == "ec.oci.image_manifests" && refs.is_empty() => Ok(Some(Value::object([]))),
            _ => Err(BuiltinError::Failed(format!("{NEEDS}: `with {name} as ..`"))),
        },
        answered => answered,
    });
    HostBuiltin { call, ..builtin }
}

#[cfg(test)]
mod tests {
    use super::builtins;
    use sluice_rego::ast::Version;
    use sluice_rego::{Engine, QueryOptions};

    fn answer(query: &str, strict: bool) -> Result<usize, String> {
        let mut engine = Engine::new(Version::V1);
        builtins().for_each(|builtin| engine.add_builtin(builtin));
        let shown = |errors: Vec<sluice_rego::Error>| errors[0].to_string();
        let options = QueryOptions { strict_builtin_errors: strict, ..QueryOptions::default() };
        Ok(engine.compile().map_err(shown)?.eval_query(query, None, &options).map_err(shown)?.len())
    }

    #[test]
    fn one_that_asks_a_registry_fails_or_is_replaced() {
        let error = answer("ec.oci.blob(\"a\")", true).unwrap_err();
        assert!(error.contains("ec.oci.blob: needs an image"), "{error}");
        assert_eq!(answer("ec.oci.blob(\"a\")", false).unwrap(), 0);
        assert_eq!(answer("ec.oci.blob(\"a\") == \"b\" with ec.oci.blob as \"b\"", true).unwrap(), 1);
        assert_eq!(answer("ec.oci.image_manifests(set()) == {}", true).unwrap(), 1);
        assert!(answer("ec.oci.image_manifests({\"a\"})", true).is_err());
        assert!(answer("ec.oci.blob(\"a\", 1, 2)", true).is_err());
        assert_eq!(answer("ec.purl.is_valid(\"pkg:rpm/a/b@1\")", true).unwrap(), 1);
    }
}
