//! The admin API, called from a shell.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderValue, Method, Request, Uri, header};

use super::Failure;
use super::table::visible;
use crate::admin::problem::Told;

/// How long a connection, and a call besides what it waits for, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// Bytes of an answer: a full page of credentials with full metadata is about half of that.
const ANSWER_MAX: u64 = 16 * 1024 * 1024;

pub(super) struct Client {
    agent: Agent,
    /// Without a slash at its end.
    base: String,
    authorization: HeaderValue,
}

/// One call. `path` needs no escaping.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// The version that the record must be at.
    pub(super) version: Option<u64>,
    /// The body's media type.
    pub(super) kind: &'static str,
}

impl Call {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        let kind = "application/json";
        Self { method, path: path.into(), query: Vec::new(), body: None, version: None, kind }
    }

    pub(super) fn with(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(method, path) }
    }

    /// With the parameters that were given.
    pub(super) fn asking<const N: usize>(
        method: Method,
        path: impl Into<String>,
        asked: [(&'static str, Option<String>); N],
    ) -> Self {
        let query = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Self { query: query.collect(), ..Self::new(method, path) }
    }
}

impl Client {
    /// `base` is the URL of the admin API. Neither a proxy of the environment nor a redirect is followed: the token goes to
    /// the gateway or nowhere.
    pub(super) fn new(base: &str, token: &SecretString) -> Result<Self, Failure> {
        let uri: Uri = base.parse().map_err(|_| Failure::usage("the admin URL is not a URL"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("https"), _) => {
                return Err(Failure::usage(
                    "this client speaks plain http: give an http URL, over a tunnel where the network is not trusted",
                ));
            }
            (Some("http"), Some(authority)) if !authority.as_str().contains('@') => {}
            _ => return Err(Failure::usage("the admin URL must be as http://127.0.0.1:9901")),
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| {
                Failure::refused("the admin token has characters that no header can carry")
            })?;
        authorization.set_sensitive(true);
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .build();
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.into(), base, authorization })
    }

    /// A good answer, read.
    pub(super) fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        read(&self.call(call)?)
    }

    /// The body of a good answer; empty when it has none.
    pub(super) fn call(&self, call: Call) -> Result<String, Failure> {
        let unreachable = |error: ureq::Error| {
            Failure::refused(format!("cannot reach the admin API at {}: {error}", self.base))
        };
        let mut address = format!("{}{}", self.base, call.path);
        for (position, (name, value)) in call.query.iter().enumerate() {
            address.push(if position == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.extend(value.bytes().map(escaped));
        }
        let request = Request::builder()
            .method(call.method)
            .uri(address)
            .header(header::AUTHORIZATION, self.authorization.clone());
        let request = match call.version {
            Some(version) => request.header(header::IF_MATCH, version),
            None => request,
        };
        let malformed = |_| Failure::usage("an argument is too long for a URL");
        let answer = match call.body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, call.kind);
                self.agent.run(request.body(body.to_string()).map_err(malformed)?)
            }
            None => self.agent.run(request.body(()).map_err(malformed)?),
        };
        let mut answer = answer.map_err(unreachable)?;
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
        let text = text.map_err(unreachable)?;
        if answer.status().is_success() {
            Ok(text)
        } else {
            Err(refusal(answer.status().as_u16(), &text))
        }
    }
}

/// The path of one record among those at `path`. A lone `.` or `..` means itself, too.
pub(super) fn place(path: &str, id: &str) -> String {
    let byte = |byte| if byte == b'.' { "%2E".to_owned() } else { escaped(byte) };
    format!("{path}/{}", id.bytes().map(byte).collect::<String>())
}

/// Reads the body of a good answer.
pub(super) fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    let foreign = |_| Failure::refused("the answer is not of the admin API, or of a newer one");
    serde_json::from_str(answer).map_err(foreign)
}

/// What the API said against it, on as many lines as it has reasons.
fn refusal(status: u16, text: &str) -> Failure {
    let Ok(told) = serde_json::from_str::<Told>(text) else {
        return Failure::refused(format!(
            "the answer has status {status} and is not of the admin API"
        ));
    };
    if told.errors.is_empty() {
        return Failure::refused(visible(&told.detail));
    }
    let mut lines = vec!["the request is refused".to_owned()];
    lines.extend(
        told.errors
            .iter()
            .map(|error| format!("  {}: {}", visible(&error.field), visible(&error.message))),
    );
    Failure::refused(lines.join("\n"))
}

/// A byte of a value as a query or a segment carries it (RFC 3986, section 2.3).
fn escaped(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}
