//! What routes ask of who is let in, and what apis and schemes say for it (contract, sections 3 and 4).

use std::time::Duration;

use crate::facts::{Level, ResourceState};
use crate::name::Id;

/// What a route asks of a credential, its subject and its resource. Empty where nobody has to be known.
#[derive(Debug, Default)]
pub struct Requirement {
    pub resource: Option<RouteResource>,
    /// The segment of the path that must be the organisation of the request, counted from 0.
    pub org: Option<usize>,
    /// A method without one asks for `read` of a resource; without a resource for nothing.
    pub level: ByMethod<Level>,
    pub scopes: ByMethod<Vec<Id>>,
    /// Each is held by the subject, by the organisation, or by the resource or one above it.
    pub capabilities: Vec<Id>,
    /// Normalised ([`crate::audience`]).
    pub audience: Option<String>,
    pub subject_admin: bool,
}

/// The resource that a request is about.
#[derive(Debug)]
pub struct RouteResource {
    pub source: ResourceSource,
    pub unknown: UnknownResource,
}

#[derive(Debug)]
pub enum ResourceSource {
    /// This segment of the path, counted from 0.
    Segment(usize),
    Literal(Id),
}

/// What becomes of a request for a resource without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownResource {
    Refuse,
    /// What the record would say is skipped.
    Pass,
}

/// A value for each method that is named, and perhaps one for the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByMethod<T> {
    pub named: Vec<(String, T)>,
    /// `*`
    pub others: Option<T>,
}

impl<T> Default for ByMethod<T> {
    fn default() -> Self {
        Self { named: Vec::new(), others: None }
    }
}

impl<T> ByMethod<T> {
    /// HEAD is held as GET where GET is named and HEAD is not.
    pub fn get(&self, method: &str) -> Option<&T> {
        let named = |method: &str| {
            self.named.iter().find(|(known, _)| known == method).map(|(_, value)| value)
        };
        named(method)
            .or_else(|| if method == "HEAD" { named("GET") } else { None })
            .or(self.others.as_ref())
    }
}

/// `states` of an api: the most that a resource in each state still allows; `None` = nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    pub restricted: Option<Level>,
    pub locked: Option<Level>,
    pub archived: Option<Level>,
}

impl States {
    /// The most that a resource in `state` allows.
    pub const fn left(&self, state: ResourceState) -> Option<Level> {
        match state {
            ResourceState::Ok => Some(Level::Admin),
            ResourceState::Restricted => self.restricted,
            ResourceState::Locked => self.locked,
            ResourceState::Archived => self.archived,
        }
    }
}

/// How credentials of a scheme are made.
#[derive(Clone, Debug)]
pub struct Issue {
    /// `None` = any lifetime.
    pub lifetimes: Option<Vec<Lifetime>>,
    pub expiry: Expiry,
    /// Values of the minted form must carry a right checksum. Only schemes with a prefix check it.
    pub checksum: bool,
    /// A sealed copy is kept and can be revealed.
    pub revealable: bool,
    /// An organisation is required, and the subject must be named in its `members`.
    pub members_only: bool,
    /// A credential without an organisation is not made, and a request that resolves to none is refused.
    pub org_required: bool,
    /// How long credentials are remembered once they have ended.
    pub keep: Duration,
}

impl Default for Issue {
    fn default() -> Self {
        Self {
            lifetimes: None,
            expiry: Expiry::Instant,
            checksum: true,
            revealable: false,
            members_only: false,
            org_required: false,
            keep: Duration::from_hours(90 * 24),
        }
    }
}

/// A lifetime that may be asked for at creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    For(Duration),
    Never,
    /// An instant of the caller's choice.
    Date,
}

/// What an expiry is rounded to at creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Instant,
    StartOfDayUtc,
    /// The next 00:00:00Z.
    EndOfDayUtc,
}

/// What is left of a credential that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRevoke {
    /// It is remembered as revoked.
    Tombstone,
    /// It is forgotten.
    Delete,
}
