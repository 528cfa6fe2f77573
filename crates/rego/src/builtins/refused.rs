//! Builtins that reach outside the evaluation: known by name, so that a policy that uses them compiles, and refused when
//! they are called, in lenient mode too. A host that wants one gives its own.

use super::{Builtin, BuiltinError, Outcome, args, impure};
use crate::value::Value;

pub const ALL: &[Builtin] = &[
    impure("http.send", 1, |a, _| {
        request(a, 1)?;
        refuse("http.send")
    }),
    impure("net.lookup_ip_addr", 1, |a, _| {
        args::string(a, 1)?;
        refuse("net.lookup_ip_addr")
    }),
    impure("opa.runtime", 0, |_, _| refuse("opa.runtime")),
];

/// What a request may be made of.
const KEYS: &[&str] = &[
    "body",
    "cache",
    "cache_ignored_headers",
    "caching_mode",
    "enable_redirect",
    "force_cache",
    "force_cache_duration_seconds",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "max_retry_attempts",
    "method",
    "raise_error",
    "raw_body",
    "timeout",
    "tls_ca_cert",
    "tls_ca_cert_env_variable",
    "tls_ca_cert_file",
    "tls_client_cert",
    "tls_client_cert_env_variable",
    "tls_client_cert_file",
    "tls_client_key",
    "tls_client_key_env_variable",
    "tls_client_key_file",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "tls_use_system_certs",
    "url",
];

fn refuse(name: &str) -> Outcome {
    Err(BuiltinError::Halt(format!("{name} is refused: it reaches outside the evaluation")))
}

/// Checks that an argument is an object with the keys of an HTTP request and no others.
pub(super) fn request(a: &[Value], position: usize) -> Result<(), BuiltinError> {
    let map = args::object(a, position)?;
    let known = |key: &Value| key.as_str().is_some_and(|name| KEYS.contains(&name));
    let unknown: Vec<Value> = map.keys().filter(|key| !known(key)).cloned().collect();
    if !unknown.is_empty() {
        let unknown = Value::set(unknown);
        return Err(args::operand(position, format!("invalid request parameters(s): {unknown}")));
    }
    let missing: Vec<Value> =
        ["method", "url"].map(Value::from).into_iter().filter(|key| map.get(key).is_none()).collect();
    if !missing.is_empty() {
        let missing = Value::set(missing);
        return Err(args::operand(position, format!("missing required request parameters(s): {missing}")));
    }
    Ok(())
}
