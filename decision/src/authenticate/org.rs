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
}

impl Org {
    fn recorded(record: Arc<Resource>) -> Self {
        let id = record.id.clone();
        Self { value: visible(id.as_str()), id, record: Some(record) }
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
}

/// The credential's; else the chosen one; else the root of the route's resource, if the subject is a member of it; else none.
pub(super) fn of_request<'s>(
    question: &Question<'s>,
    fact: &Fact,
    realm: Realm<'_>,
) -> Result<Option<Org>, Stop<'s>> {
    if let (Some(id), Some(value)) = (&fact.credential.org, &fact.org) {
        let (id, value, record) = (id.clone(), value.clone(), realm.org(fact)?);
        return Ok(Some(Org { id, value, record }));
    }
    let subject = &fact.credential.subject;
    match &question.choice {
        Choice::None => {}
        Choice::Unreadable => return refuse(Outcome::OrgNotMember, "the org chosen is no id"),
        Choice::Org(id) => {
            let why = match realm.resource(id)? {
                None => "there is no record of the org chosen",
                Some(org) if org.parent.is_some() => "what was chosen is no org",
                Some(org) if !names(&org, subject) => "the org chosen does not name the subject",
                Some(org) => return Ok(Some(Org::recorded(org))),
            };
            return refuse(Outcome::OrgNotMember, why);
        }
    }
    let Some(resource) = &question.resource else { return Ok(None) };
    let lineage = realm.lineage(resource)?;
    let root = lineage.and_then(|lineage| lineage.root_record().cloned());
    Ok(root.filter(|root| names(root, subject)).map(Org::recorded))
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
