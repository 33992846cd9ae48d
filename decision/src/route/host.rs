//! Hosts: the authority of a request, the patterns of the configuration, and the table that joins them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv6Addr;

use super::Hasher;

/// The most bytes a host name may have (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;

/// The host of an authority in the form in which hosts are compared: without port, case and final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a>(Cow<'a, str>);

impl<'a> Host<'a> {
    /// `None`: this is no authority that a request may name. User information, an empty name or label, bytes that no host
    /// name has, a port beyond 65535.
    pub fn parse(authority: &'a str) -> Option<Self> {
        if let Some(literal) = authority.strip_prefix('[') {
            let (address, port) = literal.split_once(']')?;
            let valid = port.is_empty() || port.strip_prefix(':').is_some_and(port_is_valid);
            // Written anew, because an IPv6 address has many spellings.
            let address: Ipv6Addr = address.parse().ok().filter(|_| valid)?;
            return Some(Self(Cow::Owned(format!("[{address}]"))));
        }
        let name = match authority.split_once(':') {
            Some((name, port)) => port_is_valid(port).then_some(name)?,
            None => authority,
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        if !name_is_valid(name) {
            return None;
        }
        let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(Self(if has_capitals { name.to_ascii_lowercase().into() } else { name.into() }))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `authority` may stand in `Host` or `:authority`.
pub fn host_is_valid(authority: &str) -> bool {
    Host::parse(authority).is_some()
}

/// A port may be empty (RFC 3986, section 3.2.3).
fn port_is_valid(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok())
}

fn name_is_valid(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains("..")
        && !name.ends_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// What an api says of its hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `www.example`
    Exact(String),
    /// `*.example`, without its `*.`: one or more labels before it.
    Wildcard(String),
    /// `*`
    Any,
}

impl HostPattern {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if !text.is_ascii() {
            return Err("must be written in its ASCII form, xn--…");
        }
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let host = Host::parse(name).ok_or("must be a host name, an address, *.name or *")?;
        let bare = name.rsplit_once(']').map_or(name, |(_, port)| port);
        if bare.contains(':') {
            return Err("must have no port: hosts are compared without it");
        }
        let name = host.0.into_owned();
        match wildcard {
            false => Ok(Self::Exact(name)),
            true if name.starts_with('[') => Err("an address has no names below it"),
            true => Ok(Self::Wildcard(name)),
        }
    }
}

/// Leads from a host to the position of its api.
#[derive(Clone, Debug, Default)]
pub struct HostTable {
    exact: HashMap<String, usize, Hasher>,
    wildcard: HashMap<String, usize, Hasher>,
    any: Option<usize>,
}

impl HostTable {
    /// Gives `pattern` to `api`, or says whose it is already.
    pub fn insert(&mut self, pattern: HostPattern, api: usize) -> Result<(), usize> {
        let holder = match pattern {
            HostPattern::Exact(name) => *self.exact.entry(name).or_insert(api),
            HostPattern::Wildcard(name) => *self.wildcard.entry(name).or_insert(api),
            HostPattern::Any => *self.any.get_or_insert(api),
        };
        if holder == api { Ok(()) } else { Err(holder) }
    }

    /// Exact before the longest wildcard before `*`.
    pub fn find(&self, host: &Host<'_>) -> Option<usize> {
        let name = host.as_str();
        self.exact.get(name).or_else(|| self.longest_wildcard(name)).copied().or(self.any)
    }

    fn longest_wildcard(&self, mut name: &str) -> Option<&usize> {
        if self.wildcard.is_empty() {
            return None;
        }
        while let Some((_, above)) = name.split_once('.') {
            if let Some(api) = self.wildcard.get(above) {
                return Some(api);
            }
            name = above;
        }
        None
    }
}

#[cfg(test)]
mod tests;
