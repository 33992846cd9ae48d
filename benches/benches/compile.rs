//! How long a configuration takes from its text to what a reload swaps. The aim: 10,000 routes in less than 300 ms.

use std::hint::black_box;
use std::time::Duration;

use benches::{compile, configuration};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for routes in [10, 1_000, 10_000] {
        let (text, _paths) = configuration(routes);
        group.bench_function(BenchmarkId::from_parameter(format!("{routes} routes")), |bencher| {
            bencher.iter(|| compile(black_box(&text)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = compiling
}
criterion_main!(benches);
