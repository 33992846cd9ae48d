//! Limits at run time: the counters of this process, and the one step in which a request is charged to all of its rules or to
//! none.
//!
//! A generation has the rules; the counters live longer. A rule that the next generation has under the same name and with the
//! same shape goes on with its counters, so that a reload which changes nothing resets nothing.
//!
//! All counters of a request are locked before the clock is read and before any is looked at, and are unlocked when all are
//! charged. So what is decided is exact however many threads ask. No two requests can wait for each other, because a rule's
//! counter is one lock, and locks are taken in the order of the rules' addresses, which is the same for everybody.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use decision::authenticate::Authenticated;
use decision::config::snapshot::{Api, Route, Snapshot};
use decision::facts::Timestamp;
use decision::limit::{self, Algorithm, Asked, Moment, Plan, Rule, Terms, When, Who};
use decision::outcome::Outcome;
use http::HeaderValue;
use prometheus::IntCounter;
use smallvec::SmallVec;

use crate::clock;
use crate::metrics::Metrics;

mod charged;
mod counters;

use charged::{Applied, Place};
pub use charged::{Charged, Fields};
use counters::{Counters, KEYS_MOST, Key, Shard};

/// The limits of a generation, by the api's position.
#[derive(Debug)]
pub struct Limits {
    /// Of the first generation: where the monotonic clock's readings count from.
    epoch: Instant,
    apis: Vec<ApiLimits>,
}

#[derive(Debug)]
struct ApiLimits {
    name: Arc<str>,
    /// In the order of the api's rules.
    rules: Vec<Live>,
    /// In the order of the api's routes.
    routes: Vec<OnRoute>,
}

/// A rule with its counters and what is counted of its decisions.
#[derive(Debug)]
struct Live {
    name: Arc<str>,
    counters: Arc<Counters>,
    /// Requests, or of `when: refused` failures, that were counted.
    charged: IntCounter,
    refused: IntCounter,
    /// For lack of room.
    unavailable: IntCounter,
}

/// What applies on one route. Each list has positions of rules, in the order of their counters' addresses.
#[derive(Debug)]
struct OnRoute {
    /// The rules that requests are charged to.
    charged: Vec<usize>,
    /// The rules of `when: refused`.
    failures: Vec<usize>,
    /// Whether a rule that requests are charged to needs the wall clock.
    calendar: bool,
    /// How many of them are announced.
    announced: usize,
    /// `RateLimit-Policy` where all of those apply with their own max.
    policy: Option<HeaderValue>,
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

/// When there may be room for another key: at the latest when the oldest is forgotten, but nobody knows when that is.
const NO_ROOM_RETRY: u64 = 1;

impl Limits {
    /// The limits of a generation that follows the one with `previous`.
    pub fn new(snapshot: &Snapshot, previous: Option<&Self>, metrics: &Metrics) -> Self {
        let of_api = |api: &Api| {
            let before = previous.and_then(|previous| previous.named(&api.name));
            let rules = api.limits.rules.iter();
            let rules: Vec<_> =
                rules.map(|rule| Live::new(&api.name, rule, before, metrics)).collect();
            let routes = api.routes.routes().iter();
            let routes = routes.map(|route| OnRoute::new(api, route, &rules)).collect();
            ApiLimits { name: api.name.clone(), rules, routes }
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

    /// Forgets idle keys: a part of them at each call, all of them in [`Counters::PARTS`] calls.
    pub fn forget_idle(&self, part: usize) {
        let now = self.now(true);
        for live in self.apis.iter().flat_map(|api| &api.rules) {
            live.counters.forget_idle(part, now);
        }
    }
}

/// What a rule is asked for one request.
#[derive(Clone, Copy)]
struct Asking {
    position: usize,
    key: Key,
    terms: Terms,
}

/// A counter that is held while a request is decided.
struct Holding<'l> {
    asking: Asking,
    shard: MutexGuard<'l, Shard>,
}

impl ApiLimits {
    /// The rules that apply to a request, in the order in which their counters are locked.
    fn applying<'l>(
        &'l self,
        route: &'l OnRoute,
        request: &'l Authenticated<'_>,
    ) -> impl Iterator<Item = (&'l Rule, &'l Live, Asking)> {
        let limits = &request.api().limits;
        let principal = request.principal();
        let who = Who {
            credential: principal.map(|principal| principal.fact().credential.id.as_str()),
            subject: principal.map(|principal| principal.subject().as_str()),
            org: request.org().map(|org| org.id().as_str()),
            ip: request.client_ip(),
            route: &request.route().name,
        };
        let own = principal.map(|principal| &principal.fact().credential.limits);
        let own = own.filter(|own| !own.is_empty());
        let plan: Option<&Plan> = request.plan().and_then(|plan| limits.plans.get(plan));
        route.charged.iter().filter_map(move |&position| {
            let (rule, live) = (limits.rules.get(position)?, self.rules.get(position)?);
            let applies = match rule.when {
                When::Any => true,
                When::Anonymous => principal.is_none(),
                When::Authenticated => principal.is_some(),
                When::Refused => false,
            };
            let key = live.counters.key(&rule.per.key(&who).filter(|_| applies)?);
            let terms = limits.terms(position, plan, own)?;
            Some((rule, live, Asking { position, key, terms }))
        })
    }

    /// The rules of `when: refused` on a route.
    fn failures<'l>(
        &'l self,
        route: &'l OnRoute,
        api: &'l Api,
        who: &'l Who<'l>,
    ) -> impl Iterator<Item = (&'l Rule, &'l Live, Asking)> {
        route.failures.iter().filter_map(move |&position| {
            let (rule, live) = (api.limits.rules.get(position)?, self.rules.get(position)?);
            let key = live.counters.key(&rule.per.key(who)?);
            Some((rule, live, Asking { position, key, terms: rule.terms(None) }))
        })
    }

    /// Counts what was decided, and makes of it what the answer needs.
    fn conclude(
        &self,
        route: &OnRoute,
        api: &Api,
        held: &[Holding<'_>],
        standings: &[limit::Standing],
        admitted: Result<(), limit::Exceeded>,
    ) -> Charged {
        let mut charged = Charged::default();
        let asked = held.iter().map(|holding| holding.asking);
        for (position, (asking, standing)) in asked.zip(standings).enumerate() {
            let rules = (api.limits.rules.get(asking.position), self.rules.get(asking.position));
            let (Some(rule), Some(live)) = rules else { continue };
            match admitted {
                Ok(()) => live.charged.inc(),
                Err(exceeded) if exceeded.refuses(position) => live.refused.inc(),
                Err(_) => {}
            }
            if let Err(exceeded) = admitted
                && exceeded.position == position
            {
                charged.exceeded = Some(live.exceeded(rule.outcome(), exceeded.wait));
            }
            if admitted.is_ok() && rule.algorithm == Algorithm::Concurrency {
                charged.places.push(Place::new(live.counters.clone(), asking.key));
            }
            if rule.announce {
                let (position, max) = (asking.position, asking.terms.max);
                charged.applied.push(Applied { position, max, standing: *standing });
            }
        }
        charged.applied.sort_unstable_by_key(|applied| applied.position);
        let all = charged.applied.len() == route.announced;
        let own = |applied: &Applied| {
            api.limits.rules.get(applied.position).is_some_and(|rule| rule.max == applied.max)
        };
        if all && charged.applied.iter().all(own) {
            charged.policy.clone_from(&route.policy);
        }
        charged
    }
}

impl Live {
    fn new(api: &str, rule: &Rule, before: Option<&ApiLimits>, metrics: &Metrics) -> Self {
        let known = before.and_then(|before| {
            let same = |live: &&Self| live.name == rule.name && live.counters.shape == rule.shape();
            before.rules.iter().find(same).map(|live| live.counters.clone())
        });
        let counters = known.unwrap_or_else(|| {
            Arc::new(Counters::new(rule.shape(), KEYS_MOST, metrics.limit_keys(api, &rule.name)))
        });
        let decided = |decision| metrics.limit_decisions(api, &rule.name, decision);
        let charged = if rule.when == When::Refused { "counted" } else { "admitted" };
        Self {
            name: rule.name.clone(),
            counters,
            charged: decided(charged),
            refused: decided("refused"),
            unavailable: decided("unavailable"),
        }
    }

    fn exceeded(&self, outcome: Outcome, retry_after: u64) -> Exceeded {
        let why = match outcome {
            Outcome::QuotaExceeded => "the limit's quota is used up",
            Outcome::FailuresExceeded => "too many credentials were refused",
            _ => "the limit is reached",
        };
        Exceeded { outcome, why, limit: self.name.clone(), retry_after }
    }

    /// A key that there is no room for is not counted, and what is not counted is not admitted.
    fn no_room(&self) -> Exceeded {
        Exceeded {
            outcome: Outcome::LimiterUnavailable,
            why: "the limit counts as many keys as it can",
            limit: self.name.clone(),
            retry_after: NO_ROOM_RETRY,
        }
    }
}

impl OnRoute {
    fn new(api: &Api, route: &Route, rules: &[Live]) -> Self {
        let rule = |&position: &usize| api.limits.rules.get(position);
        let is_failure = |position: &usize| rule(position).is_some_and(|r| r.when == When::Refused);
        let (mut failures, mut charged): (Vec<_>, Vec<_>) =
            api.limits.on(route).partition(is_failure);
        let announced: Vec<_> = charged.iter().filter_map(rule).filter(|r| r.announce).collect();
        let calendar = |r: &Rule| matches!(r.algorithm, Algorithm::Calendar(_));
        let calendar = charged.iter().filter_map(rule).any(calendar);
        let address = |&position: &usize| {
            rules.get(position).map(|live| Arc::as_ptr(&live.counters) as usize)
        };
        failures.sort_by_key(address);
        charged.sort_by_key(address);
        Self {
            charged,
            failures,
            calendar,
            announced: announced.len(),
            policy: limit::fields::policy(announced.into_iter().map(|rule| (rule, rule.max))),
        }
    }
}

/// Of rules that were looked at, what the one says that makes a request wait longest. One without room decides: what it could
/// not count could go on for ever.
fn longest<'l>(
    looked: impl Iterator<Item = (&'l Rule, &'l Live, Option<Result<(), u64>>)>,
) -> Option<Exceeded> {
    let mut longest: Option<Exceeded> = None;
    for (rule, live, looked) in looked {
        match looked {
            Some(Ok(())) => {}
            Some(Err(wait)) => {
                if longest.as_ref().is_none_or(|known| known.retry_after < wait) {
                    longest = Some(live.exceeded(rule.outcome(), wait));
                }
            }
            None => return Some(live.no_room()),
        }
    }
    longest
}

/// A client of whom no more than the address is known.
pub fn stranger(ip: std::net::IpAddr, route: &Route) -> Who<'_> {
    Who { credential: None, subject: None, org: None, ip, route: &route.name }
}

#[cfg(test)]
mod tests;
