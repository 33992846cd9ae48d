//! A refusal before it is spoken: everything that the answer, the log and the metrics need to know of it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::authenticate::Principal;
use crate::config::snapshot::{Api, Route, Scheme};
use crate::facts::{Fact, Level};
use crate::name::Id;
use crate::outcome::Outcome;

/// Why a request got no further, and how far it got. It holds nothing secret.
#[derive(Clone, Debug)]
pub struct Refused<'s> {
    pub outcome: Outcome,
    /// `None` until the host has chosen one.
    pub api: Option<&'s Api>,
    /// `None` until path and method have chosen one.
    pub route: Option<&'s Route>,
    /// For the log, never for the client.
    pub why: &'static str,
    /// That of the credential, once it was recognised.
    pub scheme: Option<&'s Scheme>,
    /// Of [`Outcome::MethodNotAllowed`].
    pub allow: Option<&'s HeaderValue>,
    /// Of a refusal that knows when another try has a chance: in seconds, at least 1.
    pub retry_after: Option<u64>,
    /// The limit that refused, for the log.
    pub limit: Option<Arc<str>>,
    /// Whether the client sent a credential at all, be it a bad one.
    pub credential_sent: bool,
    /// Whose credential it was, where that is known.
    pub fact: Option<Arc<Fact>>,
    /// The organisation of the request, where the request got as far as that is known.
    pub org: Option<Id>,
    /// The resource that the route names, where the request got as far as that is asked about.
    pub resource: Option<Id>,
    /// What the route asks for and the request has not got.
    pub needed: Option<Needed<'s>>,
    /// What else the answer says: how the limits stand.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}

/// What a refusal says would have sufficed. Shown as the words alone, between spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed<'s> {
    Level(Level),
    /// All of these.
    Scopes(&'s [Id]),
    /// All of these.
    Capabilities(&'s [Id]),
}

impl fmt::Display for Needed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => f.write_str(level.name()),
            Self::Scopes(ids) | Self::Capabilities(ids) => {
                for (position, id) in ids.iter().enumerate() {
                    let space = if position == 0 { "" } else { " " };
                    write!(f, "{space}{id}")?;
                }
                Ok(())
            }
        }
    }
}

impl<'s> Refused<'s> {
    pub const fn of(outcome: Outcome, why: &'static str) -> Self {
        Self {
            outcome,
            api: None,
            route: None,
            why,
            scheme: None,
            allow: None,
            retry_after: None,
            limit: None,
            credential_sent: false,
            fact: None,
            org: None,
            resource: None,
            needed: None,
            fields: Vec::new(),
        }
    }

    #[must_use]
    pub fn by(self, api: &'s Api) -> Self {
        Self { api: Some(api), ..self }
    }

    #[must_use]
    pub fn on(self, route: &'s Route) -> Self {
        Self { route: Some(route), ..self }
    }

    #[must_use]
    pub fn allowing(self, allow: &'s HeaderValue) -> Self {
        Self { allow: Some(allow), ..self }
    }

    /// `seconds` is at least 1.
    #[must_use]
    pub fn retrying_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    #[must_use]
    pub fn with_credential(self) -> Self {
        Self { credential_sent: true, ..self }
    }

    #[must_use]
    pub fn presenting(self, scheme: &'s Scheme) -> Self {
        Self { scheme: Some(scheme), credential_sent: true, ..self }
    }

    #[must_use]
    pub fn known_as(self, fact: Arc<Fact>) -> Self {
        Self { fact: Some(fact), ..self }
    }

    /// Whose request it was.
    #[must_use]
    pub fn of_principal(self, principal: &Principal<'s>) -> Self {
        let org = principal.org().map(|org| org.id().clone());
        let refused = self.presenting(principal.scheme()).known_as(Arc::clone(principal.fact()));
        Self { org, ..refused }
    }

    #[must_use]
    pub fn needing(self, needed: Needed<'s>) -> Self {
        Self { needed: Some(needed), ..self }
    }
}
