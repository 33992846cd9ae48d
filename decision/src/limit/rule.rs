//! What a rule says, and by what a request is counted.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::outcome::Outcome;

/// The most that `max` may be: what a structured field can show, with room to spare.
pub const MAX_MOST: u64 = 1_000_000_000_000;

/// One rule of an api.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: Arc<str>,
    pub per: Per,
    pub when: When,
    /// 1 to [`MAX_MOST`].
    pub max: u64,
    pub algorithm: Algorithm,
    /// Of gcra: how many at once, where that is not `max`.
    pub burst: Option<u32>,
    /// Whether RateLimit fields show it.
    pub announce: bool,
}

impl Rule {
    /// `max`: that of an override, for the rule's own.
    pub fn terms(&self, max: Option<u64>) -> Terms {
        Terms { max: max.unwrap_or(self.max).clamp(1, MAX_MOST), burst: self.burst }
    }

    /// What its counters depend on: a rule of the same name and shape goes on counting where the old one was.
    pub const fn shape(&self) -> Shape {
        let failures = matches!(self.when, When::Refused);
        Shape { algorithm: self.algorithm, per: self.per, failures }
    }

    /// What becomes of a request that it refuses.
    pub const fn outcome(&self) -> Outcome {
        match (self.when, self.algorithm) {
            (When::Refused, _) => Outcome::FailuresExceeded,
            (_, Algorithm::Calendar(_)) => Outcome::QuotaExceeded,
            _ => Outcome::RateExceeded,
        }
    }
}

/// See [`Rule::shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    pub algorithm: Algorithm,
    pub per: Per,
    /// Whether it counts failures: what was counted of requests says nothing of those.
    pub failures: bool,
}

/// How much is allowed at one use of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// 1 to [`MAX_MOST`].
    pub max: u64,
    /// See [`Rule::burst`].
    pub burst: Option<u32>,
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Never more than `max` in any window of this length.
    Sliding(Window),
    /// The generic cell rate algorithm, `max` cells a window.
    Gcra(Window),
    /// Never more than `max` in a period of the calendar.
    Calendar(Period),
    /// Never more than `max` at a time.
    Concurrency,
}

impl Algorithm {
    /// The window in seconds, where it has one that is always as long.
    pub const fn seconds(self) -> Option<u32> {
        match self {
            Self::Sliding(window) | Self::Gcra(window) => Some(window.seconds()),
            Self::Calendar(Period::Minute) => Some(60),
            Self::Calendar(Period::Hour) => Some(3600),
            Self::Calendar(Period::Day) => Some(86_400),
            Self::Calendar(Period::Month) | Self::Concurrency => None,
        }
    }
}

/// A length of time: whole seconds, 1 to 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window(u32);

impl Window {
    /// Seconds.
    pub const MOST: u32 = 365 * 86_400;

    pub const fn new(seconds: u32) -> Option<Self> {
        if seconds >= 1 && seconds <= Self::MOST { Some(Self(seconds)) } else { None }
    }

    pub const fn seconds(self) -> u32 {
        self.0
    }

    pub const fn nanoseconds(self) -> u64 {
        self.0 as u64 * 1_000_000_000
    }
}

/// A period of the calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    Minute,
    Hour,
    Day,
    Month,
}

/// To which requests a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Any,
    /// Without a credential.
    Anonymous,
    /// With one.
    Authenticated,
    /// Those that end with a 401: see [`is_failure`](super::is_failure).
    Refused,
}

/// One thing that requests are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Credential,
    Subject,
    Org,
    /// The client's address; of IPv6 the /64 that it is in, which is what one subscriber has.
    Ip,
    /// Nothing: all requests of the api are counted together.
    Api,
    Route,
}

/// What a rule has a counter for each of: a set of [`Part`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Per(u8);

impl Per {
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        Self(parts.into_iter().fold(0, |set, part| set | 1 << part as u8))
    }

    pub const fn has(self, part: Part) -> bool {
        self.0 & 1 << part as u8 != 0
    }

    /// The key of `who`; `None` where it lacks a part, so that the rule does not apply.
    pub fn key<'w>(self, who: &Who<'w>) -> Option<Key<'w>> {
        // A part that is not asked for is empty, one that is asked for must be there.
        let text = |part, text: Option<&'w str>| if self.has(part) { text } else { Some("") };
        Some(Key {
            credential: text(Part::Credential, who.credential)?,
            subject: text(Part::Subject, who.subject)?,
            org: text(Part::Org, who.org)?,
            route: text(Part::Route, Some(who.route))?,
            network: self.has(Part::Ip).then(|| network(who.ip)),
        })
    }
}

/// Whom a request is counted for.
#[derive(Clone, Copy, Debug)]
pub struct Who<'r> {
    pub credential: Option<&'r str>,
    pub subject: Option<&'r str>,
    pub org: Option<&'r str>,
    /// The client's address, not a trusted proxy's.
    pub ip: IpAddr,
    /// The route's name.
    pub route: &'r str,
}

/// Which of a rule's counters a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'w> {
    credential: &'w str,
    subject: &'w str,
    org: &'w str,
    route: &'w str,
    network: Option<u128>,
}

/// Keys are compared with those of the same rule alone, which all have the same parts: what is empty need not be hashed.
impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for text in [self.credential, self.subject, self.org, self.route] {
            if !text.is_empty() {
                text.hash(state);
            }
        }
        if let Some(network) = self.network {
            state.write_u128(network);
        }
    }
}

/// An IPv4 address as it is, an IPv6 address without its lower half.
fn network(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => Ipv6Addr::to_bits(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => ip.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
