//! What becomes of a request on a route: it goes to an upstream, or the route answers by itself.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::dialect::Answer;

#[derive(Debug)]
pub enum Action {
    /// To the upstream at this position in [`crate::config::snapshot::Snapshot::upstreams`].
    Forward(usize),
    /// To one of several, drawn for each request.
    Draw(Shares),
    Redirect(Redirect),
    /// Always the same.
    Respond(Answer),
}

impl Action {
    /// The status of what the route answers by itself, if it does.
    pub const fn answers(&self) -> Option<StatusCode> {
        match self {
            Self::Forward(_) | Self::Draw(_) => None,
            Self::Redirect(redirect) => Some(redirect.status),
            Self::Respond(answer) => Some(answer.status),
        }
    }

    /// The upstreams that a request may go to.
    pub fn upstreams(&self) -> Vec<usize> {
        match self {
            Self::Forward(upstream) => vec![*upstream],
            Self::Draw(shares) => shares.upstreams().collect(),
            Self::Redirect(_) | Self::Respond(_) => Vec::new(),
        }
    }
}

/// Upstreams with their shares of a route's requests.
#[derive(Debug, PartialEq, Eq)]
pub struct Shares {
    /// Where each share ends, and whose it is.
    ends: Vec<(u64, usize)>,
}

impl Shares {
    /// `None` where nobody has a share. One of 0 is never drawn.
    pub fn of(weights: impl IntoIterator<Item = (u32, usize)>) -> Option<Self> {
        let mut total = 0;
        let shares = weights.into_iter().filter(|(weight, _)| *weight > 0);
        let ends: Vec<_> = shares
            .map(|(weight, upstream)| {
                total += u64::from(weight);
                (total, upstream)
            })
            .collect();
        (total > 0).then_some(Self { ends })
    }

    /// All shares together; at least 1.
    pub fn total(&self) -> u64 {
        self.ends.last().map_or(1, |(end, _)| *end)
    }

    /// Those that have a share.
    pub fn upstreams(&self) -> impl Iterator<Item = usize> {
        self.ends.iter().map(|(_, upstream)| *upstream)
    }

    /// Whose `point` is, which was drawn evenly below [`Self::total`].
    pub fn at(&self, point: u64) -> usize {
        let found = self.ends.iter().find(|(end, _)| point < *end).or(self.ends.last());
        found.map_or(0, |(_, upstream)| *upstream)
    }
}

/// Another place to ask at. What is `None` stays as it was asked.
#[derive(Debug)]
pub struct Redirect {
    pub scheme: Option<&'static str>,
    /// Perhaps with a port.
    pub host: Option<String>,
    /// Perhaps with a query, which is then instead of the request's.
    pub path: Option<String>,
    pub status: StatusCode,
}

impl Redirect {
    /// The answer to a request for `target`, a normalised path with its query, at `scheme://authority`.
    pub fn answer(&self, scheme: &str, authority: &str, target: &str) -> Answer {
        let location = self.location(scheme, authority, target);
        // What a request was accepted with is a field value, too.
        let location = HeaderValue::from_str(&location);
        Answer {
            status: self.status,
            headers: location.into_iter().map(|location| (LOCATION, location)).collect(),
            body: Bytes::new(),
        }
    }

    fn location(&self, scheme: &str, authority: &str, target: &str) -> String {
        let mut place = match &self.path {
            None => target.to_owned(),
            Some(path) => path.clone(),
        };
        if let Some(path) = &self.path
            && !path.contains('?')
            && let Some((_, query)) = target.split_once('?')
        {
            place.extend(["?", query]);
        }
        if self.scheme.is_none() && self.host.is_none() {
            // The client knows better than we under which scheme and host it asks.
            return place;
        }
        let to = self.scheme.unwrap_or(scheme);
        let host = match &self.host {
            Some(host) => host,
            // A port is that of a scheme.
            None if to != scheme => without_port(authority),
            None => authority,
        };
        format!("{to}://{host}{place}")
    }
}

fn without_port(authority: &str) -> &str {
    let end = authority.rfind(']').map_or(0, |end| end + 1);
    match authority.get(end..).and_then(|rest| rest.find(':')) {
        Some(colon) => authority.get(..end + colon).unwrap_or(authority),
        None => authority,
    }
}

#[cfg(test)]
mod tests;
