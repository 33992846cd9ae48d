//! The record of a registered credential.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Level, Timestamp};
use crate::name::Id;

/// The most bytes that [`Credential::shown_grants`] may have: it is sent with every request.
pub const GRANTS_MAX: usize = 4096;

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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The most that it may do; `None` restricts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Level>,
    /// `None` = every resource of the subject; else only those named, each at its level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<BTreeMap<Id, Level>>,
    /// `None` restricts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<Id>>,
    /// Where it is good, after the normalisation of RFC 3986, section 6; `None` = see `bound` of its scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Id>,
    /// Blocks of client addresses that may use it; `None` restricts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<IpNet>>,
    /// For limits by their name: another `max` than the rule's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Grows by one with each change of the record, from 1.
    pub version: u64,
}

impl Credential {
    /// The first of these that holds: revoked, disabled, expired.
    pub fn state(&self, now: Timestamp) -> CredentialState {
        if self.revoked_at.is_some() {
            CredentialState::Revoked
        } else if self.disabled {
            CredentialState::Disabled
        } else if self.expires_at.is_some_and(|at| now >= at) {
            CredentialState::Expired
        } else {
            CredentialState::Active
        }
    }

    /// Its grants as an upstream reads them: `*`, or `*=read` under a ceiling, or `board_1=edit,board_2=read`, none above the
    /// ceiling. Empty = it has no access to any resource.
    pub fn shown_grants(&self) -> String {
        let Some(grants) = &self.grants else {
            return self
                .ceiling
                .map_or_else(|| "*".to_owned(), |ceiling| format!("*={}", ceiling.name()));
        };
        let ceiling = self.ceiling.unwrap_or(Level::Admin);
        let shown = |(id, level): (&Id, &Level)| format!("{id}={}", ceiling.min(*level).name());
        grants.iter().map(shown).collect::<Vec<_>>().join(",")
    }
}

/// Where in its life a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    Active,
    Disabled,
    Expired,
    Revoked,
}

impl CredentialState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
