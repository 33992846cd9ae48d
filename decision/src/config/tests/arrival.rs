//! What a good file says is in the snapshot.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;

use super::{ADMIN_TOKEN, Environment, FULL, MINIMAL, OLD_PEPPER, PEPPER, file};
use crate::addresses::Addresses;
use crate::answer::Action;
use crate::config::load;
use crate::config::snapshot::{
    Ambiguous, Api, Auth, Balance, EndpointSpec, IdentityFact, Lifetime, LogLevel, Place,
    RequestIdPart, Route,
};
use crate::request::Field;
use crate::route::{Found, Host, Match};

fn route_of<'a>(api: &'a Api, path: &str, method: &str) -> &'a Route {
    let fields = [Field { name: "x-version", value: b"2" }, Field { name: "x-beta", value: b"on" }];
    match api.routes.find(path).map(|junction| junction.choose(method, &fields)) {
        Some(Found::Route(route)) => route,
        other => panic!("{other:?}"),
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn the_smallest_useful_configuration_has_the_defaults_of_the_process() {
    let compiled = load(&file(MINIMAL), &Environment::default()).unwrap();
    assert_eq!(compiled.warnings, []);
    let process = compiled.configuration.process;
    let [listener] = process.listeners.as_slice() else { panic!("one listener") };
    assert_eq!(
        (&*listener.name, listener.address.to_string().as_str()),
        ("0.0.0.0:8080", "0.0.0.0:8080")
    );
    assert!(listener.trusted_proxies.is_empty() && listener.http2);
    let bounds = process.bounds;
    assert_eq!((bounds.head, bounds.fields, bounds.uri), (16384, 100, 8192));
    assert_eq!(
        (bounds.head_timeout, bounds.idle),
        (Duration::from_secs(10), Duration::from_secs(75))
    );
    assert_eq!((bounds.body_rate, bounds.write_stall), (500, Duration::from_secs(30)));
    assert_eq!((bounds.streams, bounds.in_flight), (100, None));
    assert_eq!((bounds.connections, bounds.per_address), (None, 1000));
    assert_eq!(listener.health_path, None);
    assert!(process.admin.is_none(), "no token, no admin API");
    assert_eq!(process.health.to_string(), "0.0.0.0:9902");
    assert_eq!((process.threads, process.replica), (None, None));
    assert_eq!(
        (process.drain.delay, process.drain.timeout),
        (Duration::from_secs(5), Duration::from_secs(20))
    );
    let store = process.store;
    assert_eq!(store.path.to_str(), Some("conf/portcullis.db"), "beside the file");
    assert!(store.pepper.is_none() && store.previous_peppers.is_empty());
    assert!(store.sealing_key.is_none());
    assert_eq!((store.cache.capacity, store.cache.ttl), (100_000, minutes(10)));
    assert_eq!(
        (store.cache.negative_capacity, store.cache.negative_ttl),
        (10_000, Duration::from_secs(2))
    );
    assert_eq!(store.timeout, Duration::from_millis(50));
}

#[test]
fn the_smallest_useful_configuration_has_the_defaults_of_the_snapshot() {
    let compiled = load(&file(MINIMAL), &Environment::default()).unwrap();
    let snapshot = compiled.configuration.snapshot;
    let log = &snapshot.log;
    assert_eq!(
        (log.level, log.slow, snapshot.metrics_routes),
        (LogLevel::Info, Duration::from_secs(1), 500)
    );
    assert!(log.sample >= 1.0 && log.always_refused && log.always_5xx && log.always_slow);
    let [upstream] = snapshot.upstreams.as_slice() else { panic!("one upstream") };
    assert_eq!((&*upstream.name, &upstream.balance), ("app", &Balance::LeastRequest));
    assert_eq!(
        upstream.endpoints,
        [EndpointSpec { host: "127.0.0.1".into(), port: 9000, weight: 1 }]
    );
    assert_eq!(
        (upstream.connect_timeout, upstream.idle_timeout),
        (Duration::from_secs(1), Duration::from_secs(50))
    );
    let retries = upstream.retries;
    assert_eq!(
        (retries.attempts, retries.connect, retries.stale_connection, retries.unavailable),
        (2, true, true, false)
    );
    let [api] = snapshot.apis.as_slice() else { panic!("one api") };
    assert_eq!(
        (&*api.name, &*api.realm, api.index, api.ambiguous),
        ("app", "app", 0, Ambiguous::Refuse)
    );
    assert_eq!(api.mask, crate::facts::api_mask("app"));
    let x_api_key = Place::Header(HeaderName::from_static("x-api-key"));
    assert_eq!(api.places, [Place::Bearer, x_api_key]);
    let [scheme] = api.schemes.as_slice() else { panic!("one scheme") };
    assert_eq!((&*scheme.name, scheme.name_value.to_str().unwrap()), ("key", "key"));
    assert_eq!(
        (scheme.prefix.as_deref(), scheme.from.as_slice()),
        (Some("ak_"), [0, 1].as_slice())
    );
    assert!(scheme.issue.lifetimes.is_none() && scheme.issue.checksum);
    assert_eq!(api.identity.headers.len(), 9);
    assert!(snapshot.identity_names.contains("X-Org-Id"));
    let request_id = &api.identity.request_id;
    assert_eq!(
        (request_id.accept, request_id.max, request_id.format.as_slice()),
        (false, 64, [RequestIdPart::Uuid].as_slice())
    );
    assert_eq!(request_id.respond, Some(HeaderName::from_static("x-request-id")));
    assert_eq!(snapshot.hosts.len(), 1);
    assert_eq!(snapshot.hosts[0].find(&Host::parse("any.example").unwrap()), Some(0));
    let [route] = api.routes.routes() else { panic!("one route") };
    assert_eq!(route_of(api, "/a/b", "PATCH").path, "/**");
    assert_eq!(
        (&*route.name, route.path.as_str(), route.index, route.deadline),
        ("/**", "/**", 0, None)
    );
    assert!(matches!(route.action, Action::Forward(0)));
    assert!(route.headers.request.is_none() && route.headers.response.is_none());
    assert!(api.cors.is_none() && api.addresses.is_none() && route.addresses.is_none());
    assert_eq!((route.auth, route.accept, route.forward_credential), (Auth::Required, 1, false));
    assert_eq!((route.timeout, route.idle, route.body_limit), (minutes(1), minutes(5), 10 << 20));
    assert!(!route.websocket && route.rewrite.strip == 0 && route.rewrite.host.is_none());
}

#[test]
fn every_key_arrives_in_the_snapshot() {
    let compiled = load(&file(FULL), &Environment::full()).unwrap();
    assert_eq!(compiled.warnings, []);
    let process = compiled.configuration.process;
    let names: Vec<_> = process.listeners.iter().map(|listener| &*listener.name).collect();
    assert_eq!(names, ["public", "[::1]:8081"]);
    let nets: Vec<_> =
        process.listeners[0].trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(nets, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert!(!process.listeners[0].http2 && process.listeners[1].http2);
    let bounds = process.bounds;
    assert_eq!((bounds.head, bounds.fields, bounds.uri), (32768, 64, 4096));
    assert_eq!((bounds.head_timeout, bounds.idle), (Duration::from_secs(5), minutes(1)));
    assert_eq!((bounds.body_rate, bounds.write_stall), (1024, Duration::from_secs(20)));
    assert_eq!((bounds.streams, bounds.in_flight), (50, Some(1000)));
    let admin = process.admin.unwrap();
    assert_eq!(
        (admin.address.to_string().as_str(), admin.token.expose_secret()),
        ("127.0.0.1:9901", ADMIN_TOKEN)
    );
    assert_eq!(process.health.to_string(), "127.0.0.1:9902");
    assert_eq!((process.threads, process.replica.as_deref()), (Some(2), Some("left")));
    assert_eq!(
        (process.drain.delay, process.drain.timeout),
        (Duration::from_secs(1), Duration::from_secs(10))
    );
    let store = process.store;
    assert_eq!(store.path.to_str(), Some("conf/data/portcullis.db"));
    assert_eq!(store.pepper.unwrap().expose_secret(), PEPPER);
    let [previous] = store.previous_peppers.as_slice() else { panic!("one previous pepper") };
    assert_eq!(previous.expose_secret(), OLD_PEPPER);
    assert_eq!(store.sealing_key.unwrap().expose_secret(), [7; 32]);
    assert_eq!((store.cache.capacity, store.cache.ttl), (1000, minutes(1)));
    assert_eq!(
        (store.cache.negative_capacity, store.cache.negative_ttl),
        (100, Duration::from_secs(1))
    );
    assert_eq!(store.timeout, Duration::from_millis(100));

    let snapshot = compiled.configuration.snapshot;
    let log = &snapshot.log;
    assert_eq!(
        (log.level, log.slow, snapshot.metrics_routes),
        (LogLevel::Debug, Duration::from_millis(250), 10)
    );
    assert!((log.sample - 0.25).abs() < f64::EPSILON);
    assert!(!log.always_refused && log.always_5xx && !log.always_slow);
    let [app, other] = snapshot.upstreams.as_slice() else { panic!("two upstreams") };
    let hosts: Vec<_> = app.endpoints.iter().map(|endpoint| endpoint.host.as_str()).collect();
    assert_eq!(
        (hosts, &app.balance, app.outlier),
        (vec!["127.0.0.1", "::1", "app.internal."], &Balance::RoundRobin, None)
    );
    assert_eq!(
        (app.connect_timeout, app.idle_timeout),
        (Duration::from_secs(2), Duration::from_secs(40))
    );
    let retries = app.retries;
    assert_eq!(
        (retries.attempts, retries.connect, retries.stale_connection, retries.unavailable),
        (3, false, true, true)
    );
    assert_eq!((&*other.name, other.retries.connect), ("other", true));
}

#[test]
fn every_key_of_an_api_arrives_in_the_snapshot() {
    let snapshot = load(&file(FULL), &Environment::full()).unwrap().configuration.snapshot;
    let [one, two] = snapshot.apis.as_slice() else { panic!("two apis") };
    assert_eq!((&*one.realm, one.ambiguous, two.index), ("shared", Ambiguous::First, 1));
    let header = |name| Place::Header(HeaderName::from_static(name));
    let places = [
        Place::Bearer,
        header("x-api-key"),
        Place::Cookie("sid".into()),
        Place::Query("api_key".into()),
        header("x-access-token"),
    ];
    assert_eq!(one.places, places);
    let [ak, legacy] = one.schemes.as_slice() else { panic!("two schemes") };
    assert_eq!(
        (ak.from.as_slice(), legacy.from.as_slice()),
        ([0, 1, 2, 3].as_slice(), [4].as_slice())
    );
    assert_eq!(
        ak.issue.lifetimes,
        Some(vec![Lifetime::For(minutes(30 * 24 * 60)), Lifetime::Never, Lifetime::Date])
    );
    assert!(!ak.issue.checksum && legacy.prefix.is_none());
    let names: Vec<_> =
        one.identity.headers.iter().map(|(name, fact)| (name.as_str(), *fact)).collect();
    assert_eq!(
        names,
        [
            ("x-organization-id", IdentityFact::Org),
            ("x-user-id", IdentityFact::Subject),
            ("x-request-id", IdentityFact::RequestId)
        ]
    );
    let request_id = &one.identity.request_id;
    let format = [
        RequestIdPart::Text("req_".into()),
        RequestIdPart::Hex(16),
        RequestIdPart::Text("-".into()),
        RequestIdPart::Uuid,
    ];
    assert_eq!(
        (request_id.accept, request_id.max, request_id.format.as_slice()),
        (true, 100, format.as_slice())
    );
    assert_eq!(request_id.respond, Some(HeaderName::from_static("x-trace")));
    // Of every api: the first one's own names, and the second's defaults.
    assert!(
        snapshot.identity_names.contains("x-organization-id")
            && snapshot.identity_names.contains("x-org-id")
    );

    let find = |listener: usize, host| snapshot.hosts[listener].find(&Host::parse(host).unwrap());
    assert_eq!(
        (find(0, "www.example.com"), find(0, "a.b.example.com"), find(0, "elsewhere")),
        (Some(0), Some(0), Some(1))
    );
    assert_eq!(
        (find(1, "www.example.com"), find(1, "elsewhere")),
        (Some(1), Some(1)),
        "not of this listener"
    );

    let boards = route_of(one, "/api/ext/v1/o/boards/b", "POST");
    let block = |text: &str| text.parse().unwrap();
    let allow = vec![block("192.0.2.0/24"), block("2001:db8::/32")];
    assert_eq!(one.addresses, Some(Addresses { allow, deny: vec![block("192.0.2.13/32")] }));
    let allow = vec![block("10.0.0.0/8")];
    assert_eq!(boards.addresses, Some(Addresses { allow, deny: Vec::new() }));
    let asked = [("x-beta", "on"), ("x-version", "2")];
    let asked =
        asked.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    assert_eq!(boards.matching, Match::of(asked));
    assert_eq!((&*boards.name, boards.index), ("boards", 0));
    assert!(matches!(boards.action, Action::Forward(1)));
    assert_eq!((boards.rewrite.strip, boards.rewrite.add.as_str()), ("/api/ext".len(), "/v2"));
    assert_eq!(boards.rewrite.host.as_ref().unwrap(), "app.internal:9000");
    assert_eq!(
        (boards.auth, boards.accept, boards.forward_credential),
        (Auth::Optional, 0b10, false)
    );
    assert_eq!(
        (boards.timeout, boards.idle, boards.body_limit),
        (Duration::from_secs(30), minutes(60), 1 << 20)
    );
    assert!(boards.websocket);
    let public = route_of(one, "/public/a", "GET");
    assert_eq!((&*public.name, public.auth, public.accept), ("/public/**", Auth::None, 0));
    assert!(public.forward_credential, "as the api says");
}
