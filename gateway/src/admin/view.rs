//! What the admin API shows, and the command line reads.

use std::collections::{BTreeMap, BTreeSet};

use decision::facts::{Credential, Level, Resource, Subject, Timestamp};
use decision::name::Id;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{instant, words};

/// A credential: every field of the record, null where it has no value, and the state that follows from them. Instants are RFC 3339.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Credential)]
pub(crate) struct CredentialView {
    pub(crate) id: String,
    pub(crate) api: String,
    pub(crate) scheme: String,
    #[schema(required)]
    pub(crate) name: Option<String>,
    /// The prefix, and the last 4 characters of a secret of 20 or more.
    pub(crate) hint: String,
    #[schema(required)]
    pub(crate) external_id: Option<String>,
    pub(crate) subject: String,
    /// null = any of the subject's.
    #[schema(required)]
    pub(crate) org: Option<String>,
    /// `active`, `disabled`, `expired` or `revoked`, at the time of the answer.
    pub(crate) state: String,
    pub(crate) created_at: String,
    /// The first instant at which it is no longer good; null = never.
    #[schema(required)]
    pub(crate) expires_at: Option<String>,
    #[schema(required)]
    pub(crate) revoked_at: Option<String>,
    #[schema(required)]
    pub(crate) revoke_reason: Option<String>,
    pub(crate) disabled: bool,
    /// `read`, `edit` or `admin`; null restricts nothing.
    #[schema(required)]
    pub(crate) ceiling: Option<String>,
    /// Resource to level; null = every resource of the subject.
    #[schema(required)]
    pub(crate) grants: Option<BTreeMap<String, String>>,
    /// null restricts nothing.
    #[schema(required)]
    pub(crate) scopes: Option<Vec<String>>,
    #[schema(required)]
    pub(crate) audience: Option<String>,
    #[schema(required)]
    pub(crate) client_id: Option<String>,
    /// Blocks of client addresses; null restricts nothing.
    #[schema(required)]
    pub(crate) addresses: Option<Vec<String>>,
    /// Limit to another `max`.
    pub(crate) limits: BTreeMap<String, u64>,
    pub(crate) metadata: Map<String, Value>,
    #[schema(required)]
    pub(crate) last_used_at: Option<String>,
    pub(crate) version: u64,
}

impl CredentialView {
    pub(super) fn new(credential: Credential, now: Timestamp) -> Self {
        let blocks = |blocks: &Vec<IpNet>| blocks.iter().map(ToString::to_string).collect();
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
            disabled: credential.disabled,
            ceiling: credential.ceiling.map(|level| level.name().to_owned()),
            grants: credential.grants.as_ref().map(levels),
            scopes: credential.scopes.as_ref().map(ids),
            audience: credential.audience,
            client_id: credential.client_id.map(|id| id.to_string()),
            addresses: credential.addresses.as_ref().map(blocks),
            limits: credential.limits,
            metadata: credential.metadata,
            last_used_at: credential.last_used_at.map(instant::write),
            version: credential.version,
        }
    }
}

/// A subject: whoever credentials act for.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Subject)]
pub(crate) struct SubjectView {
    pub(crate) id: String,
    /// `user` or `service`.
    pub(crate) kind: String,
    /// `active`, `suspended` or `inactive`.
    pub(crate) state: String,
    pub(crate) admin: bool,
    pub(crate) capabilities: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) version: u64,
}

impl SubjectView {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            id: subject.id.to_string(),
            kind: words::of(&words::SUBJECT_KINDS, &subject.kind).to_owned(),
            state: words::of(&words::SUBJECT_STATES, &subject.state).to_owned(),
            admin: subject.admin,
            capabilities: ids(&subject.capabilities),
            metadata: subject.metadata,
            version: subject.version,
        }
    }
}

/// A resource: what subjects have access to. An organisation is one without a parent.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Resource)]
pub(crate) struct ResourceView {
    pub(crate) id: String,
    pub(crate) kind: String,
    #[schema(required)]
    pub(crate) parent: Option<String>,
    /// `ok`, `restricted`, `locked` or `archived`.
    pub(crate) state: String,
    pub(crate) capabilities: Vec<String>,
    #[schema(required)]
    pub(crate) plan: Option<String>,
    /// Subject to level; null = those of the nearest resource above that has some.
    #[schema(required)]
    pub(crate) members: Option<BTreeMap<String, String>>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) version: u64,
}

impl ResourceView {
    pub(super) fn new(resource: Resource) -> Self {
        Self {
            id: resource.id.to_string(),
            kind: resource.kind,
            parent: resource.parent.map(|id| id.to_string()),
            state: words::of(&words::RESOURCE_STATES, &resource.state).to_owned(),
            capabilities: ids(&resource.capabilities),
            plan: resource.plan,
            members: resource.members.as_ref().map(levels),
            metadata: resource.metadata,
            version: resource.version,
        }
    }
}

fn ids(ids: &BTreeSet<Id>) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn levels(levels: &BTreeMap<Id, Level>) -> BTreeMap<String, String> {
    levels.iter().map(|(id, level)| (id.to_string(), level.name().to_owned())).collect()
}

/// A credential that was made.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Created {
    pub(crate) credential: CredentialView,
    /// Shown this once; null when the caller brought it, and when an answer is repeated.
    #[schema(required)]
    pub(crate) secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) propagation: Option<Propagation>,
}

/// A page of a list.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

/// A record, and for whoever waited how far the change of it has come.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Changed<T> {
    #[serde(flatten)]
    pub(crate) record: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) propagation: Option<Propagation>,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Revoked {
    pub(crate) credential: CredentialView,
    pub(crate) propagation: Propagation,
}

/// How many credentials were ended, and how far that has come.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Revocation {
    pub(crate) revoked: usize,
    pub(crate) propagation: Propagation,
}

/// Who did what to which record.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    pub(crate) at: String,
    /// The name of an admin, or of the gateway itself.
    pub(crate) author: String,
    /// `x-request-id` of the call's answer.
    pub(crate) request_id: String,
    pub(crate) action: String,
    /// `credential`, `subject` or `resource`.
    pub(crate) kind: String,
    /// The api of a credential, the realm of all else.
    pub(crate) place: String,
    pub(crate) id: String,
    pub(crate) version: u64,
    /// The fields that an update changed.
    pub(crate) fields: Vec<String>,
    /// On whose behalf a secret was revealed; which credential succeeds a rotated one, or came before it.
    #[schema(required)]
    pub(crate) other: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Replicas {
    pub(crate) items: Vec<ReplicaView>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Replica)]
pub(crate) struct ReplicaView {
    pub(crate) replica: String,
    pub(crate) version: String,
    /// The newest change that it has applied.
    pub(crate) position: u64,
    /// Milliseconds since its last report, where that lacks changes; else 0.
    pub(crate) lag_ms: u64,
    /// Milliseconds for which it may still use what it knows; null with the embedded store, where facts are always current.
    #[schema(required)]
    pub(crate) lease_ms: Option<u64>,
    /// Of its configuration.
    pub(crate) generation: u64,
}

/// How a request would be decided.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Explained {
    pub(crate) allowed: bool,
    /// That of a request; `forwarded` where it is allowed.
    pub(crate) outcome: String,
    /// Of the outcome; a dialect may send another. null where the upstream would say.
    #[schema(required)]
    pub(crate) status: Option<u16>,
    /// In the order of the request's path.
    pub(crate) stages: Vec<StageView>,
    #[schema(required)]
    pub(crate) api: Option<String>,
    #[schema(required)]
    pub(crate) route: Option<String>,
    #[schema(required)]
    pub(crate) upstream: Option<String>,
    /// The path that would be sent, without its query.
    #[schema(required)]
    pub(crate) path: Option<String>,
    #[schema(required)]
    pub(crate) scheme: Option<String>,
    #[schema(required)]
    pub(crate) credential: Option<String>,
    #[schema(required)]
    pub(crate) subject: Option<String>,
    #[schema(required)]
    pub(crate) org: Option<String>,
    #[schema(required)]
    pub(crate) resource: Option<String>,
    #[schema(required)]
    pub(crate) level: Option<String>,
    /// What the upstream would be told.
    pub(crate) identity: BTreeMap<String, String>,
    /// What the decision rests on, in the order it was asked for.
    pub(crate) facts: Vec<FactView>,
    pub(crate) replica: String,
    /// The newest change in the store.
    pub(crate) position: u64,
    /// Of the configuration.
    pub(crate) generation: u64,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Stage)]
pub(crate) struct StageView {
    pub(crate) stage: String,
    /// `passed`, the outcome that it refuses with, or `not_reached`.
    pub(crate) outcome: String,
    /// Why it refuses: what the log says.
    #[schema(required)]
    pub(crate) detail: Option<String>,
    /// What would have sufficed.
    #[schema(required)]
    pub(crate) needed: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Fact)]
pub(crate) struct FactView {
    /// `credential`, `subject` or `resource`.
    pub(crate) kind: String,
    #[schema(required)]
    pub(crate) id: Option<String>,
    /// null: there is no such record.
    #[schema(required)]
    pub(crate) version: Option<u64>,
    /// `hit`, `miss`, or `not_asked` of a credential that is named by its id.
    pub(crate) cache: String,
}

/// A secret that was shown again.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Revealed {
    /// null when an answer is repeated.
    #[schema(required)]
    pub(crate) secret: Option<String>,
}

/// What is told of a deletion to whoever waited for it.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Deleted {
    pub(crate) propagation: Propagation,
}

/// How far a change has come: every live replica is listed.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Propagation {
    pub(crate) complete: bool,
    pub(crate) replicas: Vec<ReplicaReport>,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct ReplicaReport {
    pub(crate) replica: String,
    /// Milliseconds from the change until it was seen to be applied; null where it was not.
    #[schema(required)]
    pub(crate) applied_ms: Option<u64>,
    /// `applied`: the change is applied and requests under way are told. `lapsed`: it has been silent for so long that it uses
    /// nothing any more of what it knew. `pending`: neither yet.
    pub(crate) state: String,
}
