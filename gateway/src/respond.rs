//! Answers of our own: the only file that writes a refusal.

use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use decision::config::snapshot::{Api, Bounds};
use decision::decide::Refused;
use decision::dialect::{self, Answer};
use decision::request::RequestHead;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::alarm::Alarm;
use crate::clock;
use crate::forward::Ended;
use crate::forward::client::Client;
use crate::gate::Gate;

/// After our last answer, how long what still comes is read and dropped, so that no reset destroys the answer on its way.
pub const LINGER: Duration = Duration::from_secs(5);

/// How long a client has to take what is held of an answer that is cut: absolute, whatever it takes meanwhile.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// Gives the client the answer of a refusal; without a `head` it could not be parsed. It is on its way once it is
/// [flushed](flush).
pub fn refuse(
    client: &mut Client,
    refused: &Refused<'_>,
    head: Option<&RequestHead<'_>>,
    request_id: &HeaderValue,
) {
    let content_type = head
        .and_then(|head| head.fields.iter().find(|field| field.is("content-type")))
        .map(|field| field.value);
    let request_id = request_id.to_str().unwrap_or_default();
    let mut answer = dialect::render(refused, request_id, content_type);
    let cors = refused.api.and_then(|api| api.cors.as_ref()).zip(head);
    answer.headers.extend(cors.into_iter().flat_map(|(cors, head)| cors.fields(head)));
    client.answer(&answer);
}

/// Gives the client an answer that is no refusal, with the request's id in it.
pub fn answer(client: &mut Client, api: &Api, mut answer: Answer, request_id: &HeaderValue) {
    if let Some(name) = &api.identity.request_id.respond {
        answer.headers.retain(|(known, _)| known != name);
        answer.headers.push((name.clone(), request_id.clone()));
    }
    client.answer(&answer);
}

/// Tells a load balancer whether to send more.
pub async fn health(client: &mut Client, alarm: &mut Alarm, gate: &Gate) {
    let (status, body) = if gate.draining.load(Ordering::Acquire) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ready\n")
    };
    let headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    client.answer(&Answer { status, headers, body: body.into() });
    flush(client, alarm, &gate.bounds).await;
}

/// Cuts an answer that has begun. What is held goes out first: an answer that ends short is not one that was never given.
pub async fn cut(client: &mut Client, alarm: &mut Alarm, ended: Ended) {
    settle(client).await;
    let deadline = clock::now() + LAST_BYTES;
    let _either_way_it_is_cut = alarm.guard(deadline, |cx| client.poll_flush(cx).map(drop)).await;
    client.cut(ended);
}

/// What a stream of HTTP/2 was given leaves when its connection is polled next, which it is before we are again.
async fn settle(client: &Client) {
    if matches!(client, Client::Http2(_)) {
        tokio::task::yield_now().await;
    }
}

/// Waits until the client has taken what it was given, or takes nothing for `write_stall`.
pub async fn flush(client: &mut Client, alarm: &mut Alarm, bounds: &Bounds) {
    settle(client).await;
    let mut taken = client.owed().1;
    let mut deadline = clock::now() + bounds.write_stall;
    loop {
        if alarm.guard(deadline, |cx| client.poll_flush(cx).map(drop)).await.is_some() {
            return;
        }
        if client.owed().1 == taken {
            return;
        }
        taken = client.owed().1;
        deadline = clock::now() + bounds.write_stall;
    }
}

/// Reads and drops what is left of the request's body, where that keeps the connection; whether it does.
pub async fn drain(client: &mut Client, alarm: &mut Alarm) -> bool {
    if client.request_ended() {
        return true;
    }
    let deadline = clock::now() + LINGER;
    let mut left = crate::forward::http1::DRAIN_MAX;
    let drained = alarm.guard(deadline, |cx| match client.poll_drain(cx, &mut left) {
        Poll::Ready(whole) => Poll::Ready(whole),
        Poll::Pending => Poll::Pending,
    });
    drained.await == Some(true)
}
