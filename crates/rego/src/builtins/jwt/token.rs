//! A token's three parts and what its header says.

use super::super::encoding::base64url_bytes;
use super::super::{BuiltinError, Outcome, args, some};
use crate::shared::Shared;
use crate::value::Value;
use crate::{bytes, json};
use std::collections::{BTreeMap, BTreeSet};

/// Tokens in tokens that are read.
pub(super) const NESTED: usize = 16;

pub(super) type Object = BTreeMap<Value, Value>;

/// The parts, still encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    whole: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn split(whole: &'a str) -> Result<Self, BuiltinError> {
        let parts: Vec<&str> = whole.split('.').collect();
        match parts.as_slice() {
            [header, payload, signature] => Ok(Self { whole, header, payload, signature }),
            [_] => Err(args::failed("encoded JWT had no period separators")),
            other => Err(args::failed(format!("encoded JWT must have 3 sections, found {}", other.len()))),
        }
    }

    /// What the signature is over.
    pub(super) fn signed(&self) -> &'a str {
        self.whole.get(..self.header.len() + 1 + self.payload.len()).unwrap_or_default()
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, BuiltinError> {
        base64url_bytes(self.signature)
    }

    pub(super) fn header(&self) -> Result<Object, BuiltinError> {
        let text = text(self.header, "header")?;
        let header = object(&text).map_err(|why| args::failed(format!("bad JWT header: {why}")))?;
        if header.contains_key(&"enc".into()) {
            return Err(args::failed("JWT is a JWE object, which is not supported"));
        }
        Ok(header)
    }

    /// The payload's text, which may be a token again.
    pub(super) fn payload(&self) -> Result<String, BuiltinError> {
        text(self.payload, "payload")
    }
}

fn encoding(part: &str, error: &BuiltinError) -> BuiltinError {
    args::failed(format!("JWT {part} had invalid encoding: {error}"))
}

fn text(encoded: &str, part: &str) -> Result<String, BuiltinError> {
    let bytes = base64url_bytes(encoded).map_err(|error| encoding(part, &error))?;
    Ok(bytes::text(&bytes))
}

/// A JSON object.
pub(super) fn object(text: &str) -> Result<Object, String> {
    match json::parse(&bytes::shown(text)) {
        Ok(Value::Object(map)) => Ok(map.as_ref().clone()),
        Ok(_) => Err("decoded JSON type was not an Object".to_owned()),
        Err(error) => Err(format!("invalid JSON: {error}")),
    }
}

/// Header, payload and signature of a token, of the innermost where tokens are nested.
pub(super) fn decode(whole: &str, nested: usize) -> Outcome {
    let token = Token::split(whole)?;
    let header = token.header()?;
    let payload = token.payload()?;
    match header.get(&"cty".into()) {
        Some(Value::String(kind)) if kind.as_ref() == "JWT" => {
            let nested = nested.checked_sub(1).ok_or_else(|| args::failed("JWT is nested too deeply"))?;
            return decode(payload.trim_matches(['"', '\'']), nested);
        }
        Some(Value::String(_)) | None => {}
        Some(_) => return Err(args::failed("cty: must be a string")),
    }
    let payload = object(&payload).map_err(args::failed)?;
    let signature = token.signature().map_err(|error| encoding("signature", &error))?;
    some(Value::array([
        Value::Object(Shared::from(header)),
        Value::Object(Shared::from(payload)),
        Value::string(hex::encode(signature)),
    ]))
}

/// The fields of a header that verification looks at.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub alg: String,
    pub kid: String,
    pub cty: String,
    /// A field that the header calls critical is not known here.
    critical: bool,
}

impl Fields {
    pub(super) fn of(header: &Object) -> Result<Self, BuiltinError> {
        let mut fields = Self::default();
        let (mut critical, mut unknown) = (BTreeSet::new(), Vec::new());
        for (key, value) in header {
            let name = key.as_str().unwrap_or_default();
            let mut typ = String::new();
            let place = match name {
                "alg" => &mut fields.alg,
                "kid" => &mut fields.kid,
                "cty" => &mut fields.cty,
                "typ" => &mut typ,
                "crit" => {
                    let Value::Array(items) = value else { return Err(args::failed("crit: must be a list")) };
                    critical = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                    if critical.is_empty() {
                        return Err(args::failed("crit: must be a nonempty list"));
                    }
                    continue;
                }
                other => {
                    unknown.push(other);
                    continue;
                }
            };
            value.as_str().ok_or_else(|| args::failed(format!("{name}: must be a string")))?.clone_into(place);
        }
        fields.critical = unknown.iter().any(|name| critical.contains(*name));
        Ok(fields)
    }

    pub(super) fn valid(&self) -> bool {
        !self.alg.is_empty() && !self.critical
    }
}
