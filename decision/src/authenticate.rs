//! Who is asking: from a credential's value to a [`Principal`].
//!
//! In two halves around the only I/O before forwarding: [`recognise`] says what has to be looked up, [`authenticate`] judges
//! what is known of it, of its subject and of its organisation.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::snapshot::{Api, Route, Scheme};
use crate::credential::{Candidate, accepts};
use crate::decide::realm::Realm;
use crate::decide::step::Stop;
use crate::decide::{Question, Refused};
use crate::facts::{
    CredentialState, Fact, FactKey, Known, Lookup, Resource, Subject, SubjectState, Timestamp,
    Wanted,
};
use crate::name::Id;
use crate::outcome::Outcome;
use crate::secret::{Digests, Peppers, checksum_holds, has_minted_form};

mod org;

pub use org::Org;

/// The credential of a request after its secret is gone: in the cache it is found by its key, in the store by its digest.
#[derive(Clone, Debug)]
pub(crate) struct Presented<'s> {
    pub(crate) scheme: &'s Scheme,
    pub(crate) key: FactKey,
    pub(crate) digests: Digests,
}

/// The verified identity behind a request.
#[derive(Debug)]
pub struct Principal<'s> {
    scheme: &'s Scheme,
    key: FactKey,
    fact: Arc<Fact>,
    subject: Option<Arc<Subject>>,
    org: Option<Org>,
}

impl<'s> Principal<'s> {
    pub fn scheme(&self) -> &'s Scheme {
        self.scheme
    }

    /// That of the credential.
    pub fn key(&self) -> &FactKey {
        &self.key
    }

    pub fn fact(&self) -> &Arc<Fact> {
        &self.fact
    }

    /// The subject's id.
    pub fn subject(&self) -> &Id {
        &self.fact.credential.subject
    }

    /// `None` = there is no record of the subject.
    pub fn subject_record(&self) -> Option<&Arc<Subject>> {
        self.subject.as_ref()
    }

    /// The organisation of the request.
    pub fn org(&self) -> Option<&Org> {
        self.org.as_ref()
    }
}

/// Proof that a request has passed this stage; nothing else makes one. Without a principal it is anonymous.
///
/// It is what limits are counted by.
#[derive(Debug)]
pub struct Authenticated<'s> {
    api: &'s Api,
    route: &'s Route,
    client_ip: IpAddr,
    principal: Option<Principal<'s>>,
}

impl<'s> Authenticated<'s> {
    pub fn api(&self) -> &'s Api {
        self.api
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    /// See [`crate::forwarded::client_ip`].
    pub fn client_ip(&self) -> IpAddr {
        self.client_ip
    }

    /// `None` = anonymous.
    pub fn principal(&self) -> Option<&Principal<'s>> {
        self.principal.as_ref()
    }

    /// The organisation of the request.
    pub fn org(&self) -> Option<&Org> {
        self.principal()?.org()
    }

    /// The plan of the request's organisation.
    pub fn plan(&self) -> Option<&str> {
        self.org()?.record()?.plan.as_deref()
    }

    /// A refusal of this request at a later stage.
    pub fn refused(&self, outcome: Outcome, why: &'static str) -> Refused<'s> {
        let refused = Refused::of(outcome, why).by(self.api).on(self.route);
        match &self.principal {
            Some(principal) => refused.of_principal(principal),
            None => refused,
        }
    }
}

/// Whether a refusal by [`Question::authenticate`] says that the credential is not live: what `failures` rules may answer in its
/// stead, as in the stead of a look-up of a credential (contract, section 7, `when: refused`).
pub const fn is_not_live(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::CredentialUnknown
            | Outcome::CredentialRevoked
            | Outcome::CredentialDisabled
            | Outcome::CredentialExpired
    )
}

/// What can be said before anything is looked up: whether the route takes this kind of credential, and whether it is
/// mistyped. Here the secret ends.
pub(crate) fn recognise<'s>(
    api: &'s Api,
    route: &'s Route,
    candidate: &Candidate<'_>,
    peppers: &Peppers,
) -> Result<Presented<'s>, Refused<'s>> {
    let Some(scheme) = api.schemes.get(candidate.scheme) else {
        return Err(Refused::of(Outcome::Internal, "a credential's scheme is not the api's"));
    };
    let refused = |outcome, why| Err(Refused::of(outcome, why).presenting(scheme));
    if !accepts(route.accept, candidate.scheme) {
        return refused(Outcome::SchemeNotAccepted, "the route does not accept this scheme");
    }
    if let Some(prefix) = &scheme.prefix
        && scheme.issue.checksum
        && has_minted_form(prefix, &candidate.value)
        && !checksum_holds(&candidate.value)
    {
        return refused(Outcome::CredentialUnknown, "the credential's checksum is wrong");
    }
    let digests = peppers.digests(&candidate.value);
    Ok(Presented { scheme, key: FactKey::new(&api.mask, &digests.current), digests })
}

/// Judges what is known, in the order of the contract. Only where the route lets requests without a credential through is
/// there none to judge.
pub(crate) fn authenticate<'s>(
    question: &Question<'s>,
    known: &dyn Known,
    now: Timestamp,
) -> Result<Authenticated<'s>, Stop<'s>> {
    let of = |principal| Authenticated {
        api: question.api,
        route: question.route,
        client_ip: question.client_ip,
        principal,
    };
    let Some(presented) = &question.presented else { return Ok(of(None)) };
    let scheme = presented.scheme;
    let fact = credential(question.api, presented, known)
        .map_err(|stop| stop.adding(|refused| refused.presenting(scheme)))?;
    match judge(question, presented, &fact, known, now) {
        Ok((subject, org)) => {
            Ok(of(Some(Principal { scheme, key: presented.key, fact, subject, org })))
        }
        Err(stop) => Err(stop.adding(|refused| refused.presenting(scheme).known_as(fact))),
    }
}

/// The record of a credential, whatever its state.
fn credential<'s>(
    api: &Api,
    presented: &Presented<'s>,
    known: &dyn Known,
) -> Result<Arc<Fact>, Stop<'s>> {
    let Presented { scheme, key, digests } = presented;
    let fact = match known.credential(key) {
        None => {
            let digests = digests.clone();
            return Err(Stop::Wants(Wanted::Credential { key: *key, digests }));
        }
        Some(Lookup::Found(fact)) => fact,
        Some(Lookup::Unknown) => {
            return refuse(Outcome::CredentialUnknown, "the store has no such credential");
        }
        Some(Lookup::Unavailable) => {
            return refuse(Outcome::StoreUnavailable, "nobody could say whose the credential is");
        }
    };
    // A value belongs to one scheme alone: what was registered under another is not this credential.
    if *fact.credential.api != *api.name || *fact.credential.scheme != *scheme.name {
        return refuse(
            Outcome::CredentialUnknown,
            "the credential is registered under another scheme",
        );
    }
    Ok(fact)
}

/// All that this stage asks of a credential that is known.
fn judge<'s>(
    question: &Question<'s>,
    presented: &Presented<'s>,
    fact: &Fact,
    known: &dyn Known,
    now: Timestamp,
) -> Result<(Option<Arc<Subject>>, Option<Org>), Stop<'s>> {
    let scheme = presented.scheme;
    let realm = Realm::of(question.api, known);
    // Against the clock at each request: how long a fact may be cached says nothing of how long it is good.
    match fact.credential.state(now) {
        CredentialState::Active => {}
        CredentialState::Revoked => {
            return refuse(Outcome::CredentialRevoked, "the credential is revoked");
        }
        CredentialState::Disabled => {
            return refuse(Outcome::CredentialDisabled, "the credential is disabled");
        }
        CredentialState::Expired => {
            return refuse(Outcome::CredentialExpired, "the credential has expired");
        }
    }
    if let Some(addresses) = &fact.credential.addresses
        && !addresses.iter().any(|network| network.contains(&question.client_ip))
    {
        return refuse(Outcome::AddressDenied, "the credential is not for this client address");
    }
    judge_audience(question.route, scheme, fact)?;
    let subject = realm.subject(fact)?;
    // A subject without a record is active.
    match subject.as_ref().map(|subject| subject.state) {
        None | Some(SubjectState::Active) => {}
        Some(SubjectState::Suspended) => {
            return refuse(Outcome::SubjectSuspended, "the subject is suspended");
        }
        Some(SubjectState::Inactive) => {
            return refuse(Outcome::SubjectInactive, "the subject is inactive");
        }
    }
    let org = org::of_request(question, fact, realm)?;
    org::judge(scheme, fact, org.as_ref())?;
    Ok((subject, org))
}

fn judge_audience<'s>(route: &Route, scheme: &Scheme, fact: &Fact) -> Result<(), Stop<'s>> {
    let why = match (&fact.audience, &route.requirement.audience) {
        (None, None) => return Ok(()),
        (None, Some(_)) if !scheme.bound => return Ok(()),
        (None, Some(_)) => "the credential has no audience, the route has, and the scheme is bound",
        (Some(ours), Some(routes)) if **ours == **routes => return Ok(()),
        (Some(_), Some(_)) => "the credential is for another audience than the route's",
        (Some(_), None) => "the credential is for an audience, and the route names none",
    };
    refuse(Outcome::AudienceMismatch, why)
}

fn refuse<'s, T>(outcome: Outcome, why: &'static str) -> Result<T, Stop<'s>> {
    Err(Refused::of(outcome, why).into())
}

/// Whether a resource's own members name a subject.
fn names(record: &Resource, subject: &Id) -> bool {
    record.members.as_ref().is_some_and(|members| members.contains_key(subject))
}

#[cfg(test)]
mod tests;
