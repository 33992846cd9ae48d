//! The path of a request through the gateway's judgement, top to bottom.
//!
//! [`ask`] takes it as far as a head alone can be judged and says what has to be looked up; [`Question::answer`] takes it on
//! from what was found. The order is part of the contract (section 4): the first failure decides what a client is told.

mod refused;

use std::borrow::Cow;

pub use refused::{Needed, Refused};

use crate::authenticate::{Presented, Wanted, authenticate, recognise};
use crate::authorize::{Permit, authorize};
use crate::config::snapshot::{Api, Auth, Rewrite, Route, Snapshot};
use crate::credential::{self, Unreadable};
use crate::facts::{Lookup, Timestamp};
use crate::forwarded;
use crate::outcome::Outcome;
use crate::path::normalise;
use crate::request::{Edits, FieldSet, Framing, RequestHead};
use crate::route::{Found, Host};
use crate::secret::Pepper;

/// A request that needs no more than a fact to be decided.
#[derive(Debug)]
pub struct Question<'s> {
    api: &'s Api,
    route: &'s Route,
    presented: Option<Presented<'s>>,
    edits: Edits,
}

/// Judges a head alone: the stages route and credential, and of authenticate what needs no fact.
pub fn ask<'s>(
    snapshot: &'s Snapshot,
    pepper: &Pepper,
    head: &RequestHead<'_>,
) -> Result<Question<'s>, Refused<'s>> {
    // Before all else, because what is removed from a head is a set of positions of this many.
    if head.fields.len() > FieldSet::CAPACITY {
        return Err(Refused::of(
            Outcome::HeadTooLarge,
            "the head has more fields than can be edited",
        ));
    }
    // The host first: it chooses the api, and the api how a refusal is spoken.
    let api = choose_api(snapshot, head)?;
    let (route, path) = choose_route(api, head).map_err(|refused| refused.by(api))?;
    let refused = |refused: Refused<'s>| refused.by(api).on(route);
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
            candidate.map(|candidate| recognise(api, route, &candidate, pepper)).transpose();
        (presented.map_err(refused)?, query)
    };
    remove_what_is_ours_to_say(snapshot, head, &mut edits);
    edits.target = target(&route.rewrite, &path, query.as_deref(), head);
    Ok(Question { api, route, presented, edits })
}

impl<'s> Question<'s> {
    pub fn api(&self) -> &'s Api {
        self.api
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    /// What has to be looked up; `None` where no credential is at hand or none is asked for.
    pub fn wanted(&self) -> Option<Wanted> {
        self.presented.as_ref().map(|presented| presented.wanted)
    }

    /// Judges what was found: the rest of authenticate, and authorize. A `lookup` that is wanted and missing counts as
    /// unavailable: what nobody asked, nobody knows.
    pub fn answer(self, lookup: Option<Lookup>, now: Timestamp) -> Result<Permit<'s>, Refused<'s>> {
        let Self { api, route, presented, edits } = self;
        let refused = |refused: Refused<'s>| refused.by(api).on(route);
        // Who is asking comes before what they may: a client learns of permissions only in its own name.
        let authenticated = authenticate(api, presented, lookup, now).map_err(refused)?;
        Ok(authorize(api, route, authenticated, edits))
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

/// The path before the route: only a path with one meaning is matched, and the path that is matched is the one that is sent.
fn choose_route<'s, 'h>(
    api: &'s Api,
    head: &RequestHead<'h>,
) -> Result<(&'s Route, Cow<'h, str>), Refused<'s>> {
    let path = normalise(head.path)
        .map_err(|error| Refused::of(Outcome::RequestMalformed, error.reason()))?;
    match api.routes.find(&path, head.method) {
        Found::Route(route) => Ok((route, path)),
        Found::MethodNotAllowed(allow) => {
            Err(Refused::of(Outcome::MethodNotAllowed, "no route of this path has the method")
                .allowing(allow))
        }
        Found::Unknown => Err(Refused::of(Outcome::RouteUnknown, "no route has this path")),
    }
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
