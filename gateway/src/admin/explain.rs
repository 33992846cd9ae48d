//! `POST /v1/explain`: how this replica would decide a request, stage by stage. No quota is spent, nothing is forwarded, and
//! no secret is shown.

mod asked;
mod told;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Json;
use axum::response::IntoResponse as _;
use decision::authenticate::is_not_live;
use decision::authorize::Permit;
use decision::config::snapshot::{Api, Bounds, Snapshot};
use decision::decide::{self, Question, Refused, Step};
use decision::facts::Wanted;
use decision::identity;
use decision::outcome::{Outcome, Stage};
use decision::request::RequestHead;
use decision::route::Host;
use http::HeaderValue;
use ipnet::IpNet;

use self::asked::Asked;
pub(super) use self::asked::FIELDS_MAX;
use self::told::Told;
use super::call::Call;
use super::change;
use super::credentials::Answer;
use super::problem::Problem;
use super::view::{Explained, StageView};
use crate::accept::Origin;
use crate::accept::head::{self, Fault, Head, Scan};
use crate::clock;
use crate::generation::Generation;
use crate::limits::stranger;
use crate::record::Shadowed;
use crate::request_id;
use crate::store::Position;

/// The stages that can refuse, in order.
const STAGES: [Stage; 6] = [
    Stage::Accept,
    Stage::Route,
    Stage::Credential,
    Stage::Authenticate,
    Stage::Limit,
    Stage::Authorize,
];

pub(super) async fn explain(mut call: Call) -> Answer {
    call.query_ends()?;
    let asked = Asked::read(call.body().await?)?;
    let Call { admin, generation, .. } = call;
    let stand_in = match &asked.credential {
        Some(id) => {
            let found = change::read(admin.store.get(id)).await?;
            let unknown = || Problem::field_invalid("credential", "is no credential");
            Some(asked::stand_in(&generation.snapshot, &admin.keys, found.ok_or_else(unknown)?)?)
        }
        None => None,
    };
    let raw = asked.head(stand_in.as_ref());
    let mut told = Told::new(admin.feed.facts(), stand_in);
    let mut explained =
        judge(&raw, &admin.bounds, &generation, &admin.keys.peppers, &mut told).await;
    let log = change::read(admin.store.changes(Position(0), 1)).await?;
    explained.replica.clone_from(&admin.replica);
    explained.position = log.head.0;
    explained.generation = generation.number;
    explained.facts = told.facts();
    Ok(Json(explained).into_response())
}

/// Takes the request as far as it comes.
async fn judge(
    raw: &[u8],
    bounds: &Bounds,
    generation: &Generation,
    peppers: &decision::secret::Peppers,
    told: &mut Told<'_>,
) -> Explained {
    let head = match parse(raw, bounds) {
        Ok(head) => head,
        Err(Fault { outcome, why }) => {
            return refused(Stage::Accept, &Refused::of(outcome, why));
        }
    };
    let origin = origin(&generation.snapshot, head.host);
    let view = head.view(&origin);
    if let Some((api, answer)) = decide::preflight(&generation.snapshot, &view) {
        return preflight(api, answer.status.as_u16());
    }
    let question = match decide::ask(&generation.snapshot, peppers, &view) {
        Ok(question) => question,
        Err(error) => return refused(error.outcome.stage(), &error),
    };
    told.serve(question.route().serve);
    loop {
        let authenticated = match question.authenticate(told, clock::wall()) {
            Ok(Step::Ready(authenticated)) => authenticated,
            Ok(Step::Wants(wanted)) => {
                if matches!(wanted, Wanted::Credential { .. })
                    && let Some(error) = held_back(generation, &question)
                {
                    return refused(Stage::Authenticate, &error);
                }
                told.fetch(question.api(), wanted).await;
                continue;
            }
            Err(error) if told.holds() => {
                let held_back =
                    held_back(generation, &question).filter(|_| is_not_live(error.outcome));
                return refused(Stage::Authenticate, &held_back.unwrap_or(error));
            }
            Err(_) => continue,
        };
        let exceeded = generation.limits.look(&authenticated);
        if let Some(exceeded) = &exceeded
            && !question.route().shadow.limit
        {
            let error = authenticated.refused(exceeded.outcome, exceeded.why);
            return refused(Stage::Limit, &error);
        }
        match question.authorize(authenticated, told) {
            Ok(Step::Ready(permit)) if told.holds() => {
                let shadowed = Shadowed {
                    limit: exceeded.map(|exceeded| exceeded.outcome),
                    authorize: permit.shadowed(),
                };
                return permitted(&permit, generation, &view, shadowed);
            }
            Ok(Step::Wants(wanted)) => told.fetch(question.api(), wanted).await,
            Err(error) if told.holds() => return refused(Stage::Authorize, &error),
            Ok(Step::Ready(_)) | Err(_) => {}
        }
    }
}

/// What `failures` rules would say of whatever is not cached as live.
fn held_back<'q>(generation: &Generation, question: &Question<'q>) -> Option<Refused<'q>> {
    let (api, route) = (question.api(), question.route());
    let who = stranger(question.client_ip(), route);
    let exceeded = generation.limits.look_failures(api, route, &who)?;
    Some(question.refused(exceeded.outcome, exceeded.why))
}

fn parse<'r>(raw: &'r [u8], bounds: &Bounds) -> Result<Head<'r>, Fault> {
    match head::scan(raw, 0, bounds) {
        Scan::Complete(length) if length == raw.len() => head::parse(raw, bounds),
        Scan::Bad(fault) => Err(fault),
        Scan::Complete(_) | Scan::Partial => Err(head::malformed("that is not one head")),
    }
}

/// As if it came from this machine, which is believed what it says of a client, to the first listener that knows the host.
fn origin(snapshot: &Snapshot, host: &str) -> Origin {
    let host = Host::parse(host);
    let knows =
        |host: &Host<'_>| snapshot.hosts.iter().position(|table| table.find(host).is_some());
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Origin {
        listener: host.as_ref().and_then(knows).unwrap_or(0),
        peer: SocketAddr::new(here, 0),
        peer_value: HeaderValue::from_static("127.0.0.1"),
        trusted_proxies: [IpNet::from(here)].into(),
        health_path: None,
    }
}

fn refused(stage: Stage, refused: &Refused<'_>) -> Explained {
    let stages = STAGES.iter().map(|known| StageView {
        stage: known.name().to_owned(),
        outcome: match known.cmp(&stage) {
            std::cmp::Ordering::Less => "passed".to_owned(),
            std::cmp::Ordering::Equal => refused.outcome.name().to_owned(),
            std::cmp::Ordering::Greater => "not_reached".to_owned(),
        },
        detail: (*known == stage).then(|| refused.why.to_owned()),
        needed: refused.needed.filter(|_| *known == stage).map(|needed| needed.to_string()),
    });
    let credential = refused.fact.as_ref().map(|fact| &fact.credential);
    Explained {
        allowed: false,
        outcome: refused.outcome.name().to_owned(),
        status: Some(refused.outcome.status()),
        stages: stages.collect(),
        api: refused.api.map(|api| api.name.to_string()),
        route: refused.route.map(|route| route.name.to_string()),
        scheme: refused.scheme.map(|scheme| scheme.name.to_string()),
        credential: credential.map(|credential| credential.id.to_string()),
        subject: credential.map(|credential| credential.subject.to_string()),
        org: refused.org.as_ref().map(ToString::to_string),
        resource: refused.resource.as_ref().map(ToString::to_string),
        ..Explained::default()
    }
}

/// It is answered at the stage route, whoever asks.
fn preflight(api: &Api, status: u16) -> Explained {
    let stages = STAGES.iter().map(|stage| StageView {
        stage: stage.name().to_owned(),
        outcome: match stage.cmp(&Stage::Route) {
            std::cmp::Ordering::Less => "passed".to_owned(),
            std::cmp::Ordering::Equal => Outcome::Answered.name().to_owned(),
            std::cmp::Ordering::Greater => "not_reached".to_owned(),
        },
        detail: None,
        needed: None,
    });
    Explained {
        allowed: true,
        outcome: Outcome::Answered.name().to_owned(),
        status: Some(status),
        stages: stages.collect(),
        api: Some(api.name.to_string()),
        ..Explained::default()
    }
}

fn permitted(
    permit: &Permit<'_>,
    generation: &Generation,
    head: &RequestHead<'_>,
    shadowed: Shadowed,
) -> Explained {
    let stages = STAGES.iter().map(|stage| {
        let shadowed = match stage {
            Stage::Limit => shadowed.limit,
            Stage::Authorize => shadowed.authorize,
            _ => None,
        };
        StageView {
            stage: stage.name().to_owned(),
            outcome: shadowed.map_or("passed", Outcome::name).to_owned(),
            detail: shadowed.map(|_| "in shadow: recorded, and not refused".to_owned()),
            needed: None,
        }
    });
    let route = permit.route();
    let principal = permit.principal();
    let request_id = request_id::of(Some(&permit.api().identity), Some(head), clock::wall());
    let told = identity::headers(permit, &request_id).map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    // Where one of several is drawn for each request, all of them.
    let upstreams = route.action.upstreams().into_iter();
    let upstreams: Vec<_> =
        upstreams.filter_map(|upstream| generation.upstreams.get(upstream)).collect();
    let names: Vec<_> = upstreams.iter().map(|upstream| &*upstream.name).collect();
    let answers = route.action.answers();
    let outcome = if answers.is_some() { Outcome::Answered } else { Outcome::Forwarded };
    Explained {
        allowed: true,
        outcome: outcome.name().to_owned(),
        status: answers.map(|status| status.as_u16()),
        stages: stages.collect(),
        api: Some(permit.api().name.to_string()),
        route: Some(route.name.to_string()),
        upstream: (!names.is_empty()).then(|| names.join(", ")),
        path: answers.is_none().then(|| path(permit, head)),
        scheme: principal.map(|principal| principal.scheme().name.to_string()),
        credential: principal.map(|principal| principal.fact().credential.id.to_string()),
        subject: principal.map(|principal| principal.subject().to_string()),
        org: principal.and_then(|principal| principal.org()).map(|org| org.id().to_string()),
        resource: permit.resource().map(ToString::to_string),
        level: permit.level().map(|level| level.name().to_owned()),
        identity: told.collect::<BTreeMap<_, _>>(),
        ..Explained::default()
    }
}

/// The path that would be sent, without its query: a credential of another api may be in it.
fn path(permit: &Permit<'_>, head: &RequestHead<'_>) -> String {
    let target = permit.edits().target.as_deref().unwrap_or(head.path);
    target.split_once('?').map_or(target, |(path, _)| path).to_owned()
}
