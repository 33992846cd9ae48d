//! Requests under way: whether what let one in still holds (contract, section 9.1).
//!
//! What ends a request is a short list, and not all that would refuse a new one: changed grants, scopes and limits do not.

use std::sync::Arc;

use crate::authorize::Permit;
use crate::config::snapshot::States;
use crate::facts::{
    Credential, CredentialState, Fact, FactKey, Level, Resource, Subject, SubjectState, Timestamp,
};
use crate::name::Id;
use crate::outcome::Outcome;

/// What a request was let in on, for as long as it is under way. It owns all of it.
#[derive(Clone, Debug)]
pub struct Standing {
    credential: FactKey,
    subject: FactKey,
    org: Option<FactKey>,
    /// The credential as it was.
    fact: Arc<Fact>,
    /// The organisation's id, where the credential names none.
    chosen: Option<Id>,
    expires_at: Option<Timestamp>,
    cut_in_flight: bool,
    members_only: bool,
    /// `None`: the route asks for none, because its stage authorize is in shadow.
    needed: Option<Level>,
    states: States,
}

/// What is new of a record that a request was let in on; `None` = there is none any more.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    Credential(Option<&'a Credential>),
    Subject(Option<&'a Subject>),
    /// Of the organisation of the request.
    Org(Option<&'a Resource>),
}

impl Standing {
    /// `None` = it was let in as nobody: no record ends it.
    pub fn of(permit: &Permit<'_>) -> Option<Self> {
        let principal = permit.principal()?;
        let (fact, scheme) = (principal.fact(), principal.scheme());
        let realm = &permit.api().realm_mask;
        let org = principal
            .org()
            .map(|org| fact.org_key(realm).unwrap_or_else(|| FactKey::resource(realm, org.id())));
        Some(Self {
            credential: *principal.key(),
            subject: fact.subject_key(realm),
            org,
            chosen: match principal.org() {
                Some(org) if fact.credential.org.is_none() => Some(org.id().clone()),
                _ => None,
            },
            fact: Arc::clone(fact),
            expires_at: fact.credential.expires_at,
            cut_in_flight: scheme.cut_in_flight,
            members_only: scheme.issue.members_only,
            needed: (!permit.route().shadow.authorize).then(|| permit.needed()),
            states: permit.api().states,
        })
    }

    pub fn credential(&self) -> &FactKey {
        &self.credential
    }

    pub fn subject(&self) -> &FactKey {
        &self.subject
    }

    /// That of the organisation's record; `None` where the request has no organisation.
    pub fn org(&self) -> Option<&FactKey> {
        self.org.as_ref()
    }

    /// The credential that it was let in with, as it was then.
    pub fn fact(&self) -> &Fact {
        &self.fact
    }

    /// `None` where the request has no organisation.
    pub fn org_id(&self) -> Option<&Id> {
        self.chosen.as_ref().or(self.fact.credential.org.as_ref())
    }

    /// The instant at which it ends of itself, with [`Outcome::CredentialExpired`]; `None` = never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at.filter(|_| self.cut_in_flight)
    }

    /// The outcome with which the request ends now, that of a new one; `None` = it goes on, perhaps until another
    /// [`Self::expires_at`].
    ///
    /// `cut_in_flight: false` spares a request the end of its credential, and nothing else: whoever is suspended is out.
    pub fn judge(&mut self, news: News<'_>, now: Timestamp) -> Option<Outcome> {
        match news {
            News::Credential(_) if !self.cut_in_flight => None,
            News::Credential(None) => Some(Outcome::CredentialUnknown),
            News::Credential(Some(credential)) => {
                self.expires_at = credential.expires_at;
                match credential.state(now) {
                    CredentialState::Active => None,
                    CredentialState::Revoked => Some(Outcome::CredentialRevoked),
                    CredentialState::Disabled => Some(Outcome::CredentialDisabled),
                    CredentialState::Expired => Some(Outcome::CredentialExpired),
                }
            }
            News::Subject(subject) => match subject.map(|subject| subject.state) {
                None | Some(SubjectState::Active) => None,
                Some(SubjectState::Suspended) => Some(Outcome::SubjectSuspended),
                Some(SubjectState::Inactive) => Some(Outcome::SubjectInactive),
            },
            News::Org(org) => self.judge_org(org),
        }
    }

    fn judge_org(&self, org: Option<&Resource>) -> Option<Outcome> {
        let named = org
            .and_then(|org| org.members.as_ref())
            .is_some_and(|members| members.contains_key(&self.fact.credential.subject));
        if self.members_only && !named {
            return Some(Outcome::OrgNotMember);
        }
        let left = org.map_or(Some(Level::Admin), |org| self.states.left(org.state));
        (left < self.needed).then_some(Outcome::ResourceRestricted)
    }
}

#[cfg(test)]
mod tests;
