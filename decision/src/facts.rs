//! What the store knows: records, and the forms in which a decision reads them.

use std::fmt;
use std::hash::{Hash, Hasher};

use http::HeaderValue;
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::name::Id;
use crate::secret::Digest;

/// Milliseconds since the Unix epoch, UTC. Every instant of a record and every wall-clock reading has this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// The record of a registered credential (contract, section 4), without its secret: of that only the digest is kept, and it
/// is the store's key, not part of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// `crd_…`
    pub id: Id,
    pub api: String,
    pub scheme: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The prefix, and the last 4 characters of secrets of 20 or more.
    pub hint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Id>,
    pub subject: Id,
    /// `None` = any organisation of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<Id>,
    pub created_at: Timestamp,
    /// The first instant at which it is no longer good; `None` = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_reason: Option<String>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Grows by one with each change of the record, from 1.
    pub version: u64,
}

impl Credential {
    pub fn state(&self, now: Timestamp) -> CredentialState {
        if self.revoked_at.is_some() {
            CredentialState::Revoked
        } else if self.expires_at.is_some_and(|at| now >= at) {
            CredentialState::Expired
        } else {
            CredentialState::Active
        }
    }
}

/// Where in its life a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    Active,
    Expired,
    Revoked,
}

impl CredentialState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A credential as the hot path reads it: the record, and its identity values ready to be sent.
#[derive(Debug)]
pub struct Fact {
    pub credential: Credential,
    pub id: HeaderValue,
    pub subject: HeaderValue,
    pub org: Option<HeaderValue>,
}

impl Fact {
    pub fn new(credential: Credential) -> Self {
        Self {
            id: id_value(&credential.id),
            subject: id_value(&credential.subject),
            org: credential.org.as_ref().map(id_value),
            credential,
        }
    }
}

/// Every [`Id`] is visible ASCII, so the empty value stands for nothing that can exist.
fn id_value(id: &Id) -> HeaderValue {
    HeaderValue::from_str(id.as_str()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The answer to "whose is this?". *No* and *cannot tell* never share a value.
#[derive(Clone, Debug)]
pub enum Lookup {
    Found(std::sync::Arc<Fact>),
    /// The store said that it has no such credential.
    Unknown,
    /// Nobody could say.
    Unavailable,
}

/// What makes equal digests of different apis different keys: the SHA-256 of the api's name.
pub fn api_mask(name: &str) -> [u8; 32] {
    let mut mask = [0; 32];
    mask.copy_from_slice(digest::digest(&digest::SHA256, name.as_bytes()).as_ref());
    mask
}

/// The name of one fact: an api and a digest in it, as one value that is compared and hashed at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FactKey([u8; 32]);

impl FactKey {
    /// `mask` is [`api_mask`] of the api's name.
    pub fn new(mask: &[u8; 32], digest: &Digest) -> Self {
        let mut key = digest.0;
        for (byte, mask) in key.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        Self(key)
    }
}

/// A digest is uniformly distributed under a key that nobody outside knows, so any part of it is a good hash.
impl Hash for FactKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(first) = self.0.first_chunk() {
            state.write_u64(u64::from_ne_bytes(*first));
        }
    }
}

impl fmt::Debug for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactKey(..)")
    }
}

#[cfg(test)]
mod tests;
