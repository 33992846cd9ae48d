//! Snapshots, records and requests made by hand, for tests.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::answer::Action;
use crate::config::snapshot::{
    Ambiguous, Api, Auth, IdentityFact, IdentityPlan, Issue, LogLevel, LogPolicy, OnRevoke, Place,
    RequestIdPart, RequestIdPlan, Requirement, Rewrite, Route, Scheme, Shadow, Snapshot, States,
};
use crate::dialect::Dialect;
use crate::facts::{Timestamp, api_mask, realm_mask};
use crate::headers::HeaderEdits;
use crate::limit::Limits;
use crate::route::{HostPattern, HostTable, Match, Methods, Pattern, RouteTable};
use crate::secret::{Pepper, Peppers};

mod records;
mod request;

pub(crate) use records::{Ended, Records, answer, credential, fact, members, resource, subject};
pub(crate) use request::Request;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn peppers() -> Peppers {
    Pepper::new(&"a pepper of at least thirty-two bytes".to_owned().into()).unwrap().into()
}

pub(crate) fn route(name: &str) -> Route {
    Route {
        name: Arc::from(name),
        index: usize::MAX,
        path: name.to_owned(),
        matching: Match::default(),
        addresses: None,
        action: Action::Forward(0),
        rewrite: Rewrite::default(),
        headers: HeaderEdits::default(),
        auth: Auth::Required,
        accept: u64::MAX,
        requirement: Requirement::default(),
        forward_credential: false,
        timeout: Duration::from_mins(1),
        idle: Duration::from_mins(5),
        deadline: None,
        body_limit: 1000,
        websocket: false,
        limits: Vec::new(),
        errors: None,
        shadow: Shadow::default(),
        serve: Duration::ZERO,
    }
}

pub(crate) fn scheme(name: &str, prefix: Option<&str>, from: &[usize]) -> Scheme {
    Scheme {
        name: Arc::from(name),
        name_value: HeaderValue::from_str(name).unwrap(),
        prefix: prefix.map(str::to_owned),
        from: from.to_vec(),
        issue: Issue::default(),
        bound: false,
        on_revoke: OnRevoke::Tombstone,
        cut_in_flight: true,
        choose_org: None,
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
        realm_mask: realm_mask(name),
        schemes: vec![scheme("ak", Some("ak_"), &[0, 1, 2, 3]), scheme("any", None, &[4])],
        places: vec![
            Place::Bearer,
            header("x-api-key"),
            Place::Cookie("sid".to_owned()),
            Place::Query("api_key".to_owned()),
            header("x-access-token"),
        ],
        ambiguous: Ambiguous::Refuse,
        states: States::default(),
        identity: IdentityPlan { headers: default_identity(), request_id: request_id() },
        errors: Dialect::problem(),
        addresses: None,
        cors: None,
        routes: table,
        limits: Limits::default(),
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
        longest_serve: Duration::ZERO,
    }
}
