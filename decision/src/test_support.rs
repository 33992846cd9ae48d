//! Snapshots and requests made by hand, and the head that an upstream would see, for tests.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::answer::Action;
use crate::authorize::Permit;
use crate::config::snapshot::{
    Ambiguous, Api, Auth, IdentityFact, IdentityPlan, Issue, LogLevel, LogPolicy, OnRevoke, Place,
    RequestIdPart, RequestIdPlan, Requirement, Rewrite, Route, Scheme, Snapshot, States,
};
use crate::decide::{Question, Refused, Step};
use crate::dialect::Dialect;
use crate::facts::{
    Credential, Fact, FactKey, Known, Level, Lookup, Resource, ResourceState, Subject, SubjectKind,
    SubjectState, Timestamp, Wanted, api_mask, realm_mask,
};
use crate::headers::HeaderEdits;
use crate::limit::Limits;
use crate::name::Id;
use crate::request::{Field, Framing, Protocol, RequestHead};
use crate::route::{HostPattern, HostTable, Match, Methods, Pattern, RouteTable};
use crate::secret::{Pepper, Peppers};
use crate::{forwarded, identity};

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

pub(crate) fn subject(id: &str) -> Subject {
    Subject {
        id: Id::new(id).unwrap(),
        kind: SubjectKind::User,
        state: SubjectState::Active,
        admin: false,
        capabilities: BTreeSet::new(),
        metadata: serde_json::Map::new(),
        version: 1,
    }
}

pub(crate) fn resource(id: &str, parent: Option<&str>) -> Resource {
    Resource {
        id: Id::new(id).unwrap(),
        kind: if parent.is_some() { "board" } else { "org" }.to_owned(),
        parent: parent.map(|parent| Id::new(parent).unwrap()),
        state: ResourceState::Ok,
        capabilities: BTreeSet::new(),
        plan: None,
        members: None,
        metadata: serde_json::Map::new(),
        version: 1,
    }
}

pub(crate) fn members(of: &[(&str, Level)]) -> BTreeMap<Id, Level> {
    of.iter().map(|(id, level)| (Id::new(id).unwrap(), *level)).collect()
}

/// What is known: one credential, whatever its key, and subjects and resources of realms. Of what is not said here it is known
/// that there is no record.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) credential: Option<Lookup>,
    subjects: HashMap<FactKey, Option<Lookup<Subject>>>,
    resources: HashMap<FactKey, Option<Lookup<Resource>>>,
    /// Look-ups so far.
    pub(crate) asked: Cell<usize>,
}

impl Records {
    pub(crate) fn of(credential: Option<Lookup>) -> Self {
        Self {
            credential,
            subjects: HashMap::new(),
            resources: HashMap::new(),
            asked: Cell::new(0),
        }
    }

    pub(crate) fn subject(self, realm: &str, subject: Subject) -> Self {
        let id = subject.id.clone();
        self.subject_as(realm, id.as_str(), Some(Lookup::Found(Arc::new(subject))))
    }

    pub(crate) fn subject_as(
        mut self,
        realm: &str,
        id: &str,
        known: Option<Lookup<Subject>>,
    ) -> Self {
        let key = FactKey::subject(&realm_mask(realm), &Id::new(id).unwrap());
        self.subjects.insert(key, known);
        self
    }

    pub(crate) fn resource(self, realm: &str, resource: Resource) -> Self {
        let id = resource.id.clone();
        self.resource_as(realm, id.as_str(), Some(Lookup::Found(Arc::new(resource))))
    }

    pub(crate) fn resource_as(
        mut self,
        realm: &str,
        id: &str,
        known: Option<Lookup<Resource>>,
    ) -> Self {
        let key = FactKey::resource(&realm_mask(realm), &Id::new(id).unwrap());
        self.resources.insert(key, known);
        self
    }
}

impl Known for Records {
    fn credential(&self, _key: &FactKey) -> Option<Lookup> {
        self.asked.set(self.asked.get() + 1);
        self.credential.clone()
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        self.asked.set(self.asked.get() + 1);
        self.subjects.get(key).cloned().unwrap_or(Some(Lookup::Unknown))
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        self.asked.set(self.asked.get() + 1);
        self.resources.get(key).cloned().unwrap_or(Some(Lookup::Unknown))
    }
}

/// Where a decision ended.
#[derive(Debug)]
pub(crate) enum Ended<'q> {
    Permitted(Permit<'q>),
    Refused(Refused<'q>),
    Wants(Wanted),
}

/// Both stages, on what is known, with no limit between them.
pub(crate) fn answer<'q>(question: &'q Question<'q>, known: &Records) -> Ended<'q> {
    let authenticated = match question.authenticate(known, NOW) {
        Ok(Step::Ready(authenticated)) => authenticated,
        Ok(Step::Wants(wanted)) => return Ended::Wants(wanted),
        Err(refused) => return Ended::Refused(refused),
    };
    match question.authorize(authenticated, known) {
        Ok(Step::Ready(permit)) => Ended::Permitted(permit),
        Ok(Step::Wants(wanted)) => Ended::Wants(wanted),
        Err(refused) => Ended::Refused(refused),
    }
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
