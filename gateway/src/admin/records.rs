//! Subjects and resources, judged: what a PUT makes of a record, and a PATCH changes of one.

use std::collections::{BTreeMap, BTreeSet};

use decision::facts::{Level, Resource, ResourceState, Subject, SubjectKind, SubjectState};
use decision::name::Id;
use serde_json::{Map, Value};

use super::fields::{Fields, Judged};
use super::given::Given;
use super::problem::Problem;
use super::{rules, words};

/// What is given of a subject.
pub(super) struct SubjectFields {
    kind: Given<SubjectKind>,
    state: Given<SubjectState>,
    admin: Given<bool>,
    capabilities: Given<BTreeSet<Id>>,
    metadata: Given<Map<String, Value>>,
}

impl SubjectFields {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Problem> {
        let sent = &mut fields;
        let read = Self {
            kind: sent.change_text("kind", words::one_of(&words::SUBJECT_KINDS)),
            state: sent.change_text("state", words::one_of(&words::SUBJECT_STATES)),
            admin: sent.change("admin", rules::flag),
            capabilities: sent.change("capabilities", rules::ids),
            metadata: sent.change("metadata", rules::metadata),
        };
        fields.end()?;
        Ok(read)
    }

    /// The record that is a subject without one: an active user.
    pub(super) fn blank(id: Id) -> Subject {
        Subject {
            id,
            kind: SubjectKind::User,
            state: SubjectState::Active,
            admin: false,
            capabilities: BTreeSet::new(),
            metadata: Map::new(),
            version: 1,
        }
    }

    pub(super) fn apply(&self, subject: &mut Subject) {
        self.kind.put_or(&mut subject.kind, SubjectKind::User);
        self.state.put_or(&mut subject.state, SubjectState::Active);
        self.admin.put_or_default(&mut subject.admin);
        self.capabilities.put_or_default(&mut subject.capabilities);
        self.metadata.put_or_default(&mut subject.metadata);
    }
}

/// What is given of a resource, likewise.
pub(super) struct ResourceFields {
    kind: Option<String>,
    parent: Given<Id>,
    state: Given<ResourceState>,
    capabilities: Given<BTreeSet<Id>>,
    plan: Given<String>,
    members: Given<BTreeMap<Id, Level>>,
    metadata: Given<Map<String, Value>>,
}

impl ResourceFields {
    /// `whole`: every field that has no value of its own when it is left out must be given.
    pub(super) fn read(mut fields: Fields, whole: bool) -> Result<Self, Problem> {
        let sent = &mut fields;
        let kind = if whole {
            sent.required("kind", word)
        } else {
            match sent.change_text("kind", word) {
                Given::Not => None,
                Given::Null => {
                    sent.refuse("kind", "must not be null");
                    None
                }
                Given::Value(kind) => Some(kind),
            }
        };
        let read = Self {
            kind,
            parent: sent.change_text("parent", rules::id),
            state: sent.change_text("state", words::one_of(&words::RESOURCE_STATES)),
            capabilities: sent.change("capabilities", rules::ids),
            plan: sent.change_text("plan", word),
            members: sent.change("members", rules::members),
            metadata: sent.change("metadata", rules::metadata),
        };
        fields.end()?;
        Ok(read)
    }

    pub(super) fn blank(id: Id) -> Resource {
        Resource {
            id,
            kind: String::new(),
            parent: None,
            state: ResourceState::Ok,
            capabilities: BTreeSet::new(),
            plan: None,
            members: None,
            metadata: Map::new(),
            version: 1,
        }
    }

    pub(super) fn apply(&self, resource: &mut Resource) {
        if let Some(kind) = &self.kind {
            resource.kind.clone_from(kind);
        }
        self.parent.put(&mut resource.parent);
        self.state.put_or(&mut resource.state, ResourceState::Ok);
        self.capabilities.put_or_default(&mut resource.capabilities);
        self.plan.put(&mut resource.plan);
        self.members.put(&mut resource.members);
        self.metadata.put_or_default(&mut resource.metadata);
    }
}

/// A kind or a plan: a word of the product's own, by the rule of an id.
pub(super) fn word(text: &str) -> Judged<String> {
    rules::id(text).map(|id| id.to_string())
}
