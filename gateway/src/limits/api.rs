//! The limits of one api: its rules with their counters, and which of them apply to a request.

use std::sync::{Arc, MutexGuard};

use decision::authenticate::Authenticated;
use decision::config::snapshot::{Api, Route};
use decision::limit::{self, Algorithm, Plan, Rule, Terms, When, Who};
use decision::outcome::Outcome;
use http::HeaderValue;
use prometheus::IntCounter;

use super::Exceeded;
use super::charged::{Applied, Charged, Place};
use super::counters::{Counters, KEYS_MOST, Key, Shard};
use crate::metrics::Metrics;

#[derive(Debug)]
pub(super) struct ApiLimits {
    pub(super) name: Arc<str>,
    /// In the order of the api's rules.
    pub(super) rules: Vec<Live>,
    /// In the order of the api's routes.
    pub(super) routes: Vec<OnRoute>,
}

/// A rule with its counters and what is counted of its decisions.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) name: Arc<str>,
    pub(super) counters: Arc<Counters>,
    /// Requests, or of `when: refused` failures, that were counted.
    pub(super) charged: IntCounter,
    pub(super) refused: IntCounter,
    /// For lack of room.
    pub(super) unavailable: IntCounter,
}

/// What applies on one route. Each list has positions of rules, in the order of their counters' addresses.
#[derive(Debug)]
pub(super) struct OnRoute {
    /// The rules that requests are charged to.
    charged: Vec<usize>,
    /// The rules of `when: refused`.
    pub(super) failures: Vec<usize>,
    /// Whether a rule that requests are charged to needs the wall clock.
    pub(super) calendar: bool,
    /// How many of them are announced.
    announced: usize,
    /// `RateLimit-Policy` where all of those apply with their own max.
    policy: Option<HeaderValue>,
}

/// When there may be room for another key: at the latest when the oldest is forgotten, but nobody knows when that is.
const NO_ROOM_RETRY: u64 = 1;

/// What a rule is asked for one request.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub(super) position: usize,
    pub(super) key: Key,
    pub(super) terms: Terms,
}

/// A counter that is held while a request is decided.
pub(super) struct Holding<'l> {
    pub(super) asking: Asking,
    pub(super) shard: MutexGuard<'l, Shard>,
}

impl ApiLimits {
    /// `before`: of the same api, in the generation before.
    pub(super) fn new(api: &Api, before: Option<&Self>, metrics: &Metrics) -> Self {
        let rules = api.limits.rules.iter();
        let rules: Vec<_> = rules.map(|rule| Live::new(&api.name, rule, before, metrics)).collect();
        let routes = api.routes.routes().iter();
        let routes = routes.map(|route| OnRoute::new(api, route, &rules)).collect();
        Self { name: api.name.clone(), rules, routes }
    }

    /// The rules that apply to a request, in the order in which their counters are locked.
    pub(super) fn applying<'l>(
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
    pub(super) fn failures<'l>(
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
    pub(super) fn conclude(
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
    pub(super) fn no_room(&self) -> Exceeded {
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
pub(super) fn longest<'l>(
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
