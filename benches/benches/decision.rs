//! How long a decision takes, by how many credentials are known and how many routes are configured. The aim: under 1 µs,
//! and flat in both.

use benches::{Client, Known, Rules};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn decision(criterion: &mut Criterion) {
    let rules = [10, 1_000, 10_000].map(|routes| (routes, Rules::new(routes)));
    let mut group = criterion.benchmark_group("decision");
    for credentials in [10, 10_000, 1_000_000] {
        let known = Known::new(credentials);
        for (routes, rules) in &rules {
            let id = BenchmarkId::new(format!("{credentials} credentials"), format!("{routes} routes"));
            let mut client = Client::new(&known, rules);
            group.bench_function(id, |bencher| bencher.iter(|| client.decide()));
        }
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
