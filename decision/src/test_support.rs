//! Snapshots and requests made by hand, and the head that an upstream would see, for tests.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::authorize::Permit;
use crate::config::snapshot::{
    Ambiguous, Api, Auth, IdentityFact, IdentityPlan, Issue, LogLevel, LogPolicy, Place,
    RequestIdPart, RequestIdPlan, Rewrite, Route, Scheme, Snapshot,
};
use crate::facts::{Credential, Fact, Timestamp, api_mask};
use crate::name::Id;
use crate::request::{Field, Framing, Protocol, RequestHead};
use crate::route::{HostPattern, HostTable, Methods, Pattern, RouteTable};
use crate::secret::Pepper;
use crate::{forwarded, identity};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn pepper() -> Pepper {
    Pepper::new(&"a pepper of at least thirty-two bytes".to_owned().into()).unwrap()
}

pub(crate) fn route(name: &str) -> Route {
    Route {
        name: Arc::from(name),
        index: usize::MAX,
        path: name.to_owned(),
        upstream: 0,
        rewrite: Rewrite::default(),
        auth: Auth::Required,
        accept: u64::MAX,
        forward_credential: false,
        timeout: Duration::from_mins(1),
        idle: Duration::from_mins(5),
        body_limit: 1000,
        websocket: false,
    }
}

pub(crate) fn scheme(name: &str, prefix: Option<&str>, from: &[usize]) -> Scheme {
    Scheme {
        name: Arc::from(name),
        name_value: HeaderValue::from_str(name).unwrap(),
        prefix: prefix.map(str::to_owned),
        from: from.to_vec(),
        issue: Issue { lifetimes: None, checksum: true },
    }
}

pub(crate) fn header(name: &'static str) -> Place {
    Place::Header(HeaderName::from_static(name))
}

/// An api of two schemes in every kind of place: `ak` with the prefix `ak_`, and `any`, which takes all in `x-access-token`.
pub(crate) fn api(name: &str, routes: Vec<Route>) -> Api {
    let mut table = RouteTable::default();
    for route in routes {
        table.insert(&Pattern::parse(&route.path).unwrap(), Methods::ALL, route).unwrap();
    }
    Api {
        name: Arc::from(name),
        index: 0,
        mask: api_mask(name),
        realm: Arc::from(name),
        schemes: vec![scheme("ak", Some("ak_"), &[0, 1, 2, 3]), scheme("any", None, &[4])],
        places: vec![
            Place::Bearer,
            header("x-api-key"),
            Place::Cookie("sid".to_owned()),
            Place::Query("api_key".to_owned()),
            header("x-access-token"),
        ],
        ambiguous: Ambiguous::Refuse,
        identity: IdentityPlan { headers: default_identity(), request_id: request_id() },
        routes: table,
    }
}

pub(crate) fn default_identity() -> Vec<(HeaderName, IdentityFact)> {
    use IdentityFact::*;
    [
        ("x-org-id", Org),
        ("x-subject-id", Subject),
        ("x-credential-id", Credential),
        ("x-credential-scheme", Scheme),
        ("x-resource-id", Resource),
        ("x-level", Level),
        ("x-grants", Grants),
        ("x-scopes", Scopes),
        ("x-request-id", RequestId),
    ]
    .map(|(name, fact)| (HeaderName::from_static(name), fact))
    .into()
}

pub(crate) fn request_id() -> RequestIdPlan {
    RequestIdPlan {
        accept: false,
        max: 64,
        format: vec![RequestIdPart::Uuid],
        respond: Some(HeaderName::from_static("x-request-id")),
    }
}

/// One listener, which serves each api under its hosts.
pub(crate) fn snapshot(apis: Vec<(&[&str], Api)>) -> Snapshot {
    let mut table = HostTable::default();
    let mut numbered = Vec::new();
    for (index, (hosts, api)) in apis.into_iter().enumerate() {
        for host in hosts {
            table.insert(HostPattern::parse(host).unwrap(), index).unwrap();
        }
        numbered.push(Api { index, ..api });
    }
    Snapshot {
        identity_names: numbered
            .iter()
            .flat_map(|api| &api.identity.headers)
            .map(|(name, _)| name.clone())
            .collect(),
        apis: numbered,
        upstreams: Vec::new(),
        hosts: vec![table],
        log: LogPolicy {
            level: LogLevel::Info,
            sample: 1.0,
            always_refused: true,
            always_5xx: true,
            always_slow: true,
            slow: Duration::from_secs(1),
        },
        metrics_routes: 500,
    }
}

pub(crate) fn credential(api: &str, scheme: &str) -> Credential {
    Credential {
        id: Id::new("crd_1").unwrap(),
        api: api.to_owned(),
        scheme: scheme.to_owned(),
        name: None,
        hint: "ak_".to_owned(),
        external_id: None,
        subject: Id::new("user_1").unwrap(),
        org: Id::new("org_1"),
        created_at: Timestamp(0),
        expires_at: None,
        revoked_at: None,
        revoke_reason: None,
        disabled: false,
        ceiling: None,
        grants: None,
        scopes: None,
        audience: None,
        client_id: None,
        addresses: None,
        limits: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        last_used_at: None,
        version: 1,
    }
}

pub(crate) fn fact(api: &str, scheme: &str) -> Arc<Fact> {
    Arc::new(Fact::new(credential(api, scheme)))
}

/// A request that owns what a head borrows.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) framing: Framing,
    pub(crate) peer: IpAddr,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            host: "api.example".to_owned(),
            fields: Vec::new(),
            framing: Framing::None,
            peer: Ipv4Addr::new(192, 0, 2, 1).into(),
            trusted_proxies: Vec::new(),
        }
    }

    pub(crate) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn trusting(mut self, network: &str) -> Self {
        self.trusted_proxies.push(network.parse().unwrap());
        self
    }

    pub(crate) fn with_head<T>(&self, f: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let fields: Vec<Field<'_>> =
            self.fields.iter().map(|(name, value)| Field { name, value }).collect();
        f(&RequestHead {
            protocol: Protocol::Http11,
            method: &self.method,
            path,
            query,
            host: &self.host,
            fields: &fields,
            framing: self.framing,
            listener: 0,
            peer: self.peer,
            trusted_proxies: &self.trusted_proxies,
        })
    }

    /// What the upstream gets of this request, as the gateway is to build it: what is left, then what we say ourselves.
    pub(crate) fn sent(&self, permit: &Permit<'_>, request_id: &str) -> Self {
        let (edits, request_id) = (permit.edits(), HeaderValue::from_str(request_id).unwrap());
        let mut sent = Self { fields: Vec::new(), ..self.clone() };
        if let Some(target) = &edits.target {
            sent.target = target.clone();
        }
        self.with_head(|head| {
            for (position, field) in head.fields.iter().enumerate() {
                if let Some(value) = edits.value(position, field) {
                    sent.fields.push((field.name.to_owned(), value.to_vec()));
                }
            }
            let peer = forwarded::address_value(head.peer);
            forwarded::for_each(head, &peer, "http", |name, value| {
                sent.fields.push((name.to_owned(), value.to_vec()));
            });
            for (name, value) in identity::headers(permit, &request_id) {
                sent.fields.push((name.as_str().to_owned(), value.as_bytes().to_vec()));
            }
        });
        sent
    }

    /// Every value of a name, in whatever case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let same = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| {
            std::str::from_utf8(value).unwrap_or_else(|_| panic!("{name} is no text"))
        })
        .collect()
    }
}
