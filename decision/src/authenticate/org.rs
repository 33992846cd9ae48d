//! The organisation of a request (contract, section 4, "The org of a request").

use std::sync::Arc;

use http::HeaderValue;

use super::{names, refuse};
use crate::config::snapshot::Scheme;
use crate::decide::realm::Realm;
use crate::decide::step::Stop;
use crate::decide::{Choice, Question};
use crate::facts::{Fact, Resource, visible};
use crate::name::Id;
use crate::outcome::Outcome;

/// The organisation that a request is made in.
#[derive(Debug)]
pub struct Org {
    id: Id,
    value: HeaderValue,
    record: Option<Arc<Resource>>,
    source: OrgSource,
}

/// Who says which organisation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrgSource {
    /// The credential is for this one alone.
    Credential,
    /// The client chose it among the credential's.
    Choice,
    /// It is the root of the route's resource.
    Resource,
}

impl Org {
    fn new(id: &Id, record: Option<Arc<Resource>>, source: OrgSource) -> Self {
        Self { id: id.clone(), value: visible(id.as_str()), record, source }
    }

    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Its id, ready to be sent.
    pub fn value(&self) -> &HeaderValue {
        &self.value
    }

    /// `None` = there is no record of it.
    pub fn record(&self) -> Option<&Arc<Resource>> {
        self.record.as_ref()
    }

    pub fn source(&self) -> OrgSource {
        self.source
    }
}

/// The credential's; else the chosen one; else the root of the route's resource, if the subject is a member of it; else none.
pub(super) fn of_request<'s>(
    question: &Question<'s>,
    fact: &Fact,
    realm: Realm<'_>,
) -> Result<Option<Org>, Stop<'s>> {
    if let (Some(id), Some(value)) = (&fact.credential.org, &fact.org) {
        let (id, value, record) = (id.clone(), value.clone(), realm.org(fact)?);
        return Ok(Some(Org { id, value, record, source: OrgSource::Credential }));
    }
    let subject = &fact.credential.subject;
    match &question.choice {
        Choice::None => {}
        Choice::Unreadable => return refuse(Outcome::OrgNotMember, "the org chosen is no id"),
        Choice::Org(id) => {
            let record = realm.resource(id)?;
            let why = match &record {
                None => "there is no record of the org chosen",
                Some(org) if org.parent.is_some() => "what was chosen is no org",
                Some(org) if !names(org, subject) => "the org chosen does not name the subject",
                Some(_) => return Ok(Some(Org::new(id, record, OrgSource::Choice))),
            };
            return refuse(Outcome::OrgNotMember, why);
        }
    }
    let Some(resource) = &question.resource else { return Ok(None) };
    let lineage = realm.lineage(resource)?;
    let root = lineage.and_then(|lineage| lineage.root_record().cloned());
    let root = root.filter(|root| names(root, subject));
    Ok(root.map(|root| Org::new(&root.id.clone(), Some(root), OrgSource::Resource)))
}

/// What a scheme asks of the organisation.
pub(super) fn judge<'s>(scheme: &Scheme, fact: &Fact, org: Option<&Org>) -> Result<(), Stop<'s>> {
    let issue = &scheme.issue;
    if !issue.org_required && !issue.members_only {
        return Ok(());
    }
    let Some(org) = org else {
        return refuse(Outcome::OrgMissing, "the scheme needs an org, and the request has none");
    };
    let member = |record: &Arc<Resource>| names(record, &fact.credential.subject);
    if issue.members_only && !org.record.as_ref().is_some_and(member) {
        return refuse(Outcome::OrgNotMember, "the org's members do not name the subject");
    }
    Ok(())
}
