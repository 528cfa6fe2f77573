//! Who a bearer token belongs to: one of the configured users or a ServiceAccount. It must not know what he may do.

use super::UserInfo;
use super::token::{AUDIENCE, MAX_TOKEN_BYTES, TokenKey};
use crate::edge;
use crate::store::Store;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The configured users and the key of ServiceAccount tokens. Only digests of tokens are kept.
#[derive(Clone, Debug)]
pub struct Authenticator {
    users: Vec<([u8; 32], UserInfo)>,
    pub(crate) key: TokenKey,
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Authenticator {
    /// Takes each user with his token; an empty token belongs to nobody.
    pub fn new(users: &[(String, UserInfo)], key: TokenKey) -> Self {
        let users = users.iter().filter(|(t, _)| !t.is_empty()).map(|(t, user)| (digest(t), user.clone())).collect();
        Self { users, key }
    }

    /// The user with that token, and the audiences it is good for.
    pub fn review(&self, store: &Store, token: &str) -> Option<(UserInfo, Vec<String>)> {
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let presented = digest(token);
        // Every user is compared, so that the time says nothing of which one was near.
        let mut found = None;
        for (known, user) in &self.users {
            if bool::from(known.ct_eq(&presented)) {
                found = Some((user.clone(), vec![AUDIENCE.to_owned()]));
            }
        }
        found.or_else(|| self.key.verify(store, token, edge::now_seconds()))
    }

    /// The user with that token, if it is good for this server.
    pub fn authenticate(&self, store: &Store, token: &str) -> Option<UserInfo> {
        let (user, audiences) = self.review(store, token)?;
        audiences.iter().any(|a| a == AUDIENCE).then_some(user)
    }
}
