//! `identity`: what an upstream is told about who is asking.

use std::collections::HashMap;

use http::HeaderName;

use super::field::{Fields, entries, scalar};
use super::form::{Form, Reason, boolean, free_header_name, number, word};
use super::problem::{Judged, Place, Problems, quote};
use super::snapshot::{IdentityFact, IdentityPlan, RequestIdPart, RequestIdPlan};
use super::tree::{Entry, Node};

/// The most characters of a request id of ours.
const REQUEST_ID_MAX: usize = 128;
/// The characters of a UUID.
const UUID_CHARS: usize = 36;

const DEFAULT_HEADERS: [(HeaderName, IdentityFact); 9] = [
    (HeaderName::from_static("x-org-id"), IdentityFact::Org),
    (HeaderName::from_static("x-subject-id"), IdentityFact::Subject),
    (HeaderName::from_static("x-credential-id"), IdentityFact::Credential),
    (HeaderName::from_static("x-credential-scheme"), IdentityFact::Scheme),
    (HeaderName::from_static("x-resource-id"), IdentityFact::Resource),
    (HeaderName::from_static("x-level"), IdentityFact::Level),
    (HeaderName::from_static("x-grants"), IdentityFact::Grants),
    (HeaderName::from_static("x-scopes"), IdentityFact::Scopes),
    (HeaderName::from_static("x-request-id"), IdentityFact::RequestId),
];

/// What `identity` says.
pub(super) struct Identity {
    pub(super) plan: IdentityPlan,
    /// Where the name of each header is given.
    pub(super) places: Vec<Place>,
    pub(super) forward_credential: bool,
}

/// A header, and where its name is given.
type Header = ((HeaderName, IdentityFact), Place);

pub(super) fn identity(identity: &mut Fields<'_>) -> Identity {
    let headers = match identity.node("headers") {
        Some(node) => headers(node, identity.problems),
        None => defaults(identity),
    };
    let carried = match &headers {
        Ok(headers) => headers.iter().any(|((_, fact), _)| *fact == IdentityFact::RequestId),
        Err(_) => true,
    };
    let request_id = identity.block("request_id", |block| request_id(block, carried));
    let forward_credential = identity.value_or("forward_credential", &boolean(), false);
    let (headers, places) = headers.unwrap_or_default().into_iter().unzip();
    Identity { plan: IdentityPlan { headers, request_id }, places, forward_credential }
}

/// The defaults are given by the block as a whole.
fn defaults(identity: &Fields<'_>) -> Judged<Vec<Header>> {
    let place = identity.place()?;
    Ok(DEFAULT_HEADERS.map(|header| (header, place.clone())).into())
}

fn headers<'t>(node: &'t Node, problems: &Problems) -> Judged<Vec<Header>> {
    let facts = word(&[
        ("org", IdentityFact::Org),
        ("subject", IdentityFact::Subject),
        ("credential", IdentityFact::Credential),
        ("scheme", IdentityFact::Scheme),
        ("resource", IdentityFact::Resource),
        ("level", IdentityFact::Level),
        ("grants", IdentityFact::Grants),
        ("scopes", IdentityFact::Scopes),
        ("request_id", IdentityFact::RequestId),
    ]);
    let mut seen: HashMap<HeaderName, &Place> = HashMap::new();
    let read = |Entry { key, place, value }: &'t Entry| {
        let fact = scalar(value, &facts, problems);
        let name = free_header_name(key)
            .map_err(|reason| problems.error(place, format!("{}: {reason}", quote(key))))?;
        if let Some(first) = seen.insert(name.clone(), place) {
            let (key, first) = (quote(key), problems.line_of(first));
            let message = format!("the header {key} is given twice, first at {first}");
            return Err(problems.error(place, message));
        }
        Ok(((name, fact?.value), place.clone()))
    };
    let headers: Vec<_> = entries(node, problems)?.iter().map(read).collect();
    headers.into_iter().collect()
}

/// `carried`: some header of `identity.headers` is the request id's.
fn request_id(request_id: &mut Fields<'_>, carried: bool) -> RequestIdPlan {
    let accept = request_id.value("accept", &boolean());
    if let Some(Ok(accept)) = &accept
        && accept.value
        && !carried
    {
        let message = "a client's request id cannot be accepted: no header of `identity.headers` is for `request_id`";
        request_id.problems.error(&accept.given.place, message);
    }
    let respond = Form::reasoned("the name of a header, or `none`", |text| match text {
        "none" => Ok(None),
        name => free_header_name(name).map(Some),
    });
    RequestIdPlan {
        accept: matches!(accept, Some(Ok(accept)) if accept.value),
        max: request_id.value_or("max", &number(1..=256), 64),
        format: request_id.value_or(
            "format",
            &Form::reasoned("a format", format),
            vec![RequestIdPart::Uuid],
        ),
        respond: request_id.value_or(
            "respond",
            &respond,
            Some(HeaderName::from_static("x-request-id")),
        ),
    }
}

/// `req_{hex16}` and the like.
fn format(text: &str) -> Result<Vec<RequestIdPart>, Reason> {
    let mut parts = Vec::new();
    let mut pieces = text.split('{');
    parts.extend(literal(pieces.next().unwrap_or_default())?);
    for piece in pieces {
        let (random, after) = piece.split_once('}').ok_or("a `{` without `}`")?;
        parts.push(random_part(random).ok_or("a `{…}` is `{uuid}`, or `{hex8}` to `{hex32}`")?);
        parts.extend(literal(after)?);
    }
    let chars = |part: &RequestIdPart| match part {
        RequestIdPart::Text(text) => text.len(),
        RequestIdPart::Hex(digits) => *digits,
        RequestIdPart::Uuid => UUID_CHARS,
    };
    if parts.iter().all(|part| matches!(part, RequestIdPart::Text(_))) {
        return Err("every request would have the same id; `{uuid}` or `{hex16}` makes it its own");
    }
    if parts.iter().map(chars).sum::<usize>() > REQUEST_ID_MAX {
        return Err("a request id has 128 characters at most");
    }
    Ok(parts)
}

/// What stands between the random parts, if anything does.
fn literal(text: &str) -> Result<Option<RequestIdPart>, Reason> {
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'}') {
        return Err("a request id is visible ASCII, and a `}` ends a `{…}`");
    }
    Ok((!text.is_empty()).then(|| RequestIdPart::Text(text.to_owned())))
}

fn random_part(reference: &str) -> Option<RequestIdPart> {
    if reference == "uuid" {
        return Some(RequestIdPart::Uuid);
    }
    let count = reference.strip_prefix("hex")?;
    let digits = count.bytes().all(|b| b.is_ascii_digit());
    let count = count.parse().ok().filter(|count| digits && (8..=32).contains(count))?;
    Some(RequestIdPart::Hex(count))
}
