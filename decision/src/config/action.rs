//! `upstream`, `redirect` or `respond`: what a route does with a request.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use super::field::{Fields, Given, entries, scalar};
use super::form::{DAY, Form, Reason, duration, field_value, number, word};
use super::headers::{Names as FieldNames, fields};
use super::names::Names;
use super::problem::{Judged, Problems};
use super::tree::{Entry, Node, Value};
use crate::answer::{Action, Redirect, Shares};
use crate::dialect::Answer;
use crate::path::{PathError, normalise};
use crate::route::host_is_valid;

/// Keys of a route that mean something only where it forwards.
const FORWARDING: [&str; 7] =
    ["rewrite", "headers", "forward_credential", "timeout", "idle", "deadline", "upgrade"];

/// The most bytes of a body of `respond`.
const BODY_MAX: usize = 64 * 1024;

/// Reads what `route` does. `api` is the api's own upstream; `names` learns which fields an answer has.
pub(super) fn action(
    route: &mut Fields<'_>,
    upstreams: &Names,
    api: Option<Judged<usize>>,
    names: &mut FieldNames,
) -> Judged<Action> {
    let problems = route.problems;
    let own = route.node("upstream");
    let redirect = route.node("redirect");
    let respond = route.node("respond");
    let given: Vec<_> = [own, redirect, respond].into_iter().flatten().collect();
    if let [_, second, ..] = given.as_slice() {
        let message = "a route has one of `upstream`, `redirect` and `respond`";
        return Err(problems.error(&second.place, message));
    }
    if redirect.is_some() || respond.is_some() {
        for key in FORWARDING {
            if let Some(node) = route.node(key) {
                let message = format!("`{key}` has no meaning here: the route answers by itself");
                problems.error(&node.place, message);
            }
        }
    }
    match (own, redirect, respond) {
        (_, Some(node), _) => Ok(Action::Redirect(Fields::of(node, problems, self::redirect)?)),
        (_, _, Some(node)) => {
            Ok(Action::Respond(Fields::of(node, problems, |block| self::respond(block, names))?))
        }
        (Some(node), ..) => upstream(node, upstreams, problems),
        (None, ..) => match api {
            Some(upstream) => Ok(Action::Forward(upstream?)),
            None => Err(route.missing("upstream")),
        },
    }
}

/// The name of one, or a mapping of several with their weights.
fn upstream(node: &Node, upstreams: &Names, problems: &Problems) -> Judged<Action> {
    let Value::Mapping(_) = node.value else {
        let form =
            Form::new("the name of an upstream, or a mapping of names to weights", |scalar| {
                Some(scalar.text.clone())
            });
        let name = scalar(node, &form, problems)?;
        return Ok(Action::Forward(upstreams.resolve(&name.given, problems)?));
    };
    let read = |Entry { key, place, value }: &Entry| {
        let name = Given { text: key, written: key, place: place.clone() };
        let upstream = upstreams.resolve(&name, problems);
        let weight = scalar(value, &number(0..=1_000_000), problems);
        Ok((weight?.value, upstream?))
    };
    let shares: Vec<Judged<(u32, usize)>> = entries(node, problems)?.iter().map(read).collect();
    let shares: Vec<_> = shares.into_iter().collect::<Judged<_>>()?;
    Shares::of(shares)
        .map(Action::Draw)
        .ok_or_else(|| problems.error(&node.place, "no upstream has a weight above 0"))
}

fn redirect(redirect: &mut Fields<'_>) -> Judged<Redirect> {
    let status = number(300..=308);
    let scheme = redirect.value("scheme", &word(&[("http", "http"), ("https", "https")]));
    let host = redirect.value("host", &authority());
    let path = redirect.value("path", &path());
    let status = redirect.value("status", &status);
    if scheme.is_none()
        && host.is_none()
        && path.is_none()
        && let Ok(place) = redirect.place()
    {
        let message =
            "a redirect names another `scheme`, `host` or `path`, or it would lead to itself";
        return Err(redirect.problems.error(place, message));
    }
    let status = match status.transpose()? {
        None => StatusCode::MOVED_PERMANENTLY,
        Some(status) => match status.value {
            301 | 302 | 303 | 307 | 308 => StatusCode::from_u16(status.value).unwrap_or_default(),
            _ => {
                let message = "a redirect is 301, 302, 303, 307 or 308";
                return Err(redirect.problems.error(&status.given.place, message));
            }
        },
    };
    Ok(Redirect {
        scheme: scheme.transpose()?.map(|scheme| scheme.value),
        host: host.transpose()?.map(|host| host.value),
        path: path.transpose()?.map(|path| path.value),
        status,
    })
}

fn authority() -> Form<String> {
    Form::reasoned("a host, perhaps with a port", |text| {
        if host_is_valid(text) {
            Ok(text.to_owned())
        } else {
            Err("expected a host, perhaps with a port")
        }
    })
}

/// A path, perhaps with a query.
fn path() -> Form<String> {
    Form::reasoned("a path such as `/v2`", |text| {
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let mut path = normalise(path).map_err(PathError::reason)?.into_owned();
        if let Some(query) = query {
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
            if !query.bytes().all(plain) {
                return Err("a query is visible ASCII without `#`");
            }
            path.extend(["?", query]);
        }
        Ok(path)
    })
}

fn respond(respond: &mut Fields<'_>, names: &mut FieldNames) -> Judged<Answer> {
    let problems = respond.problems;
    let status = respond.required("status", &number(200..=599));
    let body = respond.value("body", &Form::reasoned("text", body));
    let retry_after = respond.value("retry_after", &retry_after());
    let given = match respond.node("headers") {
        Some(node) => fields(node, &field_value(), problems),
        None => Vec::new(),
    };
    let has = |name: HeaderName| given.iter().find(|(known, ..)| *known == name);
    if let (Some(_), Some((.., place))) = (&retry_after, has(RETRY_AFTER)) {
        problems.error(place, "`retry_after` says the same already");
    }
    let status = status?;
    if let Some(Ok(body)) = &body
        && matches!(status.value, 204 | 205 | 304)
    {
        problems.error(&body.given.place, format!("an answer of {} has no body", status.value));
    }
    names.extend(given.iter().map(|(name, _, place)| (name.clone(), place.clone())));
    let mut headers: Vec<_> =
        given.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
    let body = body.transpose()?.map_or_else(Bytes::new, |body| body.value.into());
    if !body.is_empty() && has(CONTENT_TYPE).is_none() {
        headers.push((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
    }
    let retry_after = retry_after.transpose()?.map(|after| (RETRY_AFTER, after.value));
    headers.extend(retry_after);
    Ok(Answer { status: StatusCode::from_u16(status.value).unwrap_or_default(), headers, body })
}

fn body(text: &str) -> Result<String, Reason> {
    if text.len() > BODY_MAX {
        return Err("a body of a configuration has 64 KiB at most");
    }
    Ok(text.to_owned())
}

/// Whole seconds.
fn retry_after() -> Form<HeaderValue> {
    let form = duration(Duration::from_secs(1)..=30 * DAY);
    Form::new(form.expected.clone(), move |scalar| {
        let after = form.parse(scalar).ok()?;
        Some(HeaderValue::from(after.as_secs())).filter(|_| after.subsec_nanos() == 0)
    })
}
