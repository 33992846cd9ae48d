//! Answers that are neither a refusal nor an upstream's: preflights, and what a route says by itself.

use decision::answer::{Action, Redirect};
use decision::authorize::Permit;
use decision::config::snapshot::Api;
use decision::dialect::Answer;
use decision::forwarded;
use decision::outcome::Outcome;
use decision::request::RequestHead;

use super::{Journal, Request};
use crate::alarm::Alarm;
use crate::clock;
use crate::forward::client::Client;
use crate::generation::Generation;
use crate::metrics::At;
use crate::record::Record;
use crate::request_id;
use crate::respond;

/// Answers a preflight.
pub(super) async fn preflight(
    request: &Request<'_>,
    generation: &Generation,
    client: &mut Client,
    alarm: &mut Alarm,
    journal: Journal,
    (api, answer): (&Api, Answer),
) {
    let own = Own { api, route: None, answer };
    give(request, generation, client, alarm, journal, own).await;
}

/// Answers a request that has been let through on a route that answers by itself.
pub(super) async fn by_route(
    request: &Request<'_>,
    generation: &Generation,
    client: &mut Client,
    alarm: &mut Alarm,
    journal: Journal,
    permit: &Permit<'_>,
) {
    let (api, view) = (permit.api(), request.head.view(request.origin));
    let mut answer = match &permit.route().action {
        Action::Redirect(redirect) => redirected(redirect, permit, &view),
        Action::Respond(answer) => answer.clone(),
        Action::Forward(_) | Action::Draw(_) => return,
    };
    answer.headers.extend(api.cors.iter().flat_map(|cors| cors.fields(&view)));
    answer.headers.extend(journal.limited.fields(api));
    let own = Own { api, route: Some(permit.route().index), answer };
    give(request, generation, client, alarm, journal, own).await;
}

fn redirected(redirect: &Redirect, permit: &Permit<'_>, head: &RequestHead<'_>) -> Answer {
    let asked = || match head.query {
        Some(query) => format!("{}?{query}", head.path),
        None => head.path.to_owned(),
    };
    let target = permit.edits().target.clone().unwrap_or_else(asked);
    let (scheme, authority) = forwarded::asked_at(head, "http");
    redirect.answer(scheme, authority, &target)
}

struct Own<'s> {
    api: &'s Api,
    /// Its position.
    route: Option<usize>,
    answer: Answer,
}

/// Gives the answer, and records it.
async fn give(
    request: &Request<'_>,
    generation: &Generation,
    client: &mut Client,
    alarm: &mut Alarm,
    mut journal: Journal,
    own: Own<'_>,
) {
    let Own { api, route, answer } = own;
    journal.decision =
        clock::now().saturating_duration_since(journal.started).saturating_sub(journal.waited);
    let view = request.head.view(request.origin);
    let request_id = request_id::of(Some(&api.identity), Some(&view), journal.wall);
    let status = answer.status.as_u16();
    respond::answer(client, api, answer, &request_id);
    let record = Record {
        at: At { api: Some(api.index), route },
        outcome: Outcome::Answered,
        status,
        ..request.record(&journal, &request_id, client)
    };
    request.write(&record, generation);
    respond::flush(client, alarm, &request.gate.bounds).await;
}
