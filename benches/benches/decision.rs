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

fn decision(criterion: &mut Criterion<CpuTime>) {
    let rules = [10, 1_000, 10_000].map(|routes| (routes, Rules::new(routes)));
    let mut group = criterion.benchmark_group("decision");
    for credentials in [10, 10_000, 1_000_000] {
        let known = Known::new(credentials);
        for (routes, rules) in &rules {
            let id =
                BenchmarkId::new(format!("{credentials} credentials"), format!("{routes} routes"));
            let mut client = Client::new(&known, rules);
            group.bench_function(id, |bencher| bencher.iter(|| client.decide()));
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = decision
}
criterion_main!(benches);
