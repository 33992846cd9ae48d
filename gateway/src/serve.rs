//! Serving: the path of one request, top to bottom, and the connections that requests come on.

use std::time::{Duration, Instant};

use decision::answer::Action;
use decision::authenticate::Org;
use decision::authorize::Permit;
use decision::decide::{self, Question, Refused, Step};
use decision::facts::Timestamp;
use decision::forwarded;
use decision::outcome::Outcome;
use decision::standing::Standing;

use crate::alarm::Alarm;
use crate::clock;
use crate::forward::client::Client;
use crate::forward::{self, Ended, Finish, Order, heads};
use crate::generation::Generation;
use crate::metrics::At;
use crate::record::{Record, Shadowed};
use crate::request_id;
use crate::respond;

use here::Here;
use limited::{Answer, Limited};

mod answered;
mod here;
pub mod http1;
pub mod http2;
mod limited;
mod request;

pub use request::Request;

/// Serves a request, unless it is a load balancer's question, which is nobody's request.
pub async fn serve(request: &Request<'_>, client: &mut Client, alarm: &mut Alarm) {
    match request.origin.health_path.as_deref() {
        Some(path) if path == request.head.path => {
            request.leave_no_record();
            respond::health(client, alarm, request.gate).await;
        }
        _ => pass(request, client, alarm).await,
    }
}

/// The path of a request: accept → route → credential → authenticate → limit → authorize → forward → record.
async fn pass(request: &Request<'_>, client: &mut Client, alarm: &mut Alarm) {
    let Request { gate, origin, head, seat, started, .. } = *request;
    let generation = gate.generations.current();
    let view = head.view(origin);
    let mut journal = Journal::new(started);

    // accept: what was parsed is within its bounds; here is the one bound that requests share.
    let Some(_under_way) = gate.admit() else {
        let refused =
            Refused::of(Outcome::Overloaded, "server.bounds.in_flight requests are under way");
        return refuse(request, &generation, client, alarm, journal, &refused).await;
    };

    // route: what is answered whoever asks.
    if let Some(preflight) = decide::preflight(&generation.snapshot, &view) {
        return answered::preflight(request, &generation, client, alarm, journal, preflight).await;
    }

    // route, credential: what the head alone decides.
    let question = match decide::ask(&generation.snapshot, &gate.peppers, &view) {
        Ok(question) => question,
        Err(refused) => {
            return refuse(request, &generation, client, alarm, journal, &refused).await;
        }
    };

    // authenticate, limit, authorize: the one wait before forwarding, and only for what is not cached. After it all is asked
    // anew, but for what limits have said.
    let mut here = Here::new(gate, started, question.route().serve);
    let permit = loop {
        match judge(&question, &here, &generation, &mut journal) {
            Ok(Step::Wants(wanted)) => here.fetch(question.api(), wanted, &mut journal).await,
            // It rests on records that were never true together: once more, on those of a later moment.
            _ if !here.holds() => {}
            Ok(Step::Ready(permit)) => break permit,
            Err(refused) => {
                count_degraded(&generation, &question, &here);
                let refused = journal.limited.shown(refused, question.api());
                return refuse(request, &generation, client, alarm, journal, &refused).await;
            }
        }
    };

    // From here on what ends its standing ends the request: no wait stands between the check of the facts and this.
    if let Some(standing) = Standing::of(&permit) {
        seat.bind(standing, |key| here.position(key));
    }
    count_degraded(&generation, &question, &here);
    onward(request, &generation, client, alarm, journal, &permit).await;
}

/// Counts a request that was decided on facts beyond the lease.
fn count_degraded(generation: &Generation, question: &Question<'_>, here: &Here<'_>) {
    if here.is_stale() {
        generation.meters.api(Some(question.api().index)).stale_facts.inc();
    }
}

/// The rest of the path of a request that has a permit: forward → record.
async fn onward(
    request: &Request<'_>,
    generation: &Generation,
    client: &mut Client,
    alarm: &mut Alarm,
    mut journal: Journal,
    permit: &Permit<'_>,
) {
    let Request { gate, origin, head, seat, started, .. } = *request;
    journal.shadowed.authorize = permit.shadowed();
    let now = clock::now();
    journal.decision = now.saturating_duration_since(started).saturating_sub(journal.waited);

    // forward, unless the route answers by itself
    let upstream = match &permit.route().action {
        Action::Forward(upstream) => *upstream,
        Action::Draw(shares) => shares.at(fastrand::u64(..shares.total())),
        Action::Redirect(_) | Action::Respond(_) => {
            return answered::by_route(request, generation, client, alarm, journal, permit).await;
        }
    };
    let view = head.view(origin);
    let request_id = request_id::of(Some(&permit.api().identity), Some(&view), journal.wall);
    let at = At { api: Some(permit.api().index), route: Some(permit.route().index) };
    let meter = generation.meters.api(at.api);
    if let Some(principal) = permit.principal() {
        meter.count_accepted(&principal.scheme().name);
        gate.uses.note(principal.fact(), journal.wall);
    }
    let service = generation.upstreams.get(upstream);
    let Some(service) = service else {
        let refused = permit.refused(Outcome::Internal, "a route without its upstream");
        return refuse(request, generation, client, alarm, journal, &refused).await;
    };
    let websocket = permit.route().websocket && heads::asks_for_websocket(head);
    let added = journal.limited.fields(permit.api());
    let cors = permit.api().cors.as_ref().map(|cors| cors.fields(&view));
    let order = Order {
        permit,
        origin,
        head,
        request_id: &request_id,
        service,
        meter: generation.meters.upstream(upstream),
        seat,
        bounds: &gate.bounds,
        websocket,
        added: &added,
        started,
        cors: cors.as_deref(),
    };
    let under_way = meter.under_way();
    let forwarded = forward::forward(client, alarm, &order, now).await;
    drop(under_way);
    if matches!(forwarded.end, Finish::Forwarded | Finish::ClientGone) {
        journal.limited.leave();
    }
    let (outcome, status, ended, why) = match forwarded.end {
        Finish::Forwarded => (Outcome::Forwarded, forwarded.status, Ended::Complete, ""),
        Finish::ClientGone => {
            (Outcome::ClientGone, Outcome::ClientGone.status(), Ended::ClientGone, "")
        }
        Finish::Cut(Outcome::ClientGone, ended, why) => {
            (Outcome::ClientGone, Outcome::ClientGone.status(), ended, why)
        }
        Finish::Cut(outcome, ended, why) => (outcome, forwarded.status, ended, why),
        Finish::Refuse(outcome, why) => {
            let refused = journal.limited.shown(permit.refused(outcome, why), permit.api());
            limited::count_failure(generation, &refused, forwarded::client_ip(&view));
            respond::refuse(client, &refused, Some(&view), &request_id);
            (outcome, outcome.status(), Ended::Complete, why)
        }
    };

    // record: before the last bytes are waited for, since a drain may not wait as long.
    let record = Record {
        at,
        outcome,
        why,
        status,
        ended,
        begun: forwarded.status != 0,
        fact: permit.principal().map(|principal| &**principal.fact()),
        org: permit.principal().and_then(|principal| principal.org()).map(Org::id),
        scheme: permit.principal().map(|principal| &*principal.scheme().name),
        endpoint: forwarded.endpoint,
        upstream: Some(&service.name),
        upstream_time: forwarded.upstream_time,
        retries: forwarded.retries,
        finished: forwarded.finished,
        ..request.record(&journal, &request_id, client)
    };
    request.write(&record, generation);
    match forwarded.end {
        Finish::Cut(_, ended, _) => respond::cut(client, alarm, ended).await,
        Finish::Refuse(..) => respond::flush(client, alarm, &gate.bounds).await,
        Finish::Forwarded | Finish::ClientGone => {}
    }
}

/// The stages authenticate, limit and authorize, on what is known now.
fn judge<'q>(
    question: &'q Question<'_>,
    here: &Here<'_>,
    generation: &Generation,
    journal: &mut Journal,
) -> Answer<'q> {
    // A request that has not waited is as old as its head.
    let wall = if journal.waited.is_zero() { journal.wall } else { clock::wall() };
    let answer = match question.authenticate(here, wall) {
        Ok(Step::Ready(authenticated)) => {
            let charged = journal.limited.charge(generation, &authenticated);
            journal.shadowed.limit = journal.limited.shadowed(question.route());
            charged.and_then(|()| question.authorize(authenticated, here))
        }
        Ok(Step::Wants(wanted)) => Ok(Step::Wants(wanted)),
        Err(refused) => Err(refused),
    };
    journal.limited.hold_back(generation, question, answer)
}

/// What is noted on the way.
#[derive(Debug)]
pub struct Journal {
    wall: Timestamp,
    started: Instant,
    /// For facts.
    waited: Duration,
    decision: Duration,
    limited: Limited,
    shadowed: Shadowed,
}

impl Journal {
    pub fn new(started: Instant) -> Self {
        Self {
            wall: clock::wall(),
            started,
            waited: Duration::ZERO,
            decision: Duration::ZERO,
            limited: Limited::default(),
            shadowed: Shadowed::default(),
        }
    }
}

/// Answers a request that goes no further, and records it.
async fn refuse(
    request: &Request<'_>,
    generation: &Generation,
    client: &mut Client,
    alarm: &mut Alarm,
    mut journal: Journal,
    refused: &Refused<'_>,
) {
    let view = request.head.view(request.origin);
    journal.decision =
        clock::now().saturating_duration_since(journal.started).saturating_sub(journal.waited);
    let plan = refused.api.map(|api| &api.identity);
    let request_id = request_id::of(plan, Some(&view), journal.wall);
    if let (Some(api), Some(scheme)) = (refused.api, refused.scheme) {
        request.gate.metrics.count_refused_credential(&api.name, &scheme.name, refused.outcome);
    }
    limited::count_failure(generation, refused, forwarded::client_ip(&view));
    respond::refuse(client, refused, Some(&view), &request_id);
    let record = Record {
        at: At {
            api: refused.api.map(|api| api.index),
            route: refused.route.map(|route| route.index),
        },
        outcome: refused.outcome,
        why: refused.why,
        status: refused.outcome.status(),
        limit: refused.limit.as_deref().or_else(|| journal.limited.limit()),
        fact: refused.fact.as_deref(),
        org: refused.org.as_ref(),
        scheme: refused.scheme.map(|scheme| &*scheme.name),
        ..request.record(&journal, &request_id, client)
    };
    request.write(&record, generation);
    respond::flush(client, alarm, &request.gate.bounds).await;
}
