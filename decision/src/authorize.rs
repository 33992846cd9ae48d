//! May they: from a principal to a [`Permit`].

use http::HeaderValue;

use crate::authenticate::{Authenticated, Org, Principal};
use crate::config::snapshot::{Api, Route, UnknownResource};
use crate::decide::realm::{Lineage, Membership, Realm};
use crate::decide::step::Stop;
use crate::decide::{Needed, Question, Refused};
use crate::facts::{Known, Level, Resource, visible};
use crate::name::Id;
use crate::outcome::{Blame, Outcome};
use crate::request::Edits;

/// Proof that one request may go on over one route; nothing else makes one. Identity headers and the upstream's head are
/// built from it alone.
#[derive(Debug)]
pub struct Permit<'q> {
    question: &'q Question<'q>,
    authenticated: Authenticated<'q>,
    level: Option<Level>,
    resource_value: Option<HeaderValue>,
    /// What the stage would have refused it with, had it not been in shadow.
    shadowed: Option<Outcome>,
}

impl<'q> Permit<'q> {
    pub fn api(&self) -> &'q Api {
        self.question.api
    }

    pub fn route(&self) -> &'q Route {
        self.question.route
    }

    /// `None` = anonymous.
    pub fn principal(&self) -> Option<&Principal<'q>> {
        self.authenticated.principal()
    }

    /// The resource that the request is about; `None` where the route names none.
    pub fn resource(&self) -> Option<&Id> {
        self.question.resource.as_ref()
    }

    /// Its id, ready to be sent.
    pub(crate) fn resource_value(&self) -> Option<&HeaderValue> {
        self.resource_value.as_ref()
    }

    /// What may be done with the resource; `None` where the route names none, or where a stage in shadow would have refused it.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// The level that the route asks for this method; `read` where it names none.
    pub(crate) fn needed(&self) -> Level {
        self.question.level.unwrap_or(Level::Read)
    }

    /// The outcome with which the stage authorize would have refused it, were it not in shadow on this route.
    pub fn shadowed(&self) -> Option<Outcome> {
        self.shadowed
    }

    /// What is done to the client's head; the identity headers come after it.
    pub fn edits(&self) -> &Edits {
        &self.question.edits
    }

    /// A refusal of this request at a later stage.
    pub fn refused(&self, outcome: Outcome, why: &'static str) -> Refused<'q> {
        self.question.about(self.authenticated.refused(outcome, why))
    }
}

/// Judges what the principal may do, in the order of the contract.
pub(crate) fn authorize<'q>(
    question: &'q Question<'q>,
    authenticated: Authenticated<'q>,
    known: &dyn Known,
) -> Result<Permit<'q>, Stop<'q>> {
    // Where nobody has to be known the route asks nothing of whoever comes: the configuration says so or is refused.
    let (level, shadowed) = match authenticated.principal() {
        None => (None, None),
        Some(principal) => match judge(question, principal, Realm::of(question.api, known)) {
            Ok(level) => (level, None),
            // Of a level that was refused the upstream is told nothing. That nobody can say is no *no*, and never an open door.
            Err(Stop::Refused(refused))
                if question.route.shadow.authorize && refused.outcome.blame() == Blame::Client =>
            {
                (None, Some(refused.outcome))
            }
            Err(stop) => {
                return Err(stop.adding(|refused| refused.of_principal(principal)));
            }
        },
    };
    let resource_value = question.resource.as_ref().map(|resource| visible(resource.as_str()));
    Ok(Permit { question, authenticated, level, resource_value, shadowed })
}

/// The stage in its order; `Ok` has what may be done with the resource, if the route names one.
fn judge<'s>(
    question: &Question<'s>,
    principal: &Principal<'_>,
    realm: Realm<'_>,
) -> Result<Option<Level>, Stop<'s>> {
    let requirement = &question.route.requirement;
    let needed = question.level.unwrap_or(Level::Read);
    if let Some(org) = principal.org().and_then(|org| org.record()) {
        judge_state(question, org, needed)?;
    }
    if let Some(named) = &question.org
        && principal.org().map(Org::id) != Some(named)
    {
        return refuse(Outcome::OrgMismatch, "the path names another org than the request's");
    }
    if requirement.subject_admin && !principal.subject_record().is_some_and(|record| record.admin) {
        return refuse(Outcome::AdminRequired, "the subject is not marked admin");
    }
    let lineage = match &question.resource {
        Some(resource) => realm.lineage(resource)?,
        None => None,
    };
    let refused_unknown = requirement
        .resource
        .as_ref()
        .is_some_and(|resource| resource.unknown == UnknownResource::Refuse);
    if lineage.is_none() && refused_unknown {
        return refuse(Outcome::ResourceUnknown, "there is no record of the resource");
    }
    // What was above it is unknown again, and with it whose it is and who may: no route lets that pass.
    if lineage.as_ref().is_some_and(|lineage| lineage.root().is_none()) {
        return refuse(Outcome::ResourceUnknown, "there is no record of one above the resource");
    }
    // An org that the resource itself has led to is its root.
    if let (Some(lineage), Some(org)) = (&lineage, principal.org())
        && lineage.root() != Some(org.id())
    {
        return refuse(Outcome::ResourceForbidden, "the resource is another org's");
    }
    judge_capabilities(question.route, principal, lineage.as_ref())?;
    for link in lineage.iter().flat_map(Lineage::links) {
        judge_state(question, link, needed)?;
    }
    let level = judge_level(question, principal, lineage.as_ref(), needed)?;
    judge_scopes(question, principal)?;
    Ok(level)
}

fn judge_state<'s>(
    question: &Question<'s>,
    record: &Resource,
    needed: Level,
) -> Result<(), Stop<'s>> {
    if question.api.states.left(record.state) >= Some(needed) {
        return Ok(());
    }
    let why = "the state of the org, the resource or one above it leaves less than is needed";
    let refused = Refused::of(Outcome::ResourceRestricted, why);
    Err(refused.needing(Needed::Level(needed)).into())
}

/// Where the resource has no record, it holds none.
fn judge_capabilities<'s>(
    route: &'s Route,
    principal: &Principal<'_>,
    lineage: Option<&Lineage>,
) -> Result<(), Stop<'s>> {
    let needed = &route.requirement.capabilities;
    let held = |id: &Id| {
        principal.subject_record().is_some_and(|subject| subject.capabilities.contains(id))
            || principal
                .org()
                .and_then(|org| org.record())
                .into_iter()
                .chain(lineage.into_iter().flat_map(Lineage::links))
                .any(|record| record.capabilities.contains(id))
    };
    if needed.iter().all(held) {
        return Ok(());
    }
    let why = "neither the subject, the org nor the resource holds every capability";
    let refused = Refused::of(Outcome::CapabilityMissing, why);
    Err(refused.needing(Needed::Capabilities(needed)).into())
}

/// min(ceiling, grants, members) of the resource, each of which may restrict nothing. Without a resource the ceiling alone is
/// held against the level that the route asks for, if it does.
fn judge_level<'s>(
    question: &Question<'s>,
    principal: &Principal<'_>,
    lineage: Option<&Lineage>,
    needed: Level,
) -> Result<Option<Level>, Stop<'s>> {
    let credential = &principal.fact().credential;
    let mut level = credential.ceiling.unwrap_or(Level::Admin);
    if let Some(resource) = &question.resource {
        if let Some(grants) = &credential.grants {
            let Some(granted) = grants.get(resource) else {
                let why = "the credential has no grant for the resource";
                return refuse(Outcome::ResourceForbidden, why);
            };
            level = level.min(*granted);
        }
        match lineage.map(|lineage| lineage.membership(&credential.subject)) {
            None | Some(Membership::Anyone) => {}
            Some(Membership::Member(held)) => level = level.min(held),
            Some(Membership::Stranger) => {
                let why = "the subject is no member of the resource";
                return refuse(Outcome::ResourceForbidden, why);
            }
        }
    }
    if level < needed {
        let why = "the least of ceiling, grants and members is below what is needed";
        let refused = Refused::of(Outcome::LevelInsufficient, why);
        return Err(refused.needing(Needed::Level(needed)).into());
    }
    Ok(question.resource.as_ref().map(|_| level))
}

fn judge_scopes<'s>(question: &Question<'s>, principal: &Principal<'_>) -> Result<(), Stop<'s>> {
    let needed = question.scopes;
    match &principal.fact().credential.scopes {
        Some(held) if !needed.iter().all(|scope| held.contains(scope)) => {
            let why = "the credential lacks a scope";
            let refused = Refused::of(Outcome::ScopeInsufficient, why);
            Err(refused.needing(Needed::Scopes(needed)).into())
        }
        _ => Ok(()),
    }
}

fn refuse<'s, T>(outcome: Outcome, why: &'static str) -> Result<T, Stop<'s>> {
    Err(Refused::of(outcome, why).into())
}
