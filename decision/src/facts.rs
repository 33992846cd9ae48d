//! What the store knows: records, and the forms in which a decision reads them.

use std::sync::Arc;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::name::Id;

mod credential;
mod key;
mod known;
mod level;
mod resource;
mod subject;

pub use credential::{Credential, CredentialState};
pub use key::{FactKey, api_mask, realm_mask};
pub use known::{Known, Wanted};
pub use level::Level;
pub use resource::{Resource, ResourceState};
pub use subject::{Subject, SubjectKind, SubjectState};

/// Milliseconds since the Unix epoch, UTC. Every instant of a record and every wall-clock reading has this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

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

/// The answer to "what is known of this?". *No* and *cannot tell* never share a value.
#[derive(Debug)]
pub enum Lookup<T = Fact> {
    Found(Arc<T>),
    /// The store said that it has no such record: a fact like any other.
    Unknown,
    /// Nobody could say.
    Unavailable,
}

impl<T> Clone for Lookup<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Found(found) => Self::Found(Arc::clone(found)),
            Self::Unknown => Self::Unknown,
            Self::Unavailable => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests;
