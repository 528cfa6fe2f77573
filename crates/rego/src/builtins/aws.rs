//! `providers.aws.sign_req`: the headers of an HTTP request signed as AWS asks for (Signature Version 4).

use super::{Builtin, BuiltinError, Outcome, args, bounds, pure, refused, some};
use crate::bytes::{bytes, entering, text};
use crate::gourl;
use crate::json;
use crate::value::Value;
use ring::{digest, hmac};
use std::collections::BTreeMap;

pub const ALL: &[Builtin] = &[pure("providers.aws.sign_req", 3, |a, _| sign_request(a))];

/// Headers that proxies change are not signed.
const UNSIGNED: &[&str] = &["authorization", "user-agent", "x-amzn-trace-id"];

fn sign_request(a: &[Value]) -> Outcome {
    let request = args::object(a, 1)?;
    // OPA calls each argument whose type is wrong the first.
    let config = args::object(a.get(1..).unwrap_or_default(), 1)?;
    let field = |name: &str| config.get(&Value::from(name)).and_then(Value::as_str);
    let names = ["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"];
    let of = |wrong: &dyn Fn(&&str) -> bool| {
        Value::set(names.iter().filter(|name| wrong(name)).map(|name| Value::from(*name)))
    };
    let missing = of(&|name| config.get(&Value::from(*name)).is_none());
    let unfit = of(&|name| field(name).is_none());
    if missing != Value::set([]) {
        return Err(args::operand(2, format!("missing required AWS config parameters(s): {missing}")));
    }
    if unfit != Value::set([]) {
        return Err(args::operand(2, format!("invalid values for required AWS config parameters(s): {unfit}")));
    }
    let time = args::number(a.get(2..).unwrap_or_default(), 1)?;
    let time =
        time.as_i64().ok_or_else(|| args::operand(3, "could not convert time_ns value into a unix timestamp"))?;
    refused::request(a, 1)?;
    let part = |name: &str| request.get(&Value::from(name));
    let headers = match part("headers") {
        None => BTreeMap::new(),
        Some(Value::Object(map)) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            map.iter().map(|(key, value)| (text(key), text(value))).collect()
        }
        Some(other) => return Err(args::wrong_type(0, other, &["object"])),
    };
    let unfit: Vec<Value> = ["method", "url"]
        .into_iter()
        .filter(|name| part(name).and_then(Value::as_str).is_none())
        .map(Value::from)
        .collect();
    if !unfit.is_empty() {
        let unfit = Value::set(unfit);
        return Err(args::operand(1, format!("invalid values for required request parameters(s): {unfit}")));
    }
    let text = |name: &str| part(name).and_then(Value::as_str).unwrap_or_default();
    let url = gourl::parse(text("url")).map_err(args::failed)?;
    let body = match (part("raw_body"), part("body")) {
        (Some(raw), _) => raw.as_str().unwrap_or_default().to_owned(),
        (None, Some(body)) => {
            bounds::value(body)?;
            entering(json::to_string(body)).into_owned()
        }
        (None, None) => String::new(),
    };
    let sign_body = match config.get(&Value::from("disable_payload_signing")) {
        None => true,
        Some(Value::Bool(disabled)) => !disabled,
        Some(_) => return Err(args::operand(2, "invalid value for 'disable_payload_signing' in AWS config")),
    };
    let given = |name: &str| field(name).unwrap_or_default();
    let signing = Signing {
        access_key: given("aws_access_key"),
        secret: given("aws_secret_access_key"),
        region: given("aws_region"),
        service: given("aws_service"),
        token: given("aws_session_token"),
        body: if sign_body { sha256(&bytes(&body)) } else { "UNSIGNED-PAYLOAD".to_owned() },
        at: moment(time)?,
    };
    let mut signed = headers.clone();
    let (authorization, added) = signing.headers(&headers, text("method"), &url);
    signed.insert("Authorization".to_owned(), authorization);
    signed.extend(added);
    let signed = Value::object(signed.iter().map(|(key, value)| (Value::string(key), Value::string(value))));
    let all = request.iter().map(|(key, value)| (key.clone(), value.clone()));
    some(Value::object(all.chain([(Value::from("headers"), signed)])))
}

/// `YYYYMMDDTHHMMSSZ` of nanoseconds since 1970.
fn moment(ns: i64) -> Result<String, BuiltinError> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(ns)).map_err(|_| args::failed("the time is out of range"))?;
    Ok(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn keyed(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &bytes(message)).as_ref().to_vec()
}

/// Who signs, what for and when.
struct Signing<'a> {
    access_key: &'a str,
    secret: &'a str,
    region: &'a str,
    service: &'a str,
    token: &'a str,
    /// The body's digest, or what stands for it.
    body: String,
    at: String,
}

impl Signing<'_> {
    /// The value of `Authorization`, and the headers that go with it.
    fn headers(
        &self,
        own: &BTreeMap<String, String>,
        method: &str,
        url: &gourl::Url,
    ) -> (String, BTreeMap<String, String>) {
        let day = self.at.get(..8).unwrap_or_default();
        let mut added =
            BTreeMap::from([("host".to_owned(), text(&url.host)), ("x-amz-date".to_owned(), self.at.clone())]);
        if self.service == "s3" || self.service == "glacier" {
            added.insert("x-amz-content-sha256".to_owned(), self.body.clone());
        }
        if !self.token.is_empty() {
            added.insert("x-amz-security-token".to_owned(), self.token.to_owned());
        }
        let mut signed = added.clone();
        let own = own.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        signed.extend(own.filter(|(name, _)| !UNSIGNED.contains(&name.as_str())));
        let names = signed.keys().map(String::as_str).collect::<Vec<_>>().join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let path = url.escaped_path();
        let canonical = format!("{method}\n{path}\n{}\n{lines}\n{names}\n{}", url.raw_query, self.body);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let message = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.at, sha256(&bytes(&canonical)));
        let first = keyed(&bytes(&format!("AWS4{}", self.secret)), day);
        let key = [self.region, self.service, "aws4_request"].iter().fold(first, |key, part| keyed(&key, part));
        let signature = hex::encode(keyed(&key, &message));
        let access = self.access_key;
        let text = format!("AWS4-HMAC-SHA256 Credential={access}/{scope},SignedHeaders={names},Signature={signature}");
        (text, added)
    }
}
