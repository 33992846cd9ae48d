//! Request ids: unique, not secret.

use decision::config::snapshot::{IdentityPlan, RequestIdPart};
use decision::facts::Timestamp;
use decision::identity;
use decision::request::RequestHead;
use http::HeaderValue;

/// The id of a request: the client's own where the api takes it, else a new one. Without an api it is a UUID.
pub fn of(
    plan: Option<&IdentityPlan>,
    head: Option<&RequestHead<'_>>,
    now: Timestamp,
) -> HeaderValue {
    let accepted =
        plan.zip(head).and_then(|(plan, head)| identity::accepted_request_id(plan, head));
    if let Some(accepted) = accepted {
        return HeaderValue::from_str(accepted).unwrap_or_else(|_| uuid(now));
    }
    match plan.map(|plan| plan.request_id.format.as_slice()) {
        None | Some([RequestIdPart::Uuid]) => uuid(now),
        Some(parts) => HeaderValue::from_str(&format(parts, now)).unwrap_or_else(|_| uuid(now)),
    }
}

fn format(parts: &[RequestIdPart], now: Timestamp) -> String {
    let mut text = String::with_capacity(64);
    for part in parts {
        match part {
            RequestIdPart::Text(literal) => text.push_str(literal),
            RequestIdPart::Hex(digits) => {
                let random = format!("{:032x}", fastrand::u128(..));
                text.extend(random.chars().take(*digits));
            }
            RequestIdPart::Uuid => text.push_str(&new_uuid(now).to_string()),
        }
    }
    text
}

fn uuid(now: Timestamp) -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    HeaderValue::from_str(new_uuid(now).hyphenated().encode_lower(&mut buffer))
        .unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// Version 7 (RFC 9562, section 5.7), its randomness from a generator of this thread: no system call a request.
fn new_uuid(now: Timestamp) -> uuid::Uuid {
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or(0), &random)
        .into_uuid()
}
