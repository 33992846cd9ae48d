//! Limits at run time: the counters of this process, and the one step in which a request is charged to all of its rules or to
//! none.
//!
//! A generation has the rules; the counters live longer. A rule that the next generation has under the same name and with the
//! same shape goes on with its counters, so that a reload which changes nothing resets nothing.
//!
//! All counters of a request are locked before the clock is read and before any is looked at, and are unlocked when all are
//! charged. So what is decided is exact however many threads ask. No two requests can wait for each other, because a rule's
//! counter is one lock, and locks are taken in the order of the rules' addresses, which is the same for everybody.

use std::sync::Arc;
use std::time::Instant;

use decision::authenticate::Authenticated;
use decision::config::snapshot::{Api, Route, Snapshot};
use decision::facts::Timestamp;
use decision::limit::{self, Asked, Moment, Who};
use decision::outcome::Outcome;
use smallvec::SmallVec;

use crate::clock;
use crate::metrics::Metrics;

mod api;
mod charged;
mod counters;

use api::{ApiLimits, Asking, Holding, OnRoute, longest};
pub use charged::{Charged, Fields};

/// The limits of a generation, by the api's position.
#[derive(Debug)]
pub struct Limits {
    /// Of the first generation: where the monotonic clock's readings count from.
    epoch: Instant,
    apis: Vec<ApiLimits>,
}

/// Why a request goes no further.
#[derive(Clone, Debug)]
pub struct Exceeded {
    pub outcome: Outcome,
    pub why: &'static str,
    /// The rule's name.
    pub limit: Arc<str>,
    /// Seconds, at least 1.
    pub retry_after: u64,
}

impl Limits {
    /// The limits of a generation that follows the one with `previous`.
    pub fn new(snapshot: &Snapshot, previous: Option<&Self>, metrics: &Metrics) -> Self {
        let of_api = |api: &Api| {
            let before = previous.and_then(|previous| previous.named(&api.name));
            ApiLimits::new(api, before, metrics)
        };
        Self {
            epoch: previous.map_or_else(clock::now, |previous| previous.epoch),
            apis: snapshot.apis.iter().map(of_api).collect(),
        }
    }

    fn named(&self, api: &str) -> Option<&ApiLimits> {
        self.apis.iter().find(|known| *known.name == *api)
    }

    fn on(&self, api: &Api, route: &Route) -> Option<(&ApiLimits, &OnRoute)> {
        let limits = self.apis.get(api.index)?;
        Some((limits, limits.routes.get(route.index)?))
    }

    /// `calendar`: whether the wall clock matters.
    fn now(&self, calendar: bool) -> Moment {
        let elapsed = clock::now().saturating_duration_since(self.epoch);
        Moment {
            elapsed: u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
            wall: if calendar { clock::wall() } else { Timestamp(0) },
        }
    }

    /// The stage limit: charges a request to all rules that apply to it, or to none.
    pub fn charge(&self, request: &Authenticated<'_>) -> Charged {
        let Some((live, route)) = self.on(request.api(), request.route()) else {
            return Charged::default();
        };
        let mut held: SmallVec<[Holding<'_>; 4]> = SmallVec::new();
        for (_, live, asking) in live.applying(route, request) {
            held.extend(live.counters.lock(asking.key).map(|shard| Holding { asking, shard }));
        }
        if held.is_empty() {
            return Charged::default();
        }
        // After the locks: so the order in which requests are decided is that of their readings.
        let now = self.now(route.calendar);
        let mut asked: SmallVec<[Asked<'_>; 4]> = SmallVec::new();
        for Holding { asking: Asking { position, key, terms }, shard } in &mut held {
            let Some(live) = live.rules.get(*position) else { continue };
            match live.counters.cell(shard, *key, now) {
                Some(cell) => asked.push(Asked { cell, terms: *terms }),
                None => {
                    live.unavailable.inc();
                    return Charged::refused(live.no_room());
                }
            }
        }
        let admitted = limit::admit(&mut asked, now);
        let standings: SmallVec<[_; 4]> =
            asked.iter().map(|asked| asked.cell.standing(asked.terms, now)).collect();
        drop(asked);
        live.conclude(route, request.api(), &held, &standings, admitted)
    }

    /// What the stage limit would say of a request, which is charged to nothing.
    pub fn look(&self, request: &Authenticated<'_>) -> Option<Exceeded> {
        let (live, route) = self.on(request.api(), request.route())?;
        let now = self.now(route.calendar);
        let rules = live.applying(route, request);
        let looked = rules.map(|(rule, live, Asking { key, terms, .. })| {
            (rule, live, live.counters.look(key, terms, now))
        });
        longest(looked)
    }

    /// What the rules of `when: refused` would say before a credential is looked up that is not known to be live.
    pub fn look_failures(&self, api: &Api, route: &Route, who: &Who<'_>) -> Option<Exceeded> {
        let (live, on) = self.on(api, route)?;
        if on.failures.is_empty() {
            return None;
        }
        let now = self.now(true);
        longest(live.failures(on, api, who).map(|(rule, live, Asking { key, terms, .. })| {
            (rule, live, live.counters.look(key, terms, now))
        }))
    }

    /// The same, and it is counted what they say.
    pub fn held_back(&self, api: &Api, route: &Route, who: &Who<'_>) -> Option<Exceeded> {
        let exceeded = self.look_failures(api, route, who)?;
        let (live, _) = self.on(api, route)?;
        if let Some(live) = live.rules.iter().find(|live| live.name == exceeded.limit) {
            match exceeded.outcome {
                Outcome::LimiterUnavailable => live.unavailable.inc(),
                _ => live.refused.inc(),
            }
        }
        Some(exceeded)
    }

    /// Counts a refusal with the rules of `when: refused`, if it is one that counts.
    pub fn count_failure(&self, api: &Api, route: &Route, who: &Who<'_>, outcome: Outcome) {
        if !limit::is_failure(outcome) {
            return;
        }
        let Some((live, on)) = self.on(api, route) else { return };
        if on.failures.is_empty() {
            return;
        }
        let now = self.now(true);
        for (_, live, Asking { key, terms, .. }) in live.failures(on, api, who) {
            if live.counters.count(key, terms, now) {
                live.charged.inc();
            } else {
                live.unavailable.inc();
            }
        }
    }

    /// Forgets idle keys: a part of them at each call, all of them in `Counters::PARTS` calls.
    pub fn forget_idle(&self, part: usize) {
        let now = self.now(true);
        for live in self.apis.iter().flat_map(|api| &api.rules) {
            live.counters.forget_idle(part, now);
        }
    }
}

/// A client of whom no more than the address is known.
pub fn stranger(ip: std::net::IpAddr, route: &Route) -> Who<'_> {
    Who { credential: None, subject: None, org: None, ip, route: &route.name }
}

#[cfg(test)]
mod tests;
