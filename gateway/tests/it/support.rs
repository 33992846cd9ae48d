//! The test house: a gateway process, upstreams that do as they are told, and clients that send exact bytes.
//!
//! Nothing here sleeps in the hope that something has happened: a test waits for bytes, for a line, for an end, or asks again
//! until it is so, each with the one generous bound [`PATIENCE`].

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) mod client;
pub(crate) mod ended;
pub(crate) mod gateway;
pub(crate) mod h2c;
pub(crate) mod http1;
pub(crate) mod lines;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod reload;
pub(crate) mod ruled;
pub(crate) mod sockets;
pub(crate) mod steps;
pub(crate) mod upstream;
mod witness;

pub(crate) use client::{Client, request};
pub(crate) use gateway::{Gateway, Setup};
pub(crate) use h2c::H2;
pub(crate) use http1::Response;
pub(crate) use ruled::Ruled;
pub(crate) use steps::Steps;
pub(crate) use upstream::{Gate, Upstream};

/// How long any wait may take before the test fails. Far above what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until it is so: for what nobody announces, such as the state of another process.
///
/// # Panics
/// When it is not so within twice [`PATIENCE`].
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "between two questions there is a pause")]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE * 2, "it never came to pass: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// One api `app` at any host, scheme `key` with the prefix `ak_`, one route `/**` to `upstream`.
pub(crate) fn one_api(upstream: &Upstream) -> String {
    format!(
        "upstreams: {{ app: [{}] }}\n\
         apis:\n  - name: app\n    upstream: app\n    schemes: [{{ name: key, prefix: ak_ }}]\n",
        upstream.address()
    )
}

/// The same with `lines` (YAML at the level of the api's own keys) added to the api.
pub(crate) fn one_api_with(upstream: &Upstream, lines: &str) -> String {
    let mut yaml = one_api(upstream);
    for line in lines.lines() {
        yaml.push_str("    ");
        yaml.push_str(line);
        yaml.push('\n');
    }
    yaml
}

/// [`one_api`] with its route open to everybody, and these `keys` of the route: `timeout: 300ms, idle: 1s`.
pub(crate) fn open_api(upstream: &Upstream, keys: &str) -> String {
    one_api_with(upstream, &format!("routes: [{{ path: /**, auth: none, {keys} }}]"))
}

/// [`open_api`] on one thread, so that all clients share one pool of upstream connections.
pub(crate) fn one_pool(upstream: &Upstream, keys: &str) -> Gateway {
    Setup::new(open_api(upstream, keys)).server("threads: 1").start()
}

/// The whole millisecond that is `after` from now, and how the admin API spells it.
#[expect(clippy::disallowed_methods, reason = "credentials end by the wall clock")]
pub(crate) fn instant_after(after: Duration) -> (SystemTime, String) {
    let instant = SystemTime::now() + after;
    let millis = instant.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().cast_signed();
    let instant = OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).unwrap();
    (instant.into(), instant.format(&Rfc3339).unwrap())
}

/// Asks again and again, where nothing says when it will be so.
///
/// # Panics
/// When it is not so within [`PATIENCE`].
#[expect(clippy::disallowed_methods, reason = "what never comes ends the test")]
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it never comes to be so");
    }
}
