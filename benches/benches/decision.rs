//! How long a decision takes, by how many credentials are known and how many routes are configured. The aim: under 1 µs,
//! and flat in both. And how long the arithmetic of a limit takes, by algorithm.

use std::hint::black_box;
use std::time::Duration;

use benches::{Client, Known, Rules};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use decision::facts::Timestamp;
use decision::limit::fields::{Shown, rate_limit};
use decision::limit::{
    Algorithm, Asked, Cell, Moment, Part, Per, Period, Rule, When, Window, admit,
};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread: a decision waits for nobody, so what others do on this machine is none of its time.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        static TIME: WallTime = WallTime;
        TIME.formatter()
    }
}

/// How many credentials and routes are asked for at a time. Of a million, a few are busy: then everything about them lies in
/// the processor's caches, and what is measured is the work. Asked for in turn, none does, and the memory is measured, too.
const SPREAD: [(&str, usize); 2] = [("a hundred busy", 100), ("all in turn", usize::MAX)];

fn decision(criterion: &mut Criterion<CpuTime>) {
    let rules = [10, 1_000, 10_000].map(|routes| (routes, Rules::new(routes)));
    for credentials in [10, 10_000, 1_000_000] {
        let known = Known::new(credentials);
        for (spread, busy) in SPREAD {
            let mut group = criterion.benchmark_group(format!("decision, {spread}"));
            for (routes, rules) in &rules {
                let name = format!("{credentials} credentials");
                let mut client = Client::new(&known, rules, busy);
                group.bench_function(
                    BenchmarkId::new(name, format!("{routes} routes")),
                    |bencher| {
                        bencher.iter(|| client.decide());
                    },
                );
            }
            group.finish();
        }
    }
}

/// A request every microsecond, of which a limit lets a thousand through a second, is charged or refused; and what is left, as
/// the client is told.
fn limits(criterion: &mut Criterion<CpuTime>) {
    let Some(window) = Window::new(1) else { return };
    let algorithms = [
        ("sliding", Algorithm::Sliding(window)),
        ("gcra", Algorithm::Gcra(window)),
        ("calendar", Algorithm::Calendar(Period::Minute)),
        ("concurrency", Algorithm::Concurrency),
    ];
    let mut group = criterion.benchmark_group("limit");
    for (name, algorithm) in algorithms {
        let rule = Rule {
            name: name.into(),
            per: Per::of([Part::Credential]),
            when: When::Any,
            max: 1000,
            algorithm,
            burst: None,
            announce: true,
        };
        let (mut cell, terms) = (Cell::new(algorithm), rule.terms(None));
        let mut now = Moment { elapsed: 0, wall: Timestamp(0) };
        let mut charge = |cell: &mut Cell| {
            now = Moment { elapsed: now.elapsed + 1000, ..now };
            let admitted = admit(&mut [Asked { cell, terms }], now);
            (admitted, cell.standing(terms, now))
        };
        group.bench_function(name, |bencher| bencher.iter(|| charge(black_box(&mut cell))));
        let standing = cell.standing(terms, now);
        group.bench_function(format!("{name}, shown"), |bencher| {
            bencher.iter(|| rate_limit([Shown { rule: &rule, max: 1000, standing }]));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = decision, limits
}
criterion_main!(benches);
