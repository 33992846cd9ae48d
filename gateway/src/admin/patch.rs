//! A change of a credential: what each field may become, and what of the record never changes.

use std::collections::{BTreeMap, BTreeSet};

use decision::facts::{Credential, Level, Timestamp};
use decision::name::Id;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::given::Given;
use super::problem::Problem;
use super::rules;

/// Fields of the record, and of what is shown with it, that no change can touch.
const FIXED: [&str; 17] = [
    "api",
    "audience",
    "client_id",
    "created_at",
    "external_id",
    "hint",
    "id",
    "last_used_at",
    "lifetime",
    "org",
    "revoke_reason",
    "revoked_at",
    "scheme",
    "secret",
    "state",
    "subject",
    "version",
];

pub(super) struct Patch {
    name: Given<String>,
    disabled: Given<bool>,
    expires_at: Given<Timestamp>,
    ceiling: Given<Level>,
    grants: Given<BTreeMap<Id, Level>>,
    scopes: Given<BTreeSet<Id>>,
    addresses: Given<Vec<IpNet>>,
    limits: Given<BTreeMap<String, u64>>,
    metadata: Given<Map<String, Value>>,
    fixed: Vec<&'static str>,
}

impl Patch {
    /// Judges the form of all fields together. `limit` says whether the credential's api has a limit of that name.
    pub(super) fn read(mut fields: Fields, limit: &dyn Fn(&str) -> bool) -> Result<Self, Problem> {
        let sent = &mut fields;
        let patch = Self {
            name: sent.change_text("name", rules::label),
            disabled: sent.change("disabled", rules::flag),
            expires_at: sent.change_text("expires_at", rules::instant),
            ceiling: sent.change_text("ceiling", rules::level),
            grants: sent.change("grants", rules::grants),
            scopes: sent.change("scopes", rules::ids),
            addresses: sent.change("addresses", rules::addresses),
            limits: sent.change("limits", |value| rules::overrides(value, limit)),
            metadata: sent.change("metadata", rules::metadata),
            fixed: sent.taken_of(&FIXED),
        };
        fields.end()?;
        if patch.fixed.is_empty() { Ok(patch) } else { Err(Problem::fields_fixed(&patch.fixed)) }
    }

    /// Changes the fields that were given: all of them, or on an error perhaps some, and then the record is to be dropped.
    pub(super) fn apply(&self, credential: &mut Credential, now: Timestamp) -> Result<(), Problem> {
        let ends = credential.expires_at;
        self.expires_at.put(&mut credential.expires_at);
        if credential.expires_at != ends {
            only_earlier(ends, credential.expires_at, now)?;
        }
        let all = credential.grants.is_none();
        self.grants.put(&mut credential.grants);
        if credential.grants.is_none() != all {
            return Err(Problem::grants_mode());
        }
        self.name.put(&mut credential.name);
        self.ceiling.put(&mut credential.ceiling);
        self.scopes.put(&mut credential.scopes);
        self.addresses.put(&mut credential.addresses);
        self.disabled.put_or_default(&mut credential.disabled);
        self.limits.put_or_default(&mut credential.limits);
        self.metadata.put_or_default(&mut credential.metadata);
        Ok(())
    }
}

/// An end can come nearer and never go away: what has been promised to end does.
fn only_earlier(
    was: Option<Timestamp>,
    becomes: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Problem> {
    let Some(becomes) = becomes else { return Err(Problem::expiry_later()) };
    if was.is_some_and(|was| becomes > was) {
        return Err(Problem::expiry_later());
    }
    if becomes <= now { Err(Problem::field_invalid("expires_at", "is past")) } else { Ok(()) }
}
