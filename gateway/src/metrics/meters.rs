//! The handles that requests touch, resolved when a generation is made, and the series that end with one.

use std::collections::HashSet;
use std::sync::Arc;

use decision::config::snapshot::Snapshot;
use prometheus::{Histogram, IntCounter, IntGauge};

use super::{Metrics, OTHER, UNKNOWN, UpstreamMeter};

/// The handles of one generation.
#[derive(Debug)]
pub struct Meters {
    pub(super) generation: u64,
    apis: Vec<ApiMeter>,
    nowhere: ApiMeter,
    /// In the order of [`Snapshot::upstreams`].
    upstreams: Vec<UpstreamMeter>,
}

#[derive(Debug)]
pub struct ApiMeter {
    pub(super) name: String,
    pub decision_duration: Histogram,
    in_flight: IntGauge,
    pub bytes_in: IntCounter,
    pub bytes_out: IntCounter,
    /// Requests that were decided on facts older than the lease allows.
    pub stale_facts: IntCounter,
    /// Credentials that were good, by their scheme.
    accepted: Vec<(Arc<str>, IntCounter)>,
    /// By the route's index.
    routes: Vec<RouteMeter>,
    unrouted: RouteMeter,
}

#[derive(Debug)]
pub struct RouteMeter {
    label: String,
    pub duration: Histogram,
}

impl Metrics {
    /// Resolves the handles of a generation.
    pub fn meters(&self, snapshot: &Snapshot, generation: u64) -> Meters {
        let mut own_labels = snapshot.metrics_routes;
        let apis = snapshot
            .apis
            .iter()
            .map(|api| {
                let routes = api.routes.routes().iter().map(|route| {
                    let label = if own_labels > 0 { &*route.name } else { OTHER };
                    own_labels = own_labels.saturating_sub(1);
                    self.route_meter(&api.name, label)
                });
                let mut meter = self.api_meter(&api.name);
                meter.routes = routes.collect();
                let accepted = api
                    .schemes
                    .iter()
                    .map(|scheme| (scheme.name.clone(), self.accepted(&api.name, &scheme.name)));
                meter.accepted = accepted.collect();
                meter
            })
            .collect();
        let upstreams = snapshot
            .upstreams
            .iter()
            .map(|upstream| self.upstreams.meter(&upstream.name))
            .collect();
        let nowhere = self.api_meter(UNKNOWN);
        Meters { generation, apis, nowhere, upstreams }
    }

    fn accepted(&self, api: &str, scheme: &str) -> IntCounter {
        self.authentications.with_label_values(&[api, scheme, "accepted"])
    }

    fn api_meter(&self, name: &str) -> ApiMeter {
        ApiMeter {
            name: name.to_owned(),
            decision_duration: self.decision_duration.with_label_values(&[name]),
            in_flight: self.in_flight.with_label_values(&[name]),
            bytes_in: self.bytes.with_label_values(&[name, "in"]),
            bytes_out: self.bytes.with_label_values(&[name, "out"]),
            stale_facts: self.degraded.with_label_values(&[name, "stale_facts"]),
            accepted: Vec::new(),
            routes: Vec::new(),
            unrouted: self.route_meter(name, UNKNOWN),
        }
    }

    fn route_meter(&self, api: &str, label: &str) -> RouteMeter {
        RouteMeter {
            label: label.to_owned(),
            duration: self.request_duration.with_label_values(&[api, label]),
        }
    }

    /// Takes out the series of what a configuration in force does not have any more: apis, routes, schemes, limits, upstreams.
    /// To be called by who makes generations, between two of them. A request that ends later than its generation may bring one
    /// back, until the next call.
    pub fn forget_others(&self, snapshot: &Snapshot, meters: &Meters) {
        let known = Known::of(snapshot, meters);
        for family in &self.families.labelled {
            family.retain(|value| known.has(value));
        }
    }
}

/// What labels may say.
struct Known<'s> {
    apis: HashSet<&'s str>,
    upstreams: HashSet<&'s str>,
    /// Of an api: routes, schemes and limits.
    routes: HashSet<(&'s str, &'s str)>,
    schemes: HashSet<(&'s str, &'s str)>,
    limits: HashSet<(&'s str, &'s str)>,
}

impl<'s> Known<'s> {
    fn of(snapshot: &'s Snapshot, meters: &'s Meters) -> Self {
        let meters = meters.apis.iter().chain([&meters.nowhere]);
        let routes = meters.clone().flat_map(|api| {
            let routes = api.routes.iter().chain([&api.unrouted]);
            routes.map(|route| (&*api.name, &*route.label))
        });
        let schemes = snapshot
            .apis
            .iter()
            .flat_map(|api| api.schemes.iter().map(|scheme| (&*api.name, &*scheme.name)));
        let limits = snapshot
            .apis
            .iter()
            .flat_map(|api| api.limits.rules.iter().map(|rule| (&*api.name, &*rule.name)));
        Self {
            apis: meters.map(|api| &*api.name).collect(),
            upstreams: snapshot.upstreams.iter().map(|upstream| &*upstream.name).collect(),
            routes: routes.collect(),
            schemes: schemes.collect(),
            limits: limits.collect(),
        }
    }

    fn has(&self, value: &dyn Fn(&str) -> Option<String>) -> bool {
        if value("upstream").is_some_and(|upstream| !self.upstreams.contains(&*upstream)) {
            return false;
        }
        let Some(api) = value("api") else { return true };
        let of_api = |name: &str, known: &HashSet<(&str, &str)>| {
            value(name).is_none_or(|value| known.contains(&(&*api, &*value)))
        };
        self.apis.contains(&*api)
            && of_api("route", &self.routes)
            && of_api("scheme", &self.schemes)
            && of_api("limit", &self.limits)
    }
}

/// Where a request got to: positions in the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct At {
    pub api: Option<usize>,
    pub route: Option<usize>,
}

/// A request in `requests_in_flight`, until it is dropped.
#[derive(Debug)]
pub struct UnderWay<'m>(&'m IntGauge);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Meters {
    pub fn upstream(&self, index: usize) -> Option<&UpstreamMeter> {
        self.upstreams.get(index)
    }

    pub fn api(&self, index: Option<usize>) -> &ApiMeter {
        index.and_then(|index| self.apis.get(index)).unwrap_or(&self.nowhere)
    }
}

impl ApiMeter {
    pub fn route(&self, index: Option<usize>) -> &RouteMeter {
        index.and_then(|index| self.routes.get(index)).unwrap_or(&self.unrouted)
    }

    /// Counts a request while it is forwarded.
    pub fn under_way(&self) -> UnderWay<'_> {
        self.in_flight.inc();
        UnderWay(&self.in_flight)
    }

    /// Counts a credential that was good.
    pub fn count_accepted(&self, scheme: &str) {
        if let Some((_, counter)) = self.accepted.iter().find(|(name, _)| **name == *scheme) {
            counter.inc();
        }
    }

    pub(super) fn route_label(&self, index: Option<usize>) -> &str {
        &self.route(index).label
    }
}
