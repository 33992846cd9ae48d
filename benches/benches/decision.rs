//! How long a decision takes, by how many credentials are known and how many routes are configured. The aim: under 1 µs,
//! and flat in both.

use std::time::Duration;

use benches::{Client, Known, Rules};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
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

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = decision
}
criterion_main!(benches);
