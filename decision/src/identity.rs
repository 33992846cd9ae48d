//! What an upstream is told about who is asking, and the names that nobody else may say it under.

use http::{HeaderName, HeaderValue};

use crate::authenticate::Org;
use crate::authorize::Permit;
use crate::config::snapshot::{IdentityFact, IdentityPlan};
use crate::facts::Level;
use crate::request::RequestHead;

/// A set of field names, made to find quickly that a name is not in it.
///
/// Names are compared without case, and every byte that is neither letter nor digit counts as `-`: what an upstream might
/// take for one of these names is one of these names.
#[derive(Clone, Debug, Default)]
pub struct NameSet {
    /// By the number of bytes.
    by_length: Vec<Vec<HeaderName>>,
}

impl NameSet {
    pub fn contains(&self, name: &str) -> bool {
        let alike = |known: &&HeaderName| {
            known
                .as_str()
                .bytes()
                .zip(name.bytes())
                .all(|(known, byte)| plain(known) == plain(byte))
        };
        self.by_length.get(name.len()).is_some_and(|names| names.iter().find(alike).is_some())
    }
}

impl FromIterator<HeaderName> for NameSet {
    fn from_iter<I: IntoIterator<Item = HeaderName>>(names: I) -> Self {
        let mut set = Self::default();
        for name in names {
            let length = name.as_str().len();
            if set.by_length.len() <= length {
                set.by_length.resize_with(length + 1, Vec::new);
            }
            if let Some(names) =
                set.by_length.get_mut(length).filter(|names| !names.contains(&name))
            {
                names.push(name);
            }
        }
        set
    }
}

const fn plain(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

static READ: HeaderValue = HeaderValue::from_static(Level::Read.name());
static EDIT: HeaderValue = HeaderValue::from_static(Level::Edit.name());
static ADMIN: HeaderValue = HeaderValue::from_static(Level::Admin.name());

fn level_value(level: Level) -> &'static HeaderValue {
    match level {
        Level::Read => &READ,
        Level::Edit => &EDIT,
        Level::Admin => &ADMIN,
    }
}

/// What the upstream is told, each name once: a fact that this request lacks is not sent at all.
///
/// Only a [`Permit`] has anything to tell. The client's own fields of these names are among its edits already, whatever
/// they said.
pub fn headers<'a>(
    permit: &'a Permit<'_>,
    request_id: &'a HeaderValue,
) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
    let plan = &permit.api().identity.headers;
    plan.iter().filter_map(move |(name, fact)| Some((name, value(permit, request_id, *fact)?)))
}

fn value<'a>(
    permit: &'a Permit<'_>,
    request_id: &'a HeaderValue,
    fact: IdentityFact,
) -> Option<&'a HeaderValue> {
    if fact == IdentityFact::RequestId {
        return Some(request_id);
    }
    let principal = permit.principal()?;
    let known = principal.fact();
    match fact {
        IdentityFact::Org => principal.org().map(Org::value),
        IdentityFact::Subject => Some(&known.subject),
        IdentityFact::Credential => Some(&known.id),
        IdentityFact::Scheme => Some(&principal.scheme().name_value),
        IdentityFact::Resource => permit.resource_value(),
        IdentityFact::Level => permit.level().map(level_value),
        IdentityFact::Grants => Some(&known.grants),
        IdentityFact::Scopes => known.scopes.as_ref(),
        IdentityFact::RequestId => None,
    }
}

/// The client's own request id, if the api takes it: the one field of the name under which the upstream gets it.
pub fn accepted_request_id<'h>(plan: &IdentityPlan, head: &RequestHead<'h>) -> Option<&'h str> {
    if !plan.request_id.accept {
        return None;
    }
    let (name, _) = plan.headers.iter().find(|(_, fact)| *fact == IdentityFact::RequestId)?;
    let mut fields = head.fields.iter().filter(|field| field.is(name.as_str()));
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let good = (1..=plan.request_id.max).contains(&field.value.len())
        && field.value.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(field.value).ok().filter(|_| good)
}

#[cfg(test)]
mod tests;
