//! Credentials to headers: HTTP Basic and the token flow of the distribution spec. A request is first sent with what was
//! granted before; a 401 says what the registry wants.

use super::{Client, Target, transport_denied as denied_by, transport_unreachable as unreachable};
use crate::auth::Credentials;
use crate::error::{Error, Result};
use base64::Engine as _;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a request wants to do in its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    Push,
}

/// Headers that were accepted or are expected to be, by registry, repository and access.
#[derive(Debug, Default)]
pub(super) struct Grants(Mutex<HashMap<(String, String, Access), HeaderValue>>);

impl Grants {
    fn get(&self, target: &Target, access: Access) -> Option<HeaderValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(target, access)).cloned()
    }

    fn put(&self, target: &Target, access: Access, value: HeaderValue) {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded: tokens are cheap to get again.
        if grants.len() > 4096 {
            grants.clear();
        }
        grants.insert(key(target, access), value);
    }
}

fn key(target: &Target, access: Access) -> (String, String, Access) {
    (target.base.clone(), target.reference.repository().to_owned(), access)
}

impl Client {
    /// Adds what was granted for this repository to `headers`, if the address is the registry's own.
    pub(super) fn authorize(&self, target: &Target, access: Access, uri: &http::Uri, headers: &mut HeaderMap) {
        let own = target.uri(&target.base).is_ok_and(|base| {
            base.authority() == uri.authority() && (base.scheme() == uri.scheme() || uri.scheme_str() == Some("https"))
        });
        if let Some(value) = self.inner.grants.get(target, access).filter(|_| own) {
            headers.insert(header::AUTHORIZATION, value);
        }
    }

    /// Sends a request without body; asks for credentials' worth once if the registry wants them.
    pub(super) async fn ask(
        &self,
        target: &Target,
        access: Access,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>> {
        let uri = target.uri(url)?;
        let mut with = headers.clone();
        self.authorize(target, access, &uri, &mut with);
        let unreachable = |detail| unreachable(target, detail);
        let transport = &self.inner.transport;
        let answer = transport.fetch(method.clone(), &uri, &with).await.map_err(unreachable)?;
        if answer.status() != StatusCode::UNAUTHORIZED
            || !self.answer_challenge(target, access, &answer, with.get(header::AUTHORIZATION)).await?
        {
            return Ok(answer);
        }
        let mut with = headers;
        self.authorize(target, access, &uri, &mut with);
        transport.fetch(method, &uri, &with).await.map_err(unreachable)
    }

    /// Gets what a 401 asks for; false when that is what the request was `sent` with. What another request was granted
    /// meanwhile is new to this one.
    pub(super) async fn answer_challenge(
        &self,
        target: &Target,
        access: Access,
        answer: &Response<Incoming>,
        sent: Option<&HeaderValue>,
    ) -> Result<bool> {
        let challenges: Vec<&str> =
            answer.headers().get_all(header::WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok()).collect();
        let credentials = self.inner.auth.lookup(target.reference.registry(), target.reference.repository());
        let scheme = |c: &&&str, s: &str| {
            c.len() >= s.len() && c.is_char_boundary(s.len()) && c[..s.len()].eq_ignore_ascii_case(s)
        };
        let value = if let Some(bearer) = challenges.iter().find(|c| scheme(c, "bearer ")) {
            Some(self.token(target, access, &bearer["bearer ".len()..], credentials).await?)
        } else if challenges.iter().any(|c| scheme(&c, "basic")) {
            credentials.map(basic).transpose()?
        } else {
            None
        };
        let Some(value) = value else { return Ok(false) };
        if sent == Some(&value) {
            return Ok(false);
        }
        self.inner.grants.put(target, access, value);
        Ok(true)
    }

    async fn token(
        &self,
        target: &Target,
        access: Access,
        parameters: &str,
        credentials: Option<&Credentials>,
    ) -> Result<HeaderValue> {
        #[derive(serde::Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let parameters = parse_parameters(parameters);
        let denied = |detail: String| denied_by(target, detail);
        let realm = parameters.get("realm").ok_or_else(|| denied("its challenge names no realm".to_owned()))?;
        // Credentials go only to a realm on TLS, or to one on the same plain host that was asked anyway.
        let trusted = realm.starts_with("https://") || realm.starts_with(&format!("{}/", target.base));
        if !trusted {
            return Err(denied(format!("its token service `{realm}` is not on TLS")));
        }
        let actions = if access == Access::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", target.reference.repository());
        let mut url = format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, escape(&scope));
        if let Some(service) = parameters.get("service") {
            url = format!("{url}&service={}", escape(service));
        }
        let mut headers = HeaderMap::new();
        if let Some(credentials) = credentials {
            headers.insert(header::AUTHORIZATION, basic(credentials)?);
        }
        let uri = target.uri(&url)?;
        let answer = self
            .inner
            .transport
            .fetch(Method::GET, &uri, &headers)
            .await
            .map_err(|detail| unreachable(target, detail))?;
        if !answer.status().is_success() {
            return Err(denied(format!("its token service answered {}", answer.status())));
        }
        let bytes = super::blobs::collect(answer, 1024 * 1024, target).await?;
        let token: Token =
            serde_json::from_slice(&bytes).map_err(|_| denied("its token service gave no JSON".into()))?;
        let token = token.token.or(token.access_token).ok_or_else(|| denied("its token service gave none".into()))?;
        secret(format!("Bearer {token}"))
    }
}

fn basic(credentials: &Credentials) -> Result<HeaderValue> {
    let pair = format!("{}:{}", credentials.username, credentials.password);
    secret(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn secret(text: String) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::Configuration("a credential has characters that no HTTP header can carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `key="value",key=value` of a challenge.
fn parse_parameters(text: &str) -> HashMap<String, String> {
    let mut parameters = HashMap::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.insert(name, value.to_owned());
        rest = remaining.trim_start_matches([' ', ',']);
    }
    parameters
}

/// Percent-encoding for a query value.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let p = parse_parameters(r#"realm="https://auth.example/token?x=1",service="reg, istry",scope=a"#);
        assert_eq!(p.get("realm").map(String::as_str), Some("https://auth.example/token?x=1"));
        assert_eq!(p.get("service").map(String::as_str), Some("reg, istry"));
        assert_eq!(p.get("scope").map(String::as_str), Some("a"));
        assert!(parse_parameters("").is_empty());
    }
}
