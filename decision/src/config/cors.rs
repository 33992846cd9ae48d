//! `cors`: what scripts of other origins may do.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::field::{Fields, List, values};
use super::form::{DAY, Form, Reason, boolean, duration, header_name};
use super::tree::Value;
use crate::cors::Cors;
use crate::route::{Methods, host_is_valid};

/// What a script may read besides what every script may, where nothing else is said: what the gateway itself adds.
const EXPOSED: &str = "retry-after, ratelimit, ratelimit-policy";

const ANY: &str = "*";

/// Reads `cors` of an api. `request_id` is the field in which a request's id comes back.
pub(super) fn cors(api: &mut Fields<'_>, request_id: Option<&HeaderName>) -> Option<Cors> {
    // An empty block is one that lacks its origins, and an absent one is none.
    let given =
        !matches!(api.node("cors").map(|node| &node.value), None | Some(Value::Unreadable(_)));
    if !given {
        return None;
    }
    api.block("cors", |cors| {
        let origins = cors.filled_list("origins", &origin());
        if origins.is_none() {
            cors.missing("origins");
        }
        let credentials = cors.value("credentials", &boolean());
        let with_credentials = matches!(&credentials, Some(Ok(given)) if given.value);
        let (origins, any) = starred(origins.unwrap_or_default());
        if any && let Some(Ok(given)) = credentials.filter(|_| with_credentials) {
            let message = "`credentials` for any origin would let every site act in its visitors' names: name the origins";
            cors.problems.error(&given.given.place, message);
        }
        let method = Form::reasoned("a method such as `GET`, or `*`", |text| match text {
            ANY => Ok(text.to_owned()),
            _ => Methods::named([text]).map(|_| text.to_owned()),
        });
        let name = || {
            Form::reasoned("the name of a header, or `*`", |text| match text {
                ANY => Ok(text.to_owned()),
                _ => header_name(text).map(|name| name.as_str().to_owned()),
            })
        };
        let methods = cors.filled_list("methods", &method);
        let headers = cors.filled_list("headers", &name());
        let exposed = Form::reasoned("the name of a header", header_name);
        let expose = match cors.list("expose", &exposed) {
            Some(names) => join(values(names).map(|name| name.as_str().to_owned())),
            None => join(
                std::iter::once(EXPOSED.to_owned())
                    .chain(request_id.map(|name| name.as_str().to_owned())),
            ),
        };
        let max_age = cors.value("max_age", &duration(Duration::ZERO..=DAY));
        Some(Cors {
            origins: (!any).then_some(origins),
            credentials: with_credentials,
            methods: listed(methods),
            headers: listed(headers),
            expose,
            max_age: max_age
                .and_then(Result::ok)
                .map(|age| HeaderValue::from(age.value.as_secs())),
        })
    })
}

/// The values of a list, and whether `*` is among them.
fn starred(list: List<'_, String>) -> (Vec<String>, bool) {
    let values: Vec<_> = values(list).collect();
    let any = values.iter().any(|value| value == ANY);
    (values, any)
}

/// `None` = any.
fn listed(list: Option<List<'_, String>>) -> Option<HeaderValue> {
    let (values, any) = starred(list?);
    (!any).then(|| join(values))
}

fn join(names: impl IntoIterator<Item = String>) -> HeaderValue {
    let names: Vec<_> = names.into_iter().collect();
    // Each is a token.
    HeaderValue::from_str(&names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn origin() -> Form<String> {
    Form::reasoned("an origin such as `https://app.example`, or `*`", |text| match text {
        ANY => Ok(text.to_owned()),
        _ => judge_origin(text).map(|()| text.to_owned()),
    })
}

/// As browsers write it: no path, no capitals, and no port that the scheme has anyway.
fn judge_origin(text: &str) -> Result<(), Reason> {
    let (scheme, authority) = text
        .split_once("://")
        .ok_or("an origin is scheme://host, with a port where it is not the scheme's own")?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if scheme.is_empty() || !scheme.bytes().all(plain) {
        return Err("the scheme of an origin is written in small letters");
    }
    if authority.contains(['/', '?', '#', '@']) || !host_is_valid(authority) {
        return Err("an origin ends with its host or port: no path, and no slash");
    }
    if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the host of an origin is written in small letters, as browsers send it");
    }
    let own = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Ok(()),
    };
    if authority.ends_with(own) {
        return Err("browsers leave a scheme's own port out of an origin");
    }
    Ok(())
}
