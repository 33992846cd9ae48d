//! Where credentials sit in a request: how they are read, and how every place that was read is emptied again.
//!
//! Reading and emptying are a pair: what [`empty`] leaves, [`read`] finds nothing in (contract, section 3, "Which value is
//! whose").

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::config::snapshot::{Ambiguous, Api, Place};
use crate::path::percent_decode;
use crate::request::{Edits, Field, RequestHead};

/// The most bytes a presented credential may have.
pub const CREDENTIAL_MAX: usize = 8 * 1024;

const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";
const BEARER: &[u8] = b"bearer";

/// A value that a scheme takes. It borrows the secret from the request's head and shows nothing of it.
pub struct Candidate<'h> {
    pub value: Cow<'h, [u8]>,
    /// Position in [`Api::schemes`].
    pub scheme: usize,
    /// Position in [`Api::places`].
    pub place: usize,
}

impl fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value: _, scheme, place } = self;
        f.debug_struct("Candidate")
            .field("scheme", scheme)
            .field("place", place)
            .finish_non_exhaustive()
    }
}

/// Why a request's values lead to no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// `Bearer`, and nothing after it.
    BearerAlone,
    Malformed(&'static str),
    Ambiguous(&'static str),
    /// There are values, and no scheme takes any.
    Untaken,
}

// --- reading ---------------------------------------------------------------------------------------------------------

/// The credential of a request; `None` where no place has a value. `accept` has a bit for each scheme that the route accepts.
pub fn read<'h>(
    api: &Api,
    accept: u64,
    head: &RequestHead<'h>,
) -> Result<Option<Candidate<'h>>, Unreadable> {
    // Nearly always there is one value at most; it costs no allocation.
    let (mut first, mut others) = (None, Vec::new());
    let (mut differ, mut untaken) = (false, false);
    for (place, at) in api.places.iter().enumerate() {
        let mut here: Option<Cow<'h, [u8]>> = None;
        each_value(at, head, |value| match &here {
            None => here = Some(value),
            Some(first) => differ |= *first != value,
        })?;
        let Some(value) = here else { continue };
        match taker(api, place, &value) {
            None => untaken = true,
            Some(scheme) => {
                if let Some(candidate) = first.replace(Candidate { value, scheme, place }) {
                    others.push(candidate);
                }
            }
        }
    }
    // Only now, because what is malformed in any place comes before what is ambiguous in another.
    if differ {
        return Err(Unreadable::Ambiguous("different values in one place"));
    }
    if !others.is_empty() {
        others.extend(first);
        return choose(api, accept, others);
    }
    if first.is_none() && untaken { Err(Unreadable::Untaken) } else { Ok(first) }
}

/// The scheme that a value belongs to, and to it alone: the longest prefix, else the first catch-all, of those that name the
/// place.
pub fn taker(api: &Api, place: usize, value: &[u8]) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (position, scheme) in api.schemes.iter().enumerate() {
        let fit = match &scheme.prefix {
            None => 0,
            Some(prefix) if value.starts_with(prefix.as_bytes()) => 1 + prefix.len(),
            Some(_) => continue,
        };
        if scheme.from.contains(&place) && best.is_none_or(|(longest, _)| fit > longest) {
            best = Some((fit, position));
        }
    }
    best.map(|(_, position)| position)
}

/// Which of the values of several places it is.
fn choose<'h>(
    api: &Api,
    accept: u64,
    mut all: Vec<Candidate<'h>>,
) -> Result<Option<Candidate<'h>>, Unreadable> {
    all.sort_by_key(|candidate| {
        let from = api.schemes.get(candidate.scheme).map(|scheme| &scheme.from);
        let place = from.and_then(|from| from.iter().position(|&place| place == candidate.place));
        (candidate.scheme, place)
    });
    // Equal values are one credential, of the first scheme.
    let mut different: Vec<Candidate<'h>> = Vec::new();
    for candidate in all {
        if !different.iter().any(|known| known.value == candidate.value) {
            different.push(candidate);
        }
    }
    if different.len() > 1 && api.ambiguous == Ambiguous::Refuse {
        return Err(Unreadable::Ambiguous("different credentials in different places"));
    }
    let accepted = different.iter().position(|candidate| accepts(accept, candidate.scheme));
    Ok(different.into_iter().nth(accepted.unwrap_or_default()))
}

/// Whether the set `accept` holds the scheme at this position.
pub(crate) fn accepts(accept: u64, scheme: usize) -> bool {
    scheme < 64 && accept >> scheme & 1 == 1
}

/// Gives every value of a place to `each`, in the order of the wire. What is empty is no value.
fn each_value<'h>(
    place: &Place,
    head: &RequestHead<'h>,
    mut each: impl FnMut(Cow<'h, [u8]>),
) -> Result<(), Unreadable> {
    let mut give = |value: Cow<'h, [u8]>| {
        if !value.is_empty() {
            judge(&value)?;
            each(value);
        }
        Ok(())
    };
    match place {
        Place::Bearer => {
            for field in head.fields.iter().filter(|field| field.is(AUTHORIZATION)) {
                if let Some(token) = bearer_token(field.value)? {
                    give(token.into())?;
                }
            }
        }
        Place::Header(name) => {
            for field in head.fields.iter().filter(|field| field.is(name.as_str())) {
                give(field.value.into())?;
            }
        }
        Place::Cookie(name) => {
            for field in head.fields.iter().filter(|field| field.is(COOKIE)) {
                for (_, value) in pairs(field.value).filter(|(key, _)| *key == name.as_bytes()) {
                    give(value.into())?;
                }
            }
        }
        Place::Query(name) => {
            for parameter in
                head.query.unwrap_or_default().split('&').filter(|text| is_parameter(text, name))
            {
                let (_, value) = parameter.split_once('=').unwrap_or_default();
                give(
                    percent_decode(value)
                        .ok_or(Unreadable::Malformed("the query parameter has a bad escape"))?,
                )?;
            }
        }
    }
    Ok(())
}

fn judge(value: &[u8]) -> Result<(), Unreadable> {
    if value.len() > CREDENTIAL_MAX {
        Err(Unreadable::Malformed("the credential is longer than 8 KiB"))
    } else if !value.iter().all(u8::is_ascii_graphic) {
        Err(Unreadable::Malformed("the credential has bytes outside visible ASCII"))
    } else {
        Ok(())
    }
}

/// The token of `Bearer <token>` (RFC 6750, section 2.1); `None` where `Authorization` is of another kind.
fn bearer_token(value: &[u8]) -> Result<Option<&[u8]>, Unreadable> {
    let Some(rest) = after_bearer(value) else { return Ok(None) };
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    match rest.get(spaces..) {
        None | Some([]) => Err(Unreadable::BearerAlone),
        Some(_) if spaces == 0 => Err(Unreadable::Malformed("'Bearer' is not followed by a space")),
        Some(token) => Ok(Some(token)),
    }
}

/// What follows the word, if that is what the value begins with.
fn after_bearer(value: &[u8]) -> Option<&[u8]> {
    let (word, rest) = value.split_at_checked(BEARER.len())?;
    let longer_word = rest.first().is_some_and(|&byte| is_token_byte(byte));
    (word.eq_ignore_ascii_case(BEARER) && !longer_word).then_some(rest)
}

/// RFC 9110, section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// The pairs of a cookie field, without the white space around name and value. Quotes are part of a value.
fn pairs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.split(|&byte| byte == b';').filter_map(pair)
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = text.split_at_checked(memchr(b'=', text)?)?;
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

/// Whether the parameter's name means `name`. A `+` is a `+`.
fn is_parameter(parameter: &str, name: &str) -> bool {
    let (found, _) = parameter.split_once('=').unwrap_or((parameter, ""));
    found == name || percent_decode(found).is_some_and(|found| *found == *name.as_bytes())
}

// --- emptying --------------------------------------------------------------------------------------------------------

/// Takes out of the request all that [`read`] looks at, and other kinds of `Authorization` where `Bearer` is a place; the
/// place `keep` alone stays. The answer is the query that travels on.
pub fn empty<'h>(
    api: &Api,
    keep: Option<usize>,
    head: &RequestHead<'h>,
    edits: &mut Edits,
) -> Option<Cow<'h, str>> {
    for (position, field) in head.fields.iter().enumerate() {
        if field.is(COOKIE) {
            empty_cookie(api, keep, position, field, edits);
        }
        let removed = api.places.iter().enumerate().any(|(place, at)| match at {
            Place::Header(name) => Some(place) != keep && field.is(name.as_str()),
            Place::Bearer => {
                field.is(AUTHORIZATION)
                    && (Some(place) != keep || after_bearer(field.value).is_none())
            }
            Place::Cookie(_) | Place::Query(_) => false,
        });
        if removed {
            edits.removed.insert(position);
        }
    }
    empty_query(api, keep, head.query?)
}

fn empty_cookie(
    api: &Api,
    keep: Option<usize>,
    position: usize,
    field: &Field<'_>,
    edits: &mut Edits,
) {
    let is_emptied = |text: &&[u8]| {
        let name = pair(text).map(|(name, _)| name);
        emptied(api, keep)
            .any(|at| matches!(at, Place::Cookie(known) if name == Some(known.as_bytes())))
    };
    let mut texts = field.value.split(|&byte| byte == b';');
    if !texts.any(|text| is_emptied(&text)) {
        return;
    }
    let texts = field.value.split(|&byte| byte == b';');
    let kept: Vec<&[u8]> = texts.filter(|text| !is_emptied(text)).collect();
    if kept.iter().all(|text| text.trim_ascii().is_empty()) {
        edits.removed.insert(position);
    } else {
        edits.replaced.push((position, kept.join(&b';').trim_ascii_start().to_vec()));
    }
}

/// What stays of it goes through byte for byte.
fn empty_query<'h>(api: &Api, keep: Option<usize>, query: &'h str) -> Option<Cow<'h, str>> {
    let is_emptied = |parameter: &&str| {
        emptied(api, keep)
            .any(|at| matches!(at, Place::Query(name) if is_parameter(parameter, name)))
    };
    if !query.split('&').any(|parameter| is_emptied(&parameter)) {
        return Some(query.into());
    }
    let kept: Vec<&str> = query.split('&').filter(|parameter| !is_emptied(parameter)).collect();
    if kept.is_empty() { None } else { Some(kept.join("&").into()) }
}

fn emptied(api: &Api, keep: Option<usize>) -> impl Iterator<Item = &Place> {
    api.places.iter().enumerate().filter(move |(place, _)| Some(*place) != keep).map(|(_, at)| at)
}

#[cfg(test)]
mod tests;
