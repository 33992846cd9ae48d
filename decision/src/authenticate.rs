//! Who is asking: from a credential's value to a [`Principal`].
//!
//! In two halves around the only I/O before forwarding: [`recognise`] says what has to be looked up, [`authenticate`] judges
//! what was found.

use std::sync::Arc;

use crate::config::snapshot::{Api, Route, Scheme};
use crate::credential::{Candidate, accepts};
use crate::decide::Refused;
use crate::facts::{CredentialState, Fact, FactKey, Lookup, Timestamp};
use crate::outcome::Outcome;
use crate::secret::{Digest, Pepper, checksum_holds, has_minted_form};

/// The credential of a request after its secret is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented<'s> {
    pub(crate) scheme: &'s Scheme,
    pub(crate) wanted: Wanted,
}

/// What the gateway is to look up: in its cache by `key`, in the store by `digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub key: FactKey,
    pub digest: Digest,
}

/// The verified identity behind a request.
#[derive(Debug)]
pub struct Principal<'s> {
    scheme: &'s Scheme,
    fact: Arc<Fact>,
}

impl<'s> Principal<'s> {
    pub fn scheme(&self) -> &'s Scheme {
        self.scheme
    }

    pub fn fact(&self) -> &Arc<Fact> {
        &self.fact
    }
}

/// Proof that a request has passed this stage; nothing else makes one. Without a principal it is anonymous.
#[derive(Debug)]
pub(crate) struct Authenticated<'s> {
    principal: Option<Principal<'s>>,
}

impl<'s> Authenticated<'s> {
    pub(crate) fn into_principal(self) -> Option<Principal<'s>> {
        self.principal
    }
}

/// What can be said before anything is looked up: whether the route takes this kind of credential, and whether it is
/// mistyped. Here the secret ends.
pub(crate) fn recognise<'s>(
    api: &'s Api,
    route: &'s Route,
    candidate: &Candidate<'_>,
    pepper: &Pepper,
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
    let digest = pepper.digest(&candidate.value);
    Ok(Presented { scheme, wanted: Wanted { key: FactKey::new(&api.mask, &digest), digest } })
}

/// Judges what is known of the credential, in the order of the contract. `presented` is `None` only where the route lets
/// requests without a credential through.
pub(crate) fn authenticate<'s>(
    api: &'s Api,
    presented: Option<Presented<'s>>,
    lookup: Option<Lookup>,
    now: Timestamp,
) -> Result<Authenticated<'s>, Refused<'s>> {
    let Some(Presented { scheme, .. }) = presented else {
        return Ok(Authenticated { principal: None });
    };
    let refused = |outcome, why| Refused::of(outcome, why).presenting(scheme);
    let fact = match lookup {
        Some(Lookup::Found(fact)) => fact,
        Some(Lookup::Unknown) => {
            return Err(refused(Outcome::CredentialUnknown, "the store has no such credential"));
        }
        Some(Lookup::Unavailable) | None => {
            return Err(refused(
                Outcome::StoreUnavailable,
                "nobody could say whose the credential is",
            ));
        }
    };
    // A value belongs to one scheme alone: what was registered under another is not this credential.
    if *fact.credential.api != *api.name || *fact.credential.scheme != *scheme.name {
        return Err(refused(
            Outcome::CredentialUnknown,
            "the credential is registered under another scheme",
        ));
    }
    // Against the clock at each request: how long a fact may be cached says nothing of how long it is good.
    let (outcome, why) = match fact.credential.state(now) {
        CredentialState::Active => {
            return Ok(Authenticated { principal: Some(Principal { scheme, fact }) });
        }
        CredentialState::Revoked => (Outcome::CredentialRevoked, "the credential is revoked"),
        CredentialState::Disabled => (Outcome::CredentialDisabled, "the credential is disabled"),
        CredentialState::Expired => (Outcome::CredentialExpired, "the credential has expired"),
    };
    Err(refused(outcome, why).known_as(fact))
}

#[cfg(test)]
mod tests;
