//! A create, judged: from the fields that were sent to a credential ready for the store.

use std::collections::{BTreeMap, BTreeSet};

use decision::config::snapshot::{Api, Scheme, Snapshot};
use decision::facts::{Credential, Level, Timestamp};
use decision::limit::{Rule, When};
use decision::name::Id;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::fields::{Fields, Judged};
use super::import::{self, Source};
use super::keys::{Maker, mint_for};
use super::problem::Problem;
use super::{rules, terms};

/// A create that every rule allows which can be judged without the store.
pub(super) struct Order {
    pub(super) maker: Maker,
    pub(super) realm: String,
    pub(super) members_only: bool,
    record: Record,
}

/// Of a credential, what its maker chooses.
struct Record {
    name: Option<String>,
    subject: Id,
    org: Option<Id>,
    external_id: Option<Id>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    ceiling: Option<Level>,
    grants: Option<BTreeMap<Id, Level>>,
    scopes: Option<BTreeSet<Id>>,
    audience: Option<String>,
    client_id: Option<Id>,
    addresses: Option<Vec<IpNet>>,
    limits: BTreeMap<String, u64>,
    metadata: Map<String, Value>,
}

impl Order {
    /// Judges all fields together: an error names everything that is wrong.
    pub(super) fn read(
        mut fields: Fields,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let sent = &mut fields;
        let api = sent.required("api", |name| {
            let found = snapshot.apis.iter().find(|api| *api.name == *name);
            found.ok_or_else(|| "is not configured".into())
        });
        let scheme = sent.required("scheme", |name| scheme_of(api, name)).flatten();
        let subject = sent.required("subject", rules::id);
        let imported = sent.has("secret") || sent.has("secret_sha256");
        let source = import::source(sent, api.zip(scheme));
        let created_at = terms::created_at(sent, imported, now);
        let expires_at = terms::expiry(sent, scheme.map(|scheme| &scheme.issue), created_at, now);
        if let Some(scheme) = scheme {
            needs(sent, scheme);
        }
        let known = |name: &str| api.is_none_or(|api| has_limit(api, name));
        let name = sent.text("name", rules::label);
        let org = sent.text("org", rules::id);
        let external_id = sent.text("external_id", rules::id);
        let ceiling = sent.text("ceiling", rules::level);
        let grants = sent.take("grants", rules::grants);
        let scopes = sent.take("scopes", rules::ids);
        let audience = sent.text("audience", rules::audience);
        let client_id = sent.text("client_id", rules::id);
        let addresses = sent.take("addresses", rules::addresses);
        let limits = sent.take("limits", |value| rules::overrides(value, &known));
        let metadata = sent.take("metadata", rules::metadata).unwrap_or_default();
        fields.end()?;
        let (Some(api), Some(scheme), Some(subject)) = (api, scheme, subject) else {
            return Err(Problem::internal()); // each missing one was refused above
        };
        let record = Record {
            name,
            subject,
            org,
            external_id,
            created_at,
            expires_at,
            ceiling,
            grants,
            scopes,
            audience,
            client_id,
            addresses,
            limits: limits.unwrap_or_default(),
            metadata,
        };
        let source = match source {
            Some(source) => source,
            None => Source::Minted(mint_for(api, scheme).ok_or_else(Problem::internal)?),
        };
        Ok(Self {
            maker: Maker::new(api, scheme, source),
            realm: api.realm.to_string(),
            members_only: scheme.issue.members_only,
            record,
        })
    }

    /// The organisation, and who must be a member of it.
    pub(super) fn membership(&self) -> Option<(&Id, &Id)> {
        self.record.org.as_ref().zip(Some(&self.record.subject))
    }

    pub(super) fn credential(&self, id: Id, hint: String) -> Credential {
        let record = &self.record;
        Credential {
            id,
            api: self.maker.api.clone(),
            scheme: self.maker.scheme.clone(),
            name: record.name.clone(),
            hint,
            external_id: record.external_id.clone(),
            subject: record.subject.clone(),
            org: record.org.clone(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: None,
            revoke_reason: None,
            disabled: false,
            ceiling: record.ceiling,
            grants: record.grants.clone(),
            scopes: record.scopes.clone(),
            audience: record.audience.clone(),
            client_id: record.client_id.clone(),
            addresses: record.addresses.clone(),
            limits: record.limits.clone(),
            metadata: record.metadata.clone(),
            last_used_at: None,
            version: 1,
        }
    }
}

/// What the scheme makes of fields that are otherwise free.
fn needs(fields: &mut Fields, scheme: &Scheme) {
    let issue = &scheme.issue;
    if (issue.org_required || issue.members_only) && !fields.has("org") {
        fields.refuse("org", "is required by the scheme");
    }
    if scheme.bound && !fields.has("audience") {
        fields.refuse("audience", "is required by the scheme");
    }
}

/// `None` when the api was refused, and so nobody can tell.
fn scheme_of<'a>(api: Option<&'a Api>, name: &str) -> Judged<Option<&'a Scheme>> {
    let Some(api) = api else { return Ok(None) };
    let found = api.schemes.iter().find(|scheme| *scheme.name == *name);
    found.map(Some).ok_or_else(|| "is not a scheme of the api".into())
}

/// Whether the api has a limit of that name, which a credential can override: one that no credential is counted by has none.
pub(super) fn has_limit(api: &Api, name: &str) -> bool {
    let overridden = |rule: &Rule| matches!(rule.when, When::Any | When::Authenticated);
    api.limits.rules.iter().any(|rule| *rule.name == *name && overridden(rule))
}
