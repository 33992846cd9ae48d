//! What is known, and what is decided on it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::NOW;
use crate::authorize::Permit;
use crate::decide::{Question, Refused, Step};
use crate::facts::{
    Credential, Fact, FactKey, Known, Level, Lookup, Resource, ResourceState, Subject, SubjectKind,
    SubjectState, Timestamp, Wanted, realm_mask,
};
use crate::name::Id;

pub(crate) fn credential(api: &str, scheme: &str) -> Credential {
    Credential {
        id: Id::new("crd_1").unwrap(),
        api: api.to_owned(),
        scheme: scheme.to_owned(),
        name: None,
        hint: "ak_".to_owned(),
        external_id: None,
        subject: Id::new("user_1").unwrap(),
        org: Id::new("org_1"),
        created_at: Timestamp(0),
        expires_at: None,
        revoked_at: None,
        revoke_reason: None,
        disabled: false,
        ceiling: None,
        grants: None,
        scopes: None,
        audience: None,
        client_id: None,
        addresses: None,
        limits: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        last_used_at: None,
        version: 1,
    }
}

pub(crate) fn fact(api: &str, scheme: &str) -> Arc<Fact> {
    Arc::new(Fact::new(credential(api, scheme)))
}

pub(crate) fn subject(id: &str) -> Subject {
    Subject {
        id: Id::new(id).unwrap(),
        kind: SubjectKind::User,
        state: SubjectState::Active,
        admin: false,
        capabilities: BTreeSet::new(),
        metadata: serde_json::Map::new(),
        version: 1,
    }
}

pub(crate) fn resource(id: &str, parent: Option<&str>) -> Resource {
    Resource {
        id: Id::new(id).unwrap(),
        kind: if parent.is_some() { "board" } else { "org" }.to_owned(),
        parent: parent.map(|parent| Id::new(parent).unwrap()),
        state: ResourceState::Ok,
        capabilities: BTreeSet::new(),
        plan: None,
        members: None,
        metadata: serde_json::Map::new(),
        version: 1,
    }
}

pub(crate) fn members(of: &[(&str, Level)]) -> BTreeMap<Id, Level> {
    of.iter().map(|(id, level)| (Id::new(id).unwrap(), *level)).collect()
}

/// What is known: one credential, whatever its key, and subjects and resources of realms. Of what is not said here it is known
/// that there is no record.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) credential: Option<Lookup>,
    subjects: HashMap<FactKey, Option<Lookup<Subject>>>,
    resources: HashMap<FactKey, Option<Lookup<Resource>>>,
    /// Look-ups so far.
    pub(crate) asked: Cell<usize>,
}

impl Records {
    pub(crate) fn of(credential: Option<Lookup>) -> Self {
        Self {
            credential,
            subjects: HashMap::new(),
            resources: HashMap::new(),
            asked: Cell::new(0),
        }
    }

    pub(crate) fn subject(self, realm: &str, subject: Subject) -> Self {
        let id = subject.id.clone();
        self.subject_as(realm, id.as_str(), Some(Lookup::Found(Arc::new(subject))))
    }

    pub(crate) fn subject_as(
        mut self,
        realm: &str,
        id: &str,
        known: Option<Lookup<Subject>>,
    ) -> Self {
        let key = FactKey::subject(&realm_mask(realm), &Id::new(id).unwrap());
        self.subjects.insert(key, known);
        self
    }

    pub(crate) fn resource(self, realm: &str, resource: Resource) -> Self {
        let id = resource.id.clone();
        self.resource_as(realm, id.as_str(), Some(Lookup::Found(Arc::new(resource))))
    }

    pub(crate) fn resource_as(
        mut self,
        realm: &str,
        id: &str,
        known: Option<Lookup<Resource>>,
    ) -> Self {
        let key = FactKey::resource(&realm_mask(realm), &Id::new(id).unwrap());
        self.resources.insert(key, known);
        self
    }
}

impl Known for Records {
    fn credential(&self, _key: &FactKey) -> Option<Lookup> {
        self.asked.set(self.asked.get() + 1);
        self.credential.clone()
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        self.asked.set(self.asked.get() + 1);
        self.subjects.get(key).cloned().unwrap_or(Some(Lookup::Unknown))
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        self.asked.set(self.asked.get() + 1);
        self.resources.get(key).cloned().unwrap_or(Some(Lookup::Unknown))
    }
}

/// Where a decision ended.
#[derive(Debug)]
pub(crate) enum Ended<'q> {
    Permitted(Permit<'q>),
    Refused(Refused<'q>),
    Wants(Wanted),
}

/// Both stages, on what is known, with no limit between them.
pub(crate) fn answer<'q>(question: &'q Question<'q>, known: &Records) -> Ended<'q> {
    let authenticated = match question.authenticate(known, NOW) {
        Ok(Step::Ready(authenticated)) => authenticated,
        Ok(Step::Wants(wanted)) => return Ended::Wants(wanted),
        Err(refused) => return Ended::Refused(refused),
    };
    match question.authorize(authenticated, known) {
        Ok(Step::Ready(permit)) => Ended::Permitted(permit),
        Ok(Step::Wants(wanted)) => Ended::Wants(wanted),
        Err(refused) => Ended::Refused(refused),
    }
}
