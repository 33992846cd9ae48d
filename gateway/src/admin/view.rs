//! What the admin API shows, and the command line reads.

use decision::facts::{Credential, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::instant;

/// A credential: every field of the record, null where it has no value, and the state that follows from them. Instants are RFC 3339.
#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialView {
    pub(crate) id: String,
    pub(crate) api: String,
    pub(crate) scheme: String,
    pub(crate) name: Option<String>,
    pub(crate) hint: String,
    pub(crate) external_id: Option<String>,
    pub(crate) subject: String,
    pub(crate) org: Option<String>,
    /// `active`, `expired` or `revoked`, at the time of the answer.
    pub(crate) state: String,
    pub(crate) created_at: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
    pub(crate) revoke_reason: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) version: u64,
}

impl CredentialView {
    pub(super) fn new(credential: Credential, now: Timestamp) -> Self {
        Self {
            state: credential.state(now).name().to_owned(),
            id: credential.id.to_string(),
            api: credential.api,
            scheme: credential.scheme,
            name: credential.name,
            hint: credential.hint,
            external_id: credential.external_id.map(|id| id.to_string()),
            subject: credential.subject.to_string(),
            org: credential.org.map(|org| org.to_string()),
            created_at: instant::write(credential.created_at),
            expires_at: credential.expires_at.map(instant::write),
            revoked_at: credential.revoked_at.map(instant::write),
            revoke_reason: credential.revoke_reason,
            metadata: credential.metadata,
            version: credential.version,
        }
    }
}

/// A credential that was made.
#[derive(Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) credential: CredentialView,
    /// Shown this once; null when the caller brought it.
    pub(crate) secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) propagation: Option<Propagation>,
}

/// A page of credentials, newest first.
#[derive(Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) items: Vec<CredentialView>,
    /// The `cursor` of the next page; null at the end.
    pub(crate) next: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Revoked {
    pub(crate) credential: CredentialView,
    pub(crate) propagation: Propagation,
}

/// What is told of a deletion to whoever waited for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) propagation: Propagation,
}

/// How far a change has come: every live replica is listed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Propagation {
    pub(crate) complete: bool,
    pub(crate) replicas: Vec<ReplicaReport>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ReplicaReport {
    pub(crate) replica: String,
    /// Milliseconds that it took to apply the change.
    pub(crate) applied_ms: u64,
    /// `applied`: the change is applied and requests under way are told.
    pub(crate) state: String,
}
