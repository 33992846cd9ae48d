//! The compiled configuration: nothing left to parse or to fail. Made by `compile`, read by every request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use secrecy::SecretString;

use crate::addresses::Addresses;
use crate::answer::Action;
use crate::cors::Cors;
use crate::dialect::Dialect;
use crate::headers::HeaderEdits;
use crate::identity::NameSet;
use crate::limit::Limits;
use crate::route::{HostTable, Match, RouteTable};

mod requirement;
mod store;

pub use requirement::{
    ByMethod, Expiry, Issue, Lifetime, OnRevoke, Requirement, ResourceSource, RouteResource,
    States, UnknownResource,
};
pub use store::{Address, CacheSettings, RedisServers, RedisSettings, RedisTls, StoreSettings};

/// All that a configuration file says, in its two lifetimes.
#[derive(Debug)]
pub struct Configuration {
    /// Read once, at start.
    pub process: Process,
    /// Swapped whole.
    pub snapshot: Snapshot,
}

// --- the process: what needs a restart -------------------------------------------------------------------------------

/// `server` and `store`.
#[derive(Debug)]
pub struct Process {
    pub listeners: Vec<Listener>,
    pub bounds: Bounds,
    /// `None` = no admin API.
    pub admin: Option<Admin>,
    pub health: SocketAddr,
    /// Whether `/ready` is 503 while the silence of the store means refusing.
    pub unready_when_store_lost: bool,
    /// `None` = as many as the cgroup allows cores.
    pub threads: Option<usize>,
    pub drain: Drain,
    /// `None` = generated.
    pub replica: Option<String>,
    pub store: StoreSettings,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub name: Arc<str>,
    pub address: SocketAddr,
    /// Peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// HTTP/2 by prior knowledge on this plaintext listener.
    pub http2: bool,
    /// A path that is answered before routing: 200, or 503 while draining.
    pub health_path: Option<Arc<str>>,
}

/// `server.bounds`: what one peer can cost. Each is absolute.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Bytes of a head, request line included.
    pub head: usize,
    /// Fields of a head; at most [`crate::request::FieldSet::CAPACITY`].
    pub fields: usize,
    /// Bytes of a request target.
    pub uri: usize,
    pub head_timeout: Duration,
    pub idle: Duration,
    /// Least bytes a second of a request body while more would be taken, measured over 10 s.
    pub body_rate: u64,
    pub write_stall: Duration,
    /// HTTP/2 streams of one connection.
    pub streams: u32,
    /// Connections of clients, in the process; `None` = from descriptors and memory.
    pub connections: Option<usize>,
    /// Connections of one address, trusted proxies excepted.
    pub per_address: usize,
    /// Requests under way in the process; `None` = from descriptors and memory.
    pub in_flight: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Admin {
    pub address: SocketAddr,
    pub token: SecretString,
}

#[derive(Clone, Debug)]
pub struct Drain {
    pub delay: Duration,
    pub timeout: Duration,
}

// --- the snapshot: what a reload swaps -------------------------------------------------------------------------------

#[derive(Debug)]
pub struct Snapshot {
    pub apis: Vec<Api>,
    pub upstreams: Vec<UpstreamSpec>,
    /// One table a listener, in the order of the configuration.
    pub hosts: Vec<HostTable>,
    /// The names of every identity header of every api: no client's copy ever travels on.
    pub identity_names: NameSet,
    pub log: LogPolicy,
    /// Routes that have a metric label of their own; the rest share `other`.
    pub metrics_routes: usize,
    /// Of all routes: the longest [`Route::serve`].
    pub longest_serve: Duration,
}

#[derive(Debug)]
pub struct Api {
    pub name: Arc<str>,
    /// Position in [`Snapshot::apis`].
    pub index: usize,
    /// [`crate::facts::api_mask`] of the name.
    pub mask: [u8; 32],
    pub realm: Arc<str>,
    /// [`crate::facts::realm_mask`] of the realm.
    pub realm_mask: [u8; 32],
    /// In order of precedence; at most 64.
    pub schemes: Vec<Scheme>,
    /// The distinct places of all schemes, in the order of their first mention.
    pub places: Vec<Place>,
    pub ambiguous: Ambiguous,
    pub states: States,
    pub identity: IdentityPlan,
    /// How refusals are spoken.
    pub errors: Arc<Dialect>,
    /// `None` = clients from anywhere.
    pub addresses: Option<Addresses>,
    /// `None` = what upstreams say of other origins passes as it is.
    pub cors: Option<Cors>,
    pub routes: RouteTable,
    pub limits: Limits,
}

#[derive(Debug)]
pub struct Scheme {
    pub name: Arc<str>,
    pub name_value: HeaderValue,
    /// `None` = catch-all.
    pub prefix: Option<String>,
    /// Positions in [`Api::places`], in order.
    pub from: Vec<usize>,
    pub issue: Issue,
    /// A credential without an audience is refused where a route has one.
    pub bound: bool,
    pub on_revoke: OnRevoke,
    /// What ends a credential also ends its requests under way.
    pub cut_in_flight: bool,
    /// The field in which a client picks among a credential's organisations.
    pub choose_org: Option<HeaderName>,
}

/// Where a credential can sit in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `Authorization: Bearer …`
    Bearer,
    /// Lower-case.
    Header(HeaderName),
    Cookie(String),
    Query(String),
}

/// What different credentials in different places mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    Refuse,
    First,
}

/// What an upstream is told about who is asking.
#[derive(Debug)]
pub struct IdentityPlan {
    pub headers: Vec<(HeaderName, IdentityFact)>,
    pub request_id: RequestIdPlan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityFact {
    Org,
    Subject,
    Credential,
    Scheme,
    Resource,
    Level,
    Grants,
    Scopes,
    RequestId,
}

#[derive(Clone, Debug)]
pub struct RequestIdPlan {
    /// Take a client's own, of at most `max` visible ASCII characters.
    pub accept: bool,
    pub max: usize,
    /// Literal parts and random ones, in order.
    pub format: Vec<RequestIdPart>,
    /// The response field that carries it; `None` = not echoed.
    pub respond: Option<HeaderName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestIdPart {
    Text(String),
    /// `{hexN}`: N hexadecimal digits, 8 to 32.
    Hex(usize),
    /// `{uuid}`: a UUID of version 7 (RFC 9562).
    Uuid,
}

#[derive(Debug)]
pub struct Route {
    pub name: Arc<str>,
    /// Position in [`Api::routes`], which gives it.
    pub index: usize,
    /// As configured, for people.
    pub path: String,
    /// What it asks of a request beside path and method.
    pub matching: Match,
    /// `None` = whom the api lets in.
    pub addresses: Option<Addresses>,
    pub action: Action,
    pub rewrite: Rewrite,
    pub headers: HeaderEdits,
    pub auth: Auth,
    /// A bit per scheme of the api, in order.
    pub accept: u64,
    pub requirement: Requirement,
    pub forward_credential: bool,
    /// Until the response head, from the end of the request.
    pub timeout: Duration,
    /// Of a response or tunnel, in both directions together.
    pub idle: Duration,
    /// Of the whole request, from the end of its head; `None` = none.
    pub deadline: Option<Duration>,
    /// Bytes.
    pub body_limit: u64,
    pub websocket: bool,
    /// Positions in [`Limits::rules`], beside the api's default ones.
    pub limits: Vec<usize>,
    /// How refusals are spoken here; `None` = as the api's are.
    pub errors: Option<Arc<Dialect>>,
    pub shadow: Shadow,
    /// How long after the lease has lapsed cached facts are used here; zero: not at all. Of a store that is shared.
    pub serve: Duration,
}

/// Stages of a route that are evaluated and recorded but do not refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shadow {
    pub limit: bool,
    pub authorize: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// Bytes of the normalised path to take off the front; always whole literal segments.
    pub strip: usize,
    /// What to put in front instead; normalised, without a slash at its end.
    pub add: String,
    /// The authority to send instead of the client's.
    pub host: Option<HeaderValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    Required,
    Optional,
    None,
}

/// How to reach a service. Its live endpoints are the gateway's.
#[derive(Debug)]
pub struct UpstreamSpec {
    pub name: Arc<str>,
    pub endpoints: Vec<EndpointSpec>,
    pub balance: Balance,
    pub connect_timeout: Duration,
    pub idle_timeout: Duration,
    pub retries: Retries,
    /// `None` = endpoints that fail stay.
    pub outlier: Option<Outlier>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointSpec {
    /// An address or a DNS name.
    pub host: String,
    pub port: u16,
    /// Its share beside the others', 1 to 1000; of a name, that of each of its addresses.
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    RoundRobin,
    LeastRequest,
    Random,
    /// Requests that are sent the same value of this field go to the same endpoint.
    Hash(HeaderName),
}

/// When an endpoint that fails is left out for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlier {
    /// At least 1.
    pub consecutive_failures: u32,
    pub eject_for: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// In all, the first included; at least 1.
    pub attempts: u32,
    /// The next endpoint after a connection that could not be made.
    pub connect: bool,
    /// Again after a pooled connection that turned out closed.
    pub stale_connection: bool,
    /// Again after an answer of 503, where the method and the body allow it.
    pub unavailable: bool,
}

#[derive(Clone, Debug)]
pub struct LogPolicy {
    pub level: LogLevel,
    /// The share of access log lines kept, 0 to 1.
    pub sample: f64,
    pub always_refused: bool,
    pub always_5xx: bool,
    pub always_slow: bool,
    pub slow: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}
