//! Families of metrics: made, registered, and remembered for the page that lists them.

use std::cell::RefCell;
use std::fmt;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
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
    labelled: RefCell<Vec<Labelled>>,
}

/// The families that were made.
#[derive(Debug)]
pub(super) struct Made {
    /// By name.
    pub(super) list: Vec<Family>,
    pub(super) labelled: Vec<Labelled>,
}

/// A family whose series can be taken out of it.
pub(super) struct Labelled {
    /// In the order in which values are given.
    labels: Vec<String>,
    vector: Box<dyn Vector>,
}

impl fmt::Debug for Labelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labelled").field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl Labelled {
    /// Takes out every series that is not to be kept; `keep` is given the value of each label by its name.
    pub(super) fn retain(&self, keep: impl Fn(&dyn Fn(&str) -> Option<String>) -> bool) {
        for family in self.vector.collect() {
            for metric in family.get_metric() {
                let value = |name: &str| {
                    let mut pairs = metric.get_label().iter();
                    pairs.find(|pair| pair.name() == name).map(|pair| pair.value().to_owned())
                };
                if !keep(&value) {
                    let values: Vec<_> =
                        self.labels.iter().map(|name| value(name).unwrap_or_default()).collect();
                    let values: Vec<_> = values.iter().map(String::as_str).collect();
                    self.vector.remove(&values);
                }
            }
        }
    }
}

/// A family with labels.
trait Vector: Collector {
    fn remove(&self, values: &[&str]);
}

impl<B: MetricVecBuilder + 'static> Vector for MetricVec<B>
where
    Self: Collector,
{
    fn remove(&self, values: &[&str]) {
        let _gone_already = self.remove_label_values(values);
    }
}

impl<'r> Families<'r> {
    pub(super) const fn new(registry: &'r Registry) -> Self {
        Self { registry, made: RefCell::new(Vec::new()), labelled: RefCell::new(Vec::new()) }
    }

    pub(super) fn into_made(self) -> Made {
        let mut list = self.made.into_inner();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        Made { list, labelled: self.labelled.into_inner() }
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

    fn register_vector<V: Vector + Clone + 'static>(
        &self,
        vector: V,
        family: Family,
    ) -> prometheus::Result<V> {
        let labels = family.labels.clone();
        self.labelled.borrow_mut().push(Labelled { labels, vector: Box::new(vector.clone()) });
        self.register(vector, family)
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        let family = family(name, Kind::Counter, help, labels);
        self.register_vector(IntCounterVec::new(Opts::new(name, help), labels)?, family)
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntGaugeVec> {
        let family = family(name, Kind::Gauge, help, labels);
        self.register_vector(IntGaugeVec::new(Opts::new(name, help), labels)?, family)
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
        self.register_vector(HistogramVec::new(options, labels)?, family)
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
