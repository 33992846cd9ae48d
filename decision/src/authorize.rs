//! May they: from a principal to a [`Permit`].

use crate::authenticate::{Authenticated, Principal};
use crate::config::snapshot::{Api, Route};
use crate::request::Edits;

/// Proof that one request may go on over one route; nothing else makes one. Identity headers and the upstream's head are
/// built from it alone.
#[derive(Debug)]
pub struct Permit<'s> {
    api: &'s Api,
    route: &'s Route,
    principal: Option<Principal<'s>>,
    edits: Edits,
}

impl<'s> Permit<'s> {
    pub fn api(&self) -> &'s Api {
        self.api
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    /// `None` = anonymous.
    pub fn principal(&self) -> Option<&Principal<'s>> {
        self.principal.as_ref()
    }

    /// What is done to the client's head; the identity headers come after it.
    pub fn edits(&self) -> &Edits {
        &self.edits
    }
}

/// The permit of a request that has passed every stage before.
pub(crate) fn authorize<'s>(
    api: &'s Api,
    route: &'s Route,
    authenticated: Authenticated<'s>,
    edits: Edits,
) -> Permit<'s> {
    Permit { api, route, principal: authenticated.into_principal(), edits }
}
