//! What scripts of other origins may do with an api (Fetch standard, "CORS protocol").

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::dialect::Answer;
use crate::request::RequestHead;

/// Fields of an answer.
type Fields = Vec<(HeaderName, HeaderValue)>;

/// `cors` of an api.
#[derive(Debug)]
pub struct Cors {
    /// `None` = any, and then never with credentials.
    pub origins: Option<Vec<String>>,
    pub credentials: bool,
    /// `None` = whichever is asked for.
    pub methods: Option<HeaderValue>,
    /// `None` = whichever are asked for.
    pub headers: Option<HeaderValue>,
    pub expose: HeaderValue,
    /// In seconds; `None` = as long as the browser likes.
    pub max_age: Option<HeaderValue>,
}

/// Whether a field of an upstream's answer, by its name in any case, is one that only the api's `cors` may say.
pub fn is_ours(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"access-control-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

impl Cors {
    /// The answer to a preflight; `None`: the request is none. An origin that may not gets an answer as well, with nothing in it
    /// that allows anything.
    pub fn preflight(&self, head: &RequestHead<'_>) -> Option<Answer> {
        let method = single(head, "access-control-request-method")?;
        if head.method != "OPTIONS" || !head.fields.iter().any(|field| field.is("origin")) {
            return None;
        }
        let mut headers = Vec::with_capacity(6);
        if let Some(origin) = self.allowed(head) {
            headers.push((ACCESS_CONTROL_ALLOW_ORIGIN, origin));
            if self.credentials {
                headers.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
            }
            let method = self.methods.clone().or_else(|| tokens(method));
            headers.extend(method.map(|method| (ACCESS_CONTROL_ALLOW_METHODS, method)));
            let asked = || tokens(single(head, "access-control-request-headers")?);
            let asked = self.headers.clone().or_else(asked);
            headers.extend(asked.map(|asked| (ACCESS_CONTROL_ALLOW_HEADERS, asked)));
            headers.extend(self.max_age.clone().map(|age| (ACCESS_CONTROL_MAX_AGE, age)));
        }
        headers.push((
            VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        ));
        Some(Answer { status: StatusCode::NO_CONTENT, headers, body: Bytes::new() })
    }

    /// The fields of an answer to any other request, refusals included.
    pub fn fields(&self, head: &RequestHead<'_>) -> Fields {
        let mut fields = Vec::with_capacity(4);
        if let Some(origin) = self.allowed(head) {
            fields.push((ACCESS_CONTROL_ALLOW_ORIGIN, origin));
            if self.credentials {
                fields.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
            }
            if !self.expose.is_empty() {
                fields.push((ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.clone()));
            }
        }
        // Whoever keeps an answer keeps it for one origin, also one that was given to none.
        if self.origins.is_some() {
            fields.push((VARY, HeaderValue::from_static("Origin")));
        }
        fields
    }

    /// What `Access-Control-Allow-Origin` says to this request.
    fn allowed(&self, head: &RequestHead<'_>) -> Option<HeaderValue> {
        let Some(origins) = &self.origins else { return Some(HeaderValue::from_static("*")) };
        let origin = single(head, "origin")?;
        origins.iter().find(|known| known.as_bytes() == origin)?;
        HeaderValue::from_bytes(origin).ok()
    }
}

/// The value of a field that is there once.
fn single<'h>(head: &RequestHead<'h>, name: &str) -> Option<&'h [u8]> {
    let mut fields = head.fields.iter().filter(|field| field.is(name));
    fields.next().map(|field| field.value).filter(|_| fields.next().is_none())
}

/// A list of tokens as it was sent, if that is what it is.
fn tokens(list: &[u8]) -> Option<HeaderValue> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, \t".contains(byte);
    HeaderValue::from_bytes(list).ok().filter(|_| !list.is_empty() && list.iter().all(plain))
}

#[cfg(test)]
mod tests;
