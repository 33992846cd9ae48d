//! The path of a request through the gateway's judgement, top to bottom.
//!
//! [`ask`] takes it as far as a head alone can be judged; [`Question::authenticate`] and [`Question::authorize`] take it on from
//! what is known of its credential, subject and resources, and between them stand the limits. The order is part of the contract
//! (section 4): the first failure decides what a client is told.

pub(crate) mod realm;
mod refused;
pub(crate) mod step;

use std::borrow::Cow;
use std::net::IpAddr;

pub use refused::{Needed, Refused};
pub use step::Step;

use crate::addresses::Addresses;
use crate::authenticate::{Authenticated, Presented, authenticate, recognise};
use crate::authorize::{Permit, authorize};
use crate::config::snapshot::{Api, Auth, ResourceSource, Rewrite, Route, Scheme, Snapshot};
use crate::credential::{self, Unreadable};
use crate::dialect::Answer;
use crate::facts::{Known, Level, Timestamp};
use crate::forwarded;
use crate::name::Id;
use crate::outcome::Outcome;
use crate::path::{normalise, segment};
use crate::request::{Edits, FieldSet, Framing, RequestHead};
use crate::route::{Found, Host};
use crate::secret::Peppers;

/// A request that needs no more than facts to be decided.
#[derive(Debug)]
pub struct Question<'s> {
    pub(crate) api: &'s Api,
    pub(crate) route: &'s Route,
    pub(crate) client_ip: IpAddr,
    pub(crate) presented: Option<Presented<'s>>,
    /// The resource that the route names.
    pub(crate) resource: Option<Id>,
    /// The organisation that the path names, where the route holds it against the request's.
    pub(crate) org: Option<Id>,
    pub(crate) choice: Choice,
    /// What the route asks for this method.
    pub(crate) level: Option<Level>,
    /// What the route asks for this method.
    pub(crate) scopes: &'s [Id],
    pub(crate) edits: Edits,
}

/// Which of the credential's organisations the client picks, where its scheme lets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    None,
    Org(Id),
    /// What it says names none.
    Unreadable,
}

/// Judges a head alone: the stages route and credential, and of authenticate what needs no fact.
pub fn ask<'s>(
    snapshot: &'s Snapshot,
    peppers: &Peppers,
    head: &RequestHead<'_>,
) -> Result<Question<'s>, Refused<'s>> {
    // Before all else, because what is removed from a head is a set of positions of this many.
    if head.fields.len() > FieldSet::CAPACITY {
        return Err(Refused::of(
            Outcome::HeadTooLarge,
            "the head has more fields than can be edited",
        ));
    }
    // Only a path with one meaning is matched, and the path that is matched is the one that is sent. The host chooses the api,
    // and the api how a refusal is spoken, that of a path too.
    let (api, path) = (choose_api(snapshot, head), normalise(head.path));
    let path = path.map_err(|error| {
        let refused = Refused::of(Outcome::RequestMalformed, error.reason());
        if let Ok(api) = &api { refused.by(api) } else { refused }
    })?;
    let api = api?;
    let client_ip = forwarded::client_ip(head);
    let route = choose_route(api, head, client_ip, &path).map_err(|refused| refused.by(api))?;
    let refused = |refused: Refused<'s>| refused.by(api).on(route);
    let (resource, org) = named_in(route, &path).map_err(refused)?;
    // Last of what is known without asking who it is: nobody's credential makes room for this body.
    if matches!(head.framing, Framing::Sized(size) if size > route.body_limit) {
        return Err(refused(Refused::of(
            Outcome::BodyTooLarge,
            "the declared body is larger than the route takes",
        )));
    }
    let mut edits = Edits::default();
    let (presented, query) = if route.auth == Auth::None {
        // A login path sees its own credentials.
        (None, head.query.map(Cow::Borrowed))
    } else {
        let candidate = read_credential(api, route, head).map_err(refused)?;
        let kept = candidate
            .as_ref()
            .filter(|_| route.forward_credential)
            .map(|candidate| candidate.place);
        let query = credential::empty(api, kept, head, &mut edits);
        // Here the secret ends; from now on there is only its digest.
        let presented =
            candidate.map(|candidate| recognise(api, route, &candidate, peppers)).transpose();
        (presented.map_err(refused)?, query)
    };
    remove_what_is_ours_to_say(snapshot, head, &mut edits);
    edits.target = target(&route.rewrite, &path, query.as_deref(), head);
    let requirement = &route.requirement;
    Ok(Question {
        api,
        route,
        client_ip,
        choice: presented.as_ref().map_or(Choice::None, |presented| choice(presented.scheme, head)),
        presented,
        resource,
        org,
        level: requirement.level.get(head.method).copied(),
        scopes: requirement.scopes.get(head.method).map_or(&[], Vec::as_slice),
        edits,
    })
}

/// The answer to a preflight, which is given before anybody is asked who they are; `None`: the request is none, or its host has no
/// api that knows other origins, or its path has no meaning.
pub fn preflight<'s>(snapshot: &'s Snapshot, head: &RequestHead<'_>) -> Option<(&'s Api, Answer)> {
    if head.method != "OPTIONS" {
        return None;
    }
    let api = choose_api(snapshot, head).ok()?;
    let answer = api.cors.as_ref()?.preflight(head)?;
    normalise(head.path).is_ok().then_some((api, answer))
}

impl<'s> Question<'s> {
    pub fn api(&self) -> &'s Api {
        self.api
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    /// See [`forwarded::client_ip`].
    pub fn client_ip(&self) -> IpAddr {
        self.client_ip
    }

    /// The stage authenticate, on what is known now. Who is asking comes before what they may: a client learns of permissions
    /// only in its own name.
    ///
    /// If it wants a *credential*, or refuses one that [is not live](crate::authenticate::is_not_live) without having wanted it,
    /// then this is the point at which `failures` rules are asked.
    pub fn authenticate(
        &self,
        known: &dyn Known,
        now: Timestamp,
    ) -> Result<Step<Authenticated<'s>>, Refused<'s>> {
        Step::of(authenticate(self, known, now)).map_err(|refused| self.about(refused))
    }

    /// The stage authorize. It rests on the records with which `authenticated` was made, and on further ones: if it wants one,
    /// both stages are asked anew.
    pub fn authorize<'q>(
        &'q self,
        authenticated: Authenticated<'q>,
        known: &dyn Known,
    ) -> Result<Step<Permit<'q>>, Refused<'q>> {
        Step::of(authorize(self, authenticated, known)).map_err(|refused| self.about(refused))
    }

    /// A refusal at a stage that the request has reached.
    pub fn refused(&self, outcome: Outcome, why: &'static str) -> Refused<'s> {
        let refused = self.about(Refused::of(outcome, why));
        match &self.presented {
            Some(presented) => refused.presenting(presented.scheme),
            None => refused,
        }
    }

    /// Adds what is known of the request.
    pub(crate) fn about<'q>(&self, refused: Refused<'q>) -> Refused<'q>
    where
        's: 'q,
    {
        let resource = self.resource.clone();
        Refused { resource, ..refused.by(self.api).on(self.route) }
    }
}

/// No falling back from one api to another: a host that has an api has no other.
fn choose_api<'s>(snapshot: &'s Snapshot, head: &RequestHead<'_>) -> Result<&'s Api, Refused<'s>> {
    let host = Host::parse(head.host)
        .ok_or_else(|| Refused::of(Outcome::RequestMalformed, "the host is no valid authority"))?;
    let hosts = snapshot
        .hosts
        .get(head.listener)
        .ok_or_else(|| Refused::of(Outcome::Internal, "the listener has no hosts"))?;
    hosts
        .find(&host)
        .and_then(|api| snapshot.apis.get(api))
        .ok_or_else(|| Refused::of(Outcome::HostUnknown, "no api has this host"))
}

/// The api's addresses, the path, the route's addresses, the method. Whom every route of a path keeps out learns nothing of its
/// methods either.
fn choose_route<'s>(
    api: &'s Api,
    head: &RequestHead<'_>,
    client_ip: IpAddr,
    path: &str,
) -> Result<&'s Route, Refused<'s>> {
    let permits = |addresses: Option<&Addresses>| {
        addresses.is_none_or(|addresses| addresses.permit(client_ip))
    };
    let denied = || Refused::of(Outcome::AddressDenied, "the client's address is not allowed");
    if !permits(api.addresses.as_ref()) {
        return Err(denied());
    }
    let junction = api
        .routes
        .find(path)
        .ok_or_else(|| Refused::of(Outcome::RouteUnknown, "no route has this path"))?;
    let found = junction.choose(head.method, head.fields);
    if let Found::Route(route) = found {
        let permitted = permits(route.addresses.as_ref());
        return if permitted { Ok(route) } else { Err(denied().on(route)) };
    }
    if !junction.routes().any(|route| permits(route.addresses.as_ref())) {
        return Err(denied());
    }
    Err(match found {
        Found::MethodNotAllowed(allow) => {
            Refused::of(Outcome::MethodNotAllowed, "no route of this path has the method")
                .allowing(allow)
        }
        _ => Refused::of(
            Outcome::RouteUnknown,
            "every route of this path and method asks for other fields",
        ),
    })
}

/// The resource and the organisation that the route finds in its path.
fn named_in<'s>(route: &Route, path: &str) -> Result<(Option<Id>, Option<Id>), Refused<'s>> {
    let id = |position: usize| {
        let id = segment(path, position).and_then(|segment| Id::new(&segment));
        let why = "a segment of the path that names a resource or an org is no id";
        id.ok_or_else(|| Refused::of(Outcome::RequestMalformed, why))
    };
    let resource = match route.requirement.resource.as_ref().map(|resource| &resource.source) {
        None => None,
        Some(ResourceSource::Segment(position)) => Some(id(*position)?),
        Some(ResourceSource::Literal(resource)) => Some(resource.clone()),
    };
    Ok((resource, route.requirement.org.map(id).transpose()?))
}

/// What the client says in the one field in which a scheme lets it choose. Twice is not once: which of two is meant nobody
/// knows.
fn choice(scheme: &Scheme, head: &RequestHead<'_>) -> Choice {
    let Some(name) = &scheme.choose_org else { return Choice::None };
    let mut fields = head.fields.iter().filter(|field| field.is(name.as_str()));
    let (Some(field), second) = (fields.next(), fields.next()) else { return Choice::None };
    if second.is_none() && field.value.is_empty() {
        return Choice::None;
    }
    let id = std::str::from_utf8(field.value).ok().and_then(Id::new);
    id.filter(|_| second.is_none()).map_or(Choice::Unreadable, Choice::Org)
}

/// Missing, malformed, ambiguous, taken by no scheme. Whether a credential is needed is decided here and nowhere else.
fn read_credential<'s, 'h>(
    api: &Api,
    route: &Route,
    head: &RequestHead<'h>,
) -> Result<Option<credential::Candidate<'h>>, Refused<'s>> {
    match credential::read(api, route.accept, head) {
        Ok(None) if route.auth == Auth::Required => {
            Err(Refused::of(Outcome::CredentialMissing, "no place has a credential"))
        }
        Ok(candidate) => Ok(candidate),
        Err(Unreadable::BearerAlone) => {
            Err(Refused::of(Outcome::CredentialMalformed, "'Bearer' is followed by nothing"))
        }
        Err(Unreadable::Malformed(why)) => {
            Err(Refused::of(Outcome::CredentialMalformed, why).with_credential())
        }
        Err(Unreadable::Ambiguous(why)) => {
            Err(Refused::of(Outcome::CredentialAmbiguous, why).with_credential())
        }
        Err(Unreadable::Untaken) => {
            Err(Refused::of(Outcome::CredentialUnknown, "no scheme takes the credential")
                .with_credential())
        }
    }
}

/// What a client says of who is asking, and of whom it speaks for, is removed on every route, public ones included.
fn remove_what_is_ours_to_say(snapshot: &Snapshot, head: &RequestHead<'_>, edits: &mut Edits) {
    let trusted = forwarded::peer_is_trusted(head);
    for (position, field) in head.fields.iter().enumerate() {
        if snapshot.identity_names.contains(field.name) || !forwarded::travels(field.name, trusted)
        {
            edits.removed.insert(position);
        }
    }
}

/// The target to send: the normalised path after the route's rewrite, and the query less a credential. `None`: all of it is
/// as it came.
fn target(
    rewrite: &Rewrite,
    path: &str,
    query: Option<&str>,
    head: &RequestHead<'_>,
) -> Option<String> {
    if rewrite.strip == 0 && rewrite.add.is_empty() && path == head.path && query == head.query {
        return None;
    }
    // What is stripped is whole literal segments of the route's own path, so every path that it matched begins with them.
    let kept = path.get(rewrite.strip..).unwrap_or_default();
    let mut target =
        String::with_capacity(rewrite.add.len() + kept.len() + 2 + query.map_or(0, str::len));
    target.push_str(&rewrite.add);
    target.push_str(kept);
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    Some(target)
}

#[cfg(test)]
mod tests;
