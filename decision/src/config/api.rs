//! `apis`: what is served under which host, and what the apis must not do to each other.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderName;

use super::addresses::addresses;
use super::cors::cors;
use super::dialect::{Dialects, judge_schemes};
use super::field::{Fields, Given, filled, given};
use super::form::{Form, name, text, word};
use super::identity::{Identity, identity};
use super::limits::Rules;
use super::names::Names;
use super::problem::{Judged, Place, Problems, quote};
use super::requirement::states;
use super::route::{Frame, ReadRoutes, routes};
use super::scheme::Schemes;
use super::snapshot::{Ambiguous, Api};
use crate::facts::{api_mask, realm_mask};
use crate::identity::NameSet;
use crate::route::{HostPattern, HostTable};

/// What `apis` says.
pub(super) struct Apis {
    pub(super) list: Vec<Api>,
    pub(super) hosts: Vec<HostTable>,
    pub(super) identity_names: NameSet,
}

/// An api, and what the others must know of it.
struct Draft<'t> {
    api: Judged<Api>,
    name: Judged<Given<'t>>,
    listeners: Vec<usize>,
    hosts: Vec<(HostPattern, Given<'t>)>,
    /// Names of identity headers, and where they are given.
    identity: Vec<(HeaderName, Place)>,
    /// Header fields that hold a credential, and where that is said.
    credentials: Vec<(HeaderName, Place)>,
    schemes: Names,
    /// Header fields that routes are chosen by, and where that is said.
    asked: Vec<(HeaderName, Place)>,
    /// Header fields that routes edit or send, and where that is said.
    said: Vec<(HeaderName, Place)>,
}

/// What apis share.
pub(super) struct Shared<'s, 't> {
    pub(super) listeners: &'s Names,
    pub(super) upstreams: &'s Names,
    pub(super) dialects: &'s Dialects<'t>,
    /// [`super::snapshot::StoreSettings::serve`]
    pub(super) serve: Duration,
}

pub(super) fn apis<'t>(top: &mut Fields<'t>, shared: &Shared<'_, 't>) -> Judged<Apis> {
    let Shared { listeners, dialects, .. } = *shared;
    let problems = top.problems;
    let node = top.node("apis").ok_or_else(|| top.missing("apis"))?;
    let mut names = Names::new("api");
    let read = |(index, node)| {
        let draft = Fields::of(node, problems, |api| draft(api, index, shared));
        names.define(&draft.name, problems);
        draft
    };
    let nodes = filled(node, "one api", problems)?;
    let drafts: Vec<_> = nodes.iter().enumerate().map(read).collect();
    let hosts = hosts(&drafts, listeners, problems);
    let schemes: Vec<_> = drafts.iter().map(|draft| &draft.schemes).collect();
    judge_schemes(&dialects.schemes, &schemes, problems);
    judge_identity(&drafts, problems);
    let identity = drafts.iter().flat_map(|draft| &draft.identity);
    let identity_names = identity.map(|(name, _)| name.clone()).collect();
    let list = drafts.into_iter().map(|draft| draft.api).collect::<Judged<_>>()?;
    Ok(Apis { list, hosts, identity_names })
}

fn draft<'t>(api: &mut Fields<'t>, index: usize, shared: &Shared<'_, 't>) -> Draft<'t> {
    let Shared { listeners, upstreams, dialects, serve } = *shared;
    let problems = api.problems;
    let realm = api.value("realm", &name());
    let name = api.required("name", &name());
    let hosts = hosts_of(api);
    let listeners = match api.filled_list("listeners", &text()) {
        Some(named) => {
            let position = |name: &Given<'_>| listeners.resolve(name, problems).ok();
            named.into_iter().filter_map(|name| position(&name.ok()?.given)).collect()
        }
        None => (0..listeners.count()).collect(),
    };
    let schemes = Schemes::of(api);
    let ambiguous = word(&[("refuse", Ambiguous::Refuse), ("first", Ambiguous::First)]);
    let ambiguous = api.value_or("ambiguous", &ambiguous, Ambiguous::Refuse);
    let states = api.block("states", states);
    let Identity { plan, places, forward_credential } = api.block("identity", identity);
    let upstream = api.value("upstream", &text());
    let upstream = upstream.map(|upstream| upstreams.resolve(&upstream?.given, problems));
    let rules = Rules::of(api);
    let errors = dialects.of_api(api, &schemes.names);
    let frame = Frame {
        upstreams,
        schemes: &schemes.names,
        upstream,
        forward_credential,
        limits: &rules.names,
        dialects,
        errors: &errors,
        serve,
    };
    let addresses = addresses(api);
    let cors = cors(api, plan.request_id.respond.as_ref());
    let ReadRoutes { table, asked, said } = routes(api, &frame);
    if cors.is_some() {
        judge_beside_cors(&said, problems);
    }
    let limits = rules.apply(api);

    let header_names = plan.headers.iter().map(|(name, _)| name.clone());
    let identity = header_names.zip(places).collect();
    let given_name = given(&name);
    let api = name.and_then(|name| {
        let realm = realm.unwrap_or_else(|| Ok(name.clone()))?;
        Ok(Api {
            index,
            mask: api_mask(&name.value),
            name: name.value.into(),
            realm_mask: realm_mask(&realm.value),
            realm: realm.value.into(),
            schemes: schemes.read.into_iter().map(|(scheme, _)| scheme).collect(),
            places: schemes.places,
            ambiguous,
            states,
            identity: plan,
            errors: errors.dialect?,
            addresses,
            cors,
            routes: table,
            limits: limits?,
        })
    });
    Draft {
        api,
        name: given_name,
        listeners,
        hosts,
        identity,
        credentials: schemes.headers,
        schemes: schemes.names,
        asked,
        said,
    }
}

fn hosts_of<'t>(api: &mut Fields<'t>) -> Vec<(HostPattern, Given<'t>)> {
    let form = Form::reasoned("a host, `*.name` or `*`", HostPattern::parse);
    if let Some(hosts) = api.filled_list("hosts", &form) {
        return hosts.into_iter().flatten().map(|host| (host.value, host.given)).collect();
    }
    let any = |place: &Place| Given { text: "*", written: "*", place: place.clone() };
    api.place().into_iter().map(|place| (HostPattern::Any, any(place))).collect()
}

/// One table for each listener: a host leads to one api.
fn hosts(drafts: &[Draft<'_>], listeners: &Names, problems: &Problems) -> Vec<HostTable> {
    let mut tables = vec![HostTable::default(); listeners.count()];
    let name_of = |api: usize| match drafts.get(api).map(|draft| &draft.name) {
        Some(Ok(name)) => quote(name.written),
        _ => format!("apis[{api}]"),
    };
    for (index, draft) in drafts.iter().enumerate() {
        for (host, given) in &draft.hosts {
            let holders = draft.listeners.iter().filter_map(|&listener| {
                tables.get_mut(listener)?.insert(host.clone(), index).err()
            });
            // Reported once, whatever the number of listeners.
            if let Some(holder) = holders.last() {
                let (host, ours, theirs) = (quote(given.written), name_of(index), name_of(holder));
                let message =
                    format!("the host {host} of api {ours} is that of api {theirs} already");
                problems.error(&given.place, message);
            }
        }
    }
    tables
}

/// What an upstream is told must not be what a client can say: no identity header is a place of a credential, in any api.
/// What `cors` says of an answer takes the place of what a route says.
fn judge_beside_cors(said: &[(HeaderName, Place)], problems: &Problems) {
    let of_answers = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("access-control-") && !name.starts_with("access-control-request-")
    };
    for (name, place) in said.iter().filter(|(name, _)| of_answers(name)) {
        problems.error(place, format!("`{name}` is not a route's to say: the api has `cors`"));
    }
}

fn judge_identity(drafts: &[Draft<'_>], problems: &Problems) {
    let credentials = drafts.iter().flat_map(|draft| &draft.credentials);
    let credentials: HashMap<_, _> = credentials.map(|(name, place)| (name, place)).collect();
    for (name, place) in drafts.iter().flat_map(|draft| &draft.identity) {
        if let Some(scheme) = credentials.get(name) {
            let scheme = problems.line_of(scheme);
            let message = format!(
                "`{name}` cannot be an identity header: the scheme at {scheme} reads credentials there"
            );
            problems.error(place, message);
        }
    }
    let names = drafts.iter().flat_map(|draft| &draft.identity);
    let names: HashMap<_, _> = names.map(|(name, place)| (name, place)).collect();
    let judge = |(name, place): &(HeaderName, Place), what: &str| {
        if let Some(header) = names.get(name) {
            let header = problems.line_of(header);
            problems.error(place, format!("`{name}` {what}: at {header} it is an identity header"));
        }
    };
    let asked = drafts.iter().flat_map(|draft| &draft.asked);
    asked.for_each(|asked| judge(asked, "chooses no route, since no client is believed in it"));
    let said = drafts.iter().flat_map(|draft| &draft.said);
    said.for_each(|said| judge(said, "is not a route's to say"));
}
