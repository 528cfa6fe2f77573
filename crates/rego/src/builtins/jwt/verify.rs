//! `io.jwt.decode_verify`: a token against constraints on its signature, its parties and the time.

use super::super::{BuiltinError, Context, Outcome, args, some};
use super::algorithm::Algorithm;
use super::keys::{self, Trusted};
use super::token::{Fields, NESTED, Object, Token, object};
use crate::bytes::bytes;
use crate::number::Number;
use crate::shared::Shared;
use crate::value::Value;

/// What a token must meet. Empty strings ask for nothing.
#[derive(Default)]
struct Constraints {
    keys: Option<Vec<Trusted>>,
    secret: String,
    alg: String,
    iss: String,
    aud: String,
    /// Nanoseconds.
    time: Option<f64>,
}

impl Constraints {
    fn of(map: &Object) -> Result<Self, BuiltinError> {
        let mut all = Self::default();
        for (key, value) in map {
            let name = key.as_str().unwrap_or_default();
            let text = || {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| args::failed(format!("{name} constraint: must be a string")))
            };
            match name {
                "cert" => all.keys = Some(keys::trusted(&text()?)?),
                "secret" => all.secret = text()?,
                "alg" => all.alg = text()?,
                "iss" => all.iss = text()?,
                "aud" => all.aud = text()?,
                "time" => all.time = Some(time(value)?),
                other => return Err(args::failed(format!("unknown token validation constraint: {other}"))),
            }
        }
        match (&all.keys, all.secret.is_empty()) {
            (Some(_), false) => Err(args::failed("duplicate key constraints")),
            (None, true) => Err(args::failed("no key constraint")),
            _ => Ok(all),
        }
    }

    fn verifies(&self, fields: &Fields, token: &Token<'_>) -> Result<bool, BuiltinError> {
        let signature = token.signature()?;
        let Some(algorithm) = Algorithm::named(&fields.alg) else { return Ok(false) };
        let signed = &bytes(token.signed());
        Ok(match &self.keys {
            Some(trusted) => {
                keys::any(trusted, &fields.kid, &fields.alg, |key| algorithm.verify(key, signed, &signature))
            }
            None => algorithm.verify_secret(&bytes(&self.secret), signed, &signature),
        })
    }

    /// Whether issuer and audience are those asked for; a token for an audience is for none else.
    fn parties(&self, payload: &Object) -> bool {
        let issuer = self.iss.is_empty() || payload.get(&"iss".into()).and_then(Value::as_str) == Some(&self.iss);
        issuer
            && match payload.get(&"aud".into()) {
                None => self.aud.is_empty(),
                Some(Value::String(aud)) => **aud == *self.aud,
                Some(Value::Array(items)) => items.iter().any(|item| item.as_str() == Some(&self.aud)),
                Some(_) => false,
            }
    }
}

fn time(value: &Value) -> Result<f64, BuiltinError> {
    match value {
        Value::Number(n) if *n >= Number::from(0) => Ok(n.to_f64()),
        Value::Number(_) => Err(args::failed("token time constraint: must not be negative")),
        _ => Err(args::failed("token time constraint: must be a number")),
    }
}

/// A time in a payload, in seconds.
fn seconds<'a>(payload: &'a Object, name: &str) -> Result<Option<&'a Number>, BuiltinError> {
    match payload.get(&Value::string(name)) {
        None => Ok(None),
        Some(Value::Number(n)) => Ok(Some(n)),
        Some(_) => Err(args::failed(format!("{name} value must be a number"))),
    }
}

fn answer(valid: bool, header: Object, payload: Object) -> Outcome {
    some(Value::array([valid.into(), Value::Object(Shared::from(header)), Value::Object(Shared::from(payload))]))
}

pub(super) fn decode_verify(a: &[Value], context: &mut Context) -> Outcome {
    let constraints = Constraints::of(args::object(a, 2)?)?;
    let unverified = || answer(false, Object::new(), Object::new());
    let mut whole = args::string(a, 1)?.to_owned();
    for _ in 0..NESTED {
        let token = Token::split(&whole)?;
        let header = token.header()?;
        let fields = Fields::of(&header)?;
        if !fields.valid() || (!constraints.alg.is_empty() && constraints.alg != fields.alg) {
            return unverified();
        }
        if !constraints.verifies(&fields, &token)? {
            return unverified();
        }
        let payload = token.payload()?;
        if fields.cty.eq_ignore_ascii_case("JWT") {
            whole = payload;
            continue;
        }
        let payload = object(&payload).map_err(args::failed)?;
        if !constraints.parties(&payload) {
            return unverified();
        }
        #[expect(clippy::cast_precision_loss, reason = "as OPA: times are doubles here")]
        let now = constraints.time.unwrap_or(context.now_ns as f64) / 1e9;
        let now = Number::from_f64(now).unwrap_or_default();
        let expired = seconds(&payload, "exp")?.is_some_and(|exp| now >= *exp);
        if expired || seconds(&payload, "nbf")?.is_some_and(|nbf| now < *nbf) {
            return unverified();
        }
        return answer(true, header, payload);
    }
    Err(args::failed("JWT is nested too deeply"))
}
