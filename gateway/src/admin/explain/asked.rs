//! The request that is asked about, as the bytes of a head: what is judged is what the accept stage would read.

use decision::config::snapshot::{Place, Snapshot};
use decision::facts::{Credential, Fact, FactKey};
use decision::name::Id;
use http::{HeaderName, HeaderValue, Method};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::super::fields::{Fields, Judged};
use super::super::keys::{Keys, mint_for};
use super::super::problem::Problem;
use super::super::rules;

/// Bytes of a URL.
const URL_MAX: usize = 64 * 1024;
/// Header fields.
pub(in super::super) const FIELDS_MAX: usize = 256;

/// It may hold a secret: it has no `Debug`.
pub(super) struct Asked {
    method: Method,
    /// `None` where the URL has none: then a field of the head does.
    host: Option<String>,
    target: String,
    fields: Vec<(HeaderName, HeaderValue)>,
    pub(super) credential: Option<Id>,
}

/// A value that stands for a credential whose secret nobody has: it is presented where the secret would be.
pub(super) struct StandIn {
    pub(super) key: FactKey,
    pub(super) fact: Fact,
    place: Place,
    value: String,
}

impl Asked {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Problem> {
        let method = fields.required("method", method);
        let url = fields.required("url", url);
        let headers = fields.take("headers", headers).unwrap_or_default();
        let credential = fields.text("credential", rules::id);
        fields.end()?;
        let (Some(method), Some((host, target))) = (method, url) else {
            return Err(Problem::internal()); // each missing one was refused above
        };
        Ok(Self { method, host, target, fields: headers, credential })
    }

    pub(super) fn head(&self, stand_in: Option<&StandIn>) -> Vec<u8> {
        let mut target = self.target.clone();
        let mut more = None;
        if let Some(StandIn { place, value, .. }) = stand_in {
            match place {
                Place::Bearer => more = Some(format!("authorization: Bearer {value}\r\n")),
                Place::Header(name) => more = Some(format!("{name}: {value}\r\n")),
                Place::Cookie(name) => more = Some(format!("cookie: {name}={value}\r\n")),
                Place::Query(name) => {
                    let mark = if target.contains('?') { '&' } else { '?' };
                    target.extend([&mark.to_string(), name, "=", value]);
                }
            }
        }
        let mut head = format!("{} {target} HTTP/1.1\r\n", self.method).into_bytes();
        if let Some(host) = &self.host {
            head.extend_from_slice(format!("host: {host}\r\n").as_bytes());
        }
        for (name, value) in &self.fields {
            let parts = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
            parts.iter().for_each(|part| head.extend_from_slice(part));
        }
        head.extend_from_slice(more.unwrap_or_default().as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Something to present for `credential`, in the first place of its scheme.
pub(super) fn stand_in(
    snapshot: &Snapshot,
    keys: &Keys,
    credential: Credential,
) -> Result<StandIn, Problem> {
    let api = snapshot.apis.iter().find(|api| *api.name == *credential.api);
    let scheme =
        api.and_then(|api| api.schemes.iter().find(|scheme| *scheme.name == *credential.scheme));
    let (Some(api), Some(scheme)) = (api, scheme) else { return Err(Problem::scheme_gone()) };
    let place = scheme.from.first().and_then(|place| api.places.get(*place));
    let place = place.cloned().ok_or_else(Problem::internal)?;
    let secret = mint_for(api, scheme).ok_or_else(Problem::internal)?;
    let value = secret.expose_secret().to_owned();
    let key = FactKey::new(&api.mask, &keys.peppers.current.digest(value.as_bytes()));
    Ok(StandIn { key, fact: Fact::new(credential), place, value })
}

fn method(text: &str) -> Judged<Method> {
    Method::from_bytes(text.as_bytes()).map_err(|_| "must be a method, as GET".into())
}

/// Host and target: of an absolute URL, or of one that begins with its path. Neither is looked at more closely: that is what
/// the stages are for.
fn url(text: &str) -> Judged<(Option<String>, String)> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > URL_MAX || !visible {
        return Err(format!("must be 1 to {URL_MAX} visible ASCII characters"));
    }
    if text.starts_with('/') {
        return Ok((None, text.to_owned()));
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or("must begin with http://, https:// or /")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok((Some(host.to_owned()), format!("{slash}{target}")))
}

/// An object from names to values, or to lists of them.
fn headers(value: &Value) -> Judged<Vec<(HeaderName, HeaderValue)>> {
    let named = value.as_object().ok_or("must be an object from names to values")?;
    let mut fields = Vec::new();
    for (name, value) in named {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| "each name must be that of a header field")?;
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        };
        for value in values {
            let text = value.as_str().ok_or("each value must be a string or a list of them")?;
            let value = HeaderValue::from_str(text);
            let value = value.map_err(|_| "each value must be one that a header field can have")?;
            fields.push((name.clone(), value));
        }
    }
    if fields.len() > FIELDS_MAX {
        return Err(format!("must not be more than {FIELDS_MAX}"));
    }
    Ok(fields)
}
