//! What the store knows: records, and the forms in which a decision reads them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod credential;
mod fact;
mod key;
mod known;
mod level;
mod resource;
mod subject;

pub use credential::{Credential, CredentialState, GRANTS_MAX};
pub use fact::Fact;
pub(crate) use fact::visible;
pub use key::{FactKey, api_mask, realm_mask};
pub use known::{Known, Wanted};
pub use level::Level;
pub use resource::{Resource, ResourceState};
pub use subject::{Subject, SubjectKind, SubjectState};

/// Milliseconds since the Unix epoch, UTC. Every instant of a record and every wall-clock reading has this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

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
