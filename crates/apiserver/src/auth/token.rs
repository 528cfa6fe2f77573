//! ServiceAccount tokens: JSON Web Tokens (HS256) under a key that never leaves this server. A token is bound to the
//! uid of its ServiceAccount, so deleting that account ends it. This part must not know of requests or RBAC.

use crate::edge;
use crate::store::{Key, Resource, Store};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

use super::UserInfo;

/// The audience of tokens for this server.
pub const AUDIENCE: &str = "https://kubernetes.default.svc";
const ISSUER: &str = "https://kubernetes.default.svc";
/// A longer bearer is no token of ours, and not worth hashing.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The key of ServiceAccount tokens.
#[derive(Clone, Debug)]
pub struct TokenKey {
    key: hmac::Key,
}

/// An object that a token is bound to besides its ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub uid: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: Vec<String>,
    exp: i64,
    iat: i64,
    iss: String,
    #[serde(rename = "kubernetes.io")]
    private: Private,
    nbf: i64,
    sub: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Private {
    namespace: String,
    serviceaccount: Named,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Named>,
}

/// What a token is to be for.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    pub namespace: String,
    pub account: String,
    pub account_uid: String,
    pub audiences: Vec<String>,
    pub expires_at: i64,
    pub pod: Option<Named>,
    pub secret: Option<Named>,
}

impl TokenKey {
    /// Reads the key file, or makes it (0600) at the first start.
    ///
    /// # Errors
    /// The file cannot be read or made, or has a key of another length.
    pub fn load_or_create(path: &Path) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        match std::fs::File::open(path) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes)?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                bytes = edge::random::<32>().map_err(std::io::Error::other)?.to_vec();
                crate::pki::write_private(path, &bytes)?;
            }
            Err(e) => return Err(e),
        }
        if bytes.len() != 32 {
            let what = format!("{} is no key of 32 bytes; remove it to make a new one", path.display());
            return Err(std::io::Error::other(what));
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// Makes a token.
    ///
    /// # Errors
    /// The claims cannot be written as JSON.
    pub fn issue(&self, grant: Grant) -> Result<String, serde_json::Error> {
        let now = edge::now_seconds();
        let claims = Claims {
            aud: grant.audiences,
            exp: grant.expires_at,
            iat: now,
            iss: ISSUER.to_owned(),
            sub: format!("system:serviceaccount:{}:{}", grant.namespace, grant.account),
            nbf: now,
            private: Private {
                namespace: grant.namespace,
                serviceaccount: Named { name: grant.account, uid: grant.account_uid },
                pod: grant.pod,
                secret: grant.secret,
            },
        };
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?);
        let signed = format!("{header}.{body}");
        let tag = hmac::sign(&self.key, signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref())))
    }

    /// The ServiceAccount that the token is for, with the token's audiences; nothing if it is forged, too old, or
    /// bound to something that is gone.
    pub fn verify(&self, store: &Store, token: &str, now: i64) -> Option<(UserInfo, Vec<String>)> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, tag) = token.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        // Compares in constant time. The header is not read: one algorithm, one key, whatever it says.
        hmac::verify(&self.key, signed.as_bytes(), &tag).ok()?;
        let body = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Claims = serde_json::from_slice(&body).ok()?;
        if claims.iss != ISSUER || now >= claims.exp || now < claims.nbf - 60 {
            return None;
        }
        let bound = &claims.private;
        let alive = |plural: &str, named: &Named| {
            let key = Key::new(&Resource::new("", plural), &bound.namespace, &named.name);
            let uid = store.get(&key).and_then(|s| Some(s.object.pointer("/metadata/uid")?.as_str()?.to_owned()));
            uid.is_some_and(|uid| uid == named.uid)
        };
        let all_there = alive("serviceaccounts", &bound.serviceaccount)
            && bound.pod.as_ref().is_none_or(|p| alive("pods", p))
            && bound.secret.as_ref().is_none_or(|s| alive("secrets", s));
        let mut user = UserInfo::service_account(&bound.namespace, &bound.serviceaccount.name);
        user.uid.clone_from(&bound.serviceaccount.uid);
        (all_there && user.name == claims.sub).then_some((user, claims.aud))
    }
}
