//! The record of a request: exactly one access log line and one count, at its end, whatever that was.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use decision::facts::{Fact, Timestamp};
use decision::name::Id;
use decision::outcome::Outcome;
use http::HeaderValue;
use serde::Serialize as _;

use crate::accept::Origin;
use crate::accept::head::Head;
use crate::clock;
use crate::forward::Ended;
use crate::gate::Gate;
use crate::generation::Generation;
use crate::log::time_text;
use crate::metrics::{At, UNKNOWN};

/// What is known of a request when it ends.
#[derive(Debug)]
pub struct Record<'r> {
    pub origin: &'r Origin,
    /// `None` when it could not be parsed.
    pub head: Option<&'r Head<'r>>,
    pub request_id: &'r str,
    pub client_ip: std::net::IpAddr,
    pub at: At,
    pub outcome: Outcome,
    /// The reason, for people who run the gateway.
    pub why: &'static str,
    /// The upstream's; of a refusal the outcome's own, whatever its dialect sends.
    pub status: u16,
    pub ended: Ended,
    /// Whether an upstream's answer had begun to go over.
    pub begun: bool,
    /// The limit that refused, or would have.
    pub limit: Option<&'r str>,
    pub shadowed: Shadowed,
    pub fact: Option<&'r Fact>,
    /// That of the request; `None`: as far as is known, that of the credential.
    pub org: Option<&'r Id>,
    pub scheme: Option<&'r str>,
    pub started: Instant,
    /// `None` = now.
    pub finished: Option<Instant>,
    pub wall: Timestamp,
    pub decision: Duration,
    pub endpoint: Option<SocketAddr>,
    pub upstream: Option<&'r str>,
    pub upstream_time: Option<Duration>,
    pub retries: u32,
    /// Content, in and out.
    pub bytes: (u64, u64),
}

/// What stages in shadow would have refused a request with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shadowed {
    pub limit: Option<Outcome>,
    pub authorize: Option<Outcome>,
}

impl Shadowed {
    /// In the order of the stages.
    fn outcomes(self) -> impl Iterator<Item = Outcome> {
        self.limit.into_iter().chain(self.authorize)
    }

    /// For the log; `None` = none would have.
    fn text(self) -> Option<String> {
        let names: Vec<_> = self.outcomes().map(Outcome::name).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl<'r> Record<'r> {
    /// Of a request of which nothing is known but that it was.
    pub fn new(
        origin: &'r Origin,
        request_id: &'r HeaderValue,
        started: Instant,
        wall: Timestamp,
    ) -> Self {
        Self {
            origin,
            head: None,
            request_id: request_id.to_str().unwrap_or_default(),
            client_ip: origin.peer.ip().to_canonical(),
            at: At::default(),
            outcome: Outcome::Internal,
            why: "",
            status: 0,
            ended: Ended::Complete,
            begun: false,
            limit: None,
            shadowed: Shadowed::default(),
            fact: None,
            org: None,
            scheme: None,
            started,
            finished: None,
            wall,
            decision: Duration::ZERO,
            endpoint: None,
            upstream: None,
            upstream_time: None,
            retries: 0,
            bytes: (0, 0),
        }
    }

    /// Counts it, and logs it where the policy keeps it.
    pub fn write(&self, gate: &Gate, generation: &Generation) {
        let finished = self.finished.unwrap_or_else(clock::now);
        let duration = finished.saturating_duration_since(self.started);
        let api = generation.meters.api(self.at.api);
        gate.metrics.count(&generation.meters, &self.at, self.outcome, self.status);
        api.route(self.at.route).duration.observe(duration.as_secs_f64());
        api.decision_duration.observe(self.decision.as_secs_f64());
        api.bytes_in.inc_by(self.bytes.0);
        api.bytes_out.inc_by(self.bytes.1);
        for outcome in self.shadowed.outcomes() {
            gate.metrics.count_shadowed(&generation.meters, &self.at, outcome);
        }
        if self.begun && self.ended != Ended::Complete {
            let name = self.api_name(generation);
            gate.metrics.count_cut(name, self.ended.name());
        }
        if self.is_kept(generation, duration) {
            gate.access_log.line(|out| self.render(out, gate, generation, duration));
        }
    }

    fn is_kept(&self, generation: &Generation, duration: Duration) -> bool {
        let policy = &generation.snapshot.log;
        let refused = self.outcome.is_refusal();
        policy.sample >= 1.0
            || (policy.always_refused && refused)
            || (policy.always_5xx && self.status >= 500)
            || (policy.always_slow && duration >= policy.slow)
            || (policy.sample > 0.0 && fastrand::f64() < policy.sample)
    }

    fn api_name<'g>(&self, generation: &'g Generation) -> &'g str {
        self.at
            .api
            .and_then(|index| generation.snapshot.apis.get(index))
            .map_or(UNKNOWN, |api| &api.name)
    }

    fn render(&self, out: &mut Vec<u8>, gate: &Gate, generation: &Generation, duration: Duration) {
        let api = self.at.api.and_then(|index| generation.snapshot.apis.get(index));
        let route = api.zip(self.at.route).and_then(|(api, index)| api.routes.routes().get(index));
        let head = self.head;
        let credential = self.fact.map(|fact| &fact.credential);
        let mut line = JsonLine::new(out);
        line.text("time", Some(&time_text(self.wall.0)));
        line.text("request_id", Some(self.request_id));
        line.text("trace_id", None);
        line.text("api", Some(api.map_or(UNKNOWN, |api| &api.name)));
        line.text("route", Some(route.map_or(UNKNOWN, |route| &route.name)));
        line.text("method", head.map(|head| head.method));
        line.text("host", head.map(|head| head.host));
        line.text("path", head.map(|head| head.path));
        line.text("protocol", head.map(|head| head.protocol.name()));
        line.number("status", Some(self.status));
        line.text("outcome", Some(self.outcome.name()));
        line.text("stage", Some(self.outcome.stage().name()));
        line.text("why", Some(self.why).filter(|why| !why.is_empty()));
        line.number("duration_ms", Some(milliseconds(duration)));
        line.number("upstream_ms", self.upstream_time.map(milliseconds));
        line.number("decision_us", Some(self.decision.as_nanos() as f64 / 1_000.0));
        let org = self.org.or_else(|| credential?.org.as_ref());
        line.text("org", org.map(Id::as_str));
        line.text("subject", credential.map(|credential| credential.subject.as_str()));
        line.text("credential", credential.map(|credential| credential.id.as_str()));
        line.text("scheme", self.scheme);
        line.text("limit", self.limit);
        line.text("shadow", self.shadowed.text().as_deref());
        line.text("client_ip", Some(&self.client_ip.to_string()));
        line.text("peer", Some(&self.origin.peer.to_string()));
        let agent = head.and_then(|head| head.field("user-agent")).map(String::from_utf8_lossy);
        line.text("user_agent", agent.as_deref());
        line.number("bytes_in", Some(self.bytes.0));
        line.number("bytes_out", Some(self.bytes.1));
        line.text("upstream", self.upstream);
        line.text("endpoint", self.endpoint.map(|endpoint| endpoint.to_string()).as_deref());
        line.number("retries", Some(self.retries));
        line.text("replica", Some(&gate.replica));
        line.text("ended", Some(self.ended.name()));
        line.end();
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// One flat JSON object, written straight into the log's buffer.
struct JsonLine<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> JsonLine<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Names are ours and need no escape.
    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        let _to_memory = write!(self.out, "\"{name}\":");
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        let _to_memory = value.serialize(&mut serde_json::Serializer::new(&mut *self.out));
    }

    fn number(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        self.name(name);
        let _to_memory = match value {
            Some(value) => write!(self.out, "{value}"),
            None => write!(self.out, "null"),
        };
    }

    fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }
}
