use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use decision::config::snapshot::CacheSettings;
use decision::config::{Fragment, load};
use decision::request::{Framing, Protocol};
use decision::secret::Pepper;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::access_log::AccessLog;
use crate::crowd::Crowd;
use crate::facts::{Facts, Lease};
use crate::generation::Generations;
use crate::metrics::Metrics;
use crate::source::Surroundings;
use crate::store::embedded::Embedded;
use crate::uses::Uses;

/// A gate whose access log stays here, and what must live as long as it does.
struct House {
    gate: Gate,
    runtime: tokio::runtime::Runtime,
    _folder: TempDir,
}

impl House {
    fn new() -> Self {
        let text = "upstreams: { app: [127.0.0.1:9] }\n\
                    apis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]";
        let loaded = load(&[Fragment::new("test.yaml", text)], &Surroundings).unwrap();
        let (process, snapshot) = (loaded.configuration.process, loaded.configuration.snapshot);
        let metrics = Arc::new(Metrics::new().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let peppers = Pepper::new(&"x".repeat(32).into()).unwrap().into();
        let store = Embedded::open(&folder.path().join("portcullis.db"), &peppers).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let second = Duration::from_secs(1);
        let cache =
            CacheSettings { capacity: 1, ttl: second, negative_capacity: 1, negative_ttl: second };
        let facts =
            Facts::new(Arc::new(store), &cache, second, runtime.handle().clone(), Lease::endless());
        let generation = Generation::first(snapshot, loaded.written, &metrics);
        let gate = Gate {
            generations: Arc::new(Generations::new(generation)),
            facts: Arc::new(facts),
            peppers,
            uses: Uses::new().0,
            bounds: process.bounds,
            under_way: AtomicUsize::new(0),
            in_flight: 1,
            crowd: Crowd::new(1, 1),
            draining: Arc::default(),
            access_log: Arc::new(AccessLog::kept(metrics.log_lines_dropped.clone())),
            metrics,
            replica: "here".to_owned(),
        };
        Self { gate, runtime, _folder: folder }
    }

    /// Lets a request live as long as `life`; what was recorded of it: outcome and `ended` of each line.
    fn recorded(&self, life: impl FnOnce(&Request<'_>)) -> Vec<(String, String)> {
        let _in_runtime = self.runtime.enter();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let origin = Origin {
            listener: 0,
            peer,
            peer_value: HeaderValue::from_static("127.0.0.1"),
            trusted_proxies: Arc::default(),
            health_path: None,
        };
        let head = Head {
            protocol: Protocol::Http11,
            method: "GET",
            path: "/here",
            query: None,
            host: "app.test",
            fields: Vec::new(),
            framing: Framing::None,
            keep_alive: true,
            expects_continue: false,
        };
        let seat = Seat::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let request = Request::new(&self.gate, &origin, &head, &seat, clock::now());
            life(&request);
        }));
        drop(ended);
        let lines = AccessLog::taken();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        lines
            .map(|line| {
                assert_eq!(line["path"], "/here");
                (text(&line["outcome"]), text(&line["ended"]))
            })
            .collect()
    }

    fn counted(&self) -> Vec<String> {
        let text = String::from_utf8(self.gate.metrics.render().unwrap()).unwrap();
        let counts = text.lines().filter(|line| line.starts_with("portcullis_requests_total{"));
        counts.map(str::to_owned).collect()
    }
}

#[test]
fn a_request_whose_task_panics_is_one_line_and_one_count_of_internal() {
    let house = House::new();
    let recorded = house.recorded(|_| panic!("on purpose"));
    assert_eq!(recorded, [("internal".to_owned(), "complete".to_owned())]);
    let counted = house.counted();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert!(counted[0].contains("outcome=\"internal\"") && counted[0].contains("status=\"500\""));
    assert!(counted[0].ends_with(" 1"), "{counted:?}");
}

#[test]
fn a_request_that_is_given_up_unserved_is_one_line_of_draining() {
    let house = House::new();
    assert_eq!(house.recorded(|_| {}), [("draining".to_owned(), "drained".to_owned())]);
}

#[test]
fn a_panic_after_the_record_adds_none() {
    let house = House::new();
    let recorded = house.recorded(|request| {
        let request_id = HeaderValue::from_static("req_1");
        let record = Record {
            outcome: Outcome::Forwarded,
            head: Some(request.head),
            ..Record::new(request.origin, &request_id, request.started, clock::wall())
        };
        request.write(&record, &request.gate.generations.current());
        panic!("on purpose");
    });
    assert_eq!(recorded, [("forwarded".to_owned(), "complete".to_owned())]);
    assert_eq!(house.counted().len(), 1);
}
