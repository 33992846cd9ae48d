//! Families of metrics: made, registered, and remembered for the page that lists them.

use std::cell::RefCell;

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Buckets of what people wait for, in seconds.
pub(super) const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What there is to know of a family but its values.
#[derive(Clone, Debug)]
pub struct Family {
    /// Without the prefix.
    pub name: String,
    pub kind: Kind,
    pub help: String,
    pub labels: Vec<String>,
    /// Of a histogram: upper bounds, without the infinite one.
    pub buckets: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Makes families and registers them.
pub(super) struct Families<'r> {
    registry: &'r Registry,
    made: RefCell<Vec<Family>>,
}

impl<'r> Families<'r> {
    pub(super) const fn new(registry: &'r Registry) -> Self {
        Self { registry, made: RefCell::new(Vec::new()) }
    }

    /// Those that were made, by name.
    pub(super) fn into_list(self) -> Vec<Family> {
        let mut made = self.made.into_inner();
        made.sort_by(|one, other| one.name.cmp(&other.name));
        made
    }

    fn register<C: Collector + Clone + 'static>(
        &self,
        collector: C,
        family: Family,
    ) -> prometheus::Result<C> {
        self.registry.register(Box::new(collector.clone()))?;
        self.made.borrow_mut().push(family);
        Ok(collector)
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        let family = family(name, Kind::Counter, help, labels);
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?, family)
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntGaugeVec> {
        let family = family(name, Kind::Gauge, help, labels);
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?, family)
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let family =
            Family { buckets: buckets.to_vec(), ..family(name, Kind::Histogram, help, labels) };
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels)?, family)
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> prometheus::Result<Histogram> {
        let family =
            Family { buckets: buckets.to_vec(), ..family(name, Kind::Histogram, help, &[]) };
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(options)?, family)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.register(IntCounter::new(name, help)?, family(name, Kind::Counter, help, &[]))
    }

    /// A gauge of what is no whole number.
    pub(super) fn measure(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.register(Gauge::new(name, help)?, family(name, Kind::Gauge, help, &[]))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.register(IntGauge::new(name, help)?, family(name, Kind::Gauge, help, &[]))
    }
}

fn family(name: &str, kind: Kind, help: &str, labels: &[&str]) -> Family {
    Family {
        name: name.to_owned(),
        kind,
        help: help.to_owned(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        buckets: Vec::new(),
    }
}
