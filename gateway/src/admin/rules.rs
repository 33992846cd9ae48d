//! What the value of one field may be. Each rule reads it or says what form it must have; none repeats what was sent, since
//! that may be a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use decision::audience;
use decision::config::parse_duration;
use decision::config::snapshot::Lifetime;
use decision::facts::{GRANTS_MAX, Level, Timestamp};
use decision::limit::MAX_MOST;
use decision::name::{ID_RULE, Id};
use decision::secret::Fingerprint;
use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::fields::Judged;
use super::instant;

/// Characters of a name or a reason.
const LABEL_MAX: usize = 200;
/// Bytes of a secret that is brought.
const SECRET_MAX: usize = 4096;
/// Bytes of metadata when rendered.
const METADATA_MAX: usize = 4096;
/// Bytes of an audience.
const AUDIENCE_MAX: usize = 2048;
/// Bytes of scopes or capabilities when rendered as one header field.
const LISTED_MAX: usize = 4096;
/// Members of a resource.
const MEMBERS_MAX: usize = 10_000;
/// Blocks of addresses of a credential.
const ADDRESSES_MAX: usize = 256;
/// Whole numbers of a smaller amount are kept digit by digit.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
/// Objects and arrays that may stand in one another in metadata, the outermost included.
const METADATA_DEPTH: usize = 16;

/// The id of a subject, an organisation, or a credential elsewhere.
pub(super) fn id(text: &str) -> Judged<Id> {
    Id::new(text).ok_or_else(|| ID_RULE.into())
}

/// What some list of ours has: asked for, it need not have a form.
pub(super) fn word(text: &str) -> Judged<String> {
    if text.is_empty() { Err("must not be empty".into()) } else { Ok(text.to_owned()) }
}

/// A name or a reason, for people: whatever shows it need not fear for its line.
pub(super) fn label(text: &str) -> Judged<String> {
    if text.is_empty() || text.chars().count() > LABEL_MAX || text.chars().any(char::is_control) {
        return Err(format!(
            "must be 1 to {LABEL_MAX} characters, none of them a control character"
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn instant(text: &str) -> Judged<Timestamp> {
    instant::read(text).ok_or_else(|| {
        "must be an RFC 3339 instant with a zone, of the years 1970 to 9999, as 2030-01-01T00:00:00Z"
            .into()
    })
}

/// The begin of a day, in UTC.
pub(super) fn day(text: &str) -> Judged<Timestamp> {
    let day = (text.len() == 10).then(|| instant::read(&format!("{text}T00:00:00Z"))).flatten();
    day.ok_or_else(|| "must be a day of the years 1970 to 9999, as 2030-12-31".into())
}

/// An audience in the one form that is compared.
pub(super) fn audience(text: &str) -> Judged<String> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > AUDIENCE_MAX || !visible {
        return Err(format!("must be 1 to {AUDIENCE_MAX} visible ASCII characters"));
    }
    Ok(audience::normalise(text))
}

/// The length of a lifetime; `never` is one too.
pub(super) fn lifetime(text: &str) -> Judged<Lifetime> {
    if text == "never" {
        return Ok(Lifetime::Never);
    }
    match duration(text) {
        Ok(length) if length >= Duration::from_secs(1) => Ok(Lifetime::For(length)),
        _ => Err("must be \"never\", or a duration of at least 1s, as 12h or 30d".into()),
    }
}

pub(super) fn duration(text: &str) -> Judged<Duration> {
    parse_duration(text).ok_or_else(|| "must be a duration, as 250ms, 2s, 5m, 1h or 30d".into())
}

/// A secret that some other system made.
pub(super) fn secret(text: &str) -> Judged<SecretString> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if text.is_empty() || text.len() > SECRET_MAX || !visible {
        return Err(format!("must be 1 to {SECRET_MAX} visible ASCII characters without ','"));
    }
    Ok(text.into())
}

pub(super) fn sha256(text: &str) -> Judged<Fingerprint> {
    Fingerprint::from_hex(text).ok_or_else(|| "must be a SHA-256 as 64 hexadecimal digits".into())
}

pub(super) fn metadata(value: &Value) -> Judged<Map<String, Value>> {
    let Value::Object(members) = value else { return Err("must be an object".into()) };
    if depth_exceeds(value, METADATA_DEPTH) {
        return Err(format!("must not be nested more than {METADATA_DEPTH} deep"));
    }
    if has_number_beyond(value) {
        return Err("must not have a number of more than 64 bits: write it as a string".into());
    }
    if value.to_string().len() > METADATA_MAX {
        return Err(format!("must not have more than {METADATA_MAX} bytes"));
    }
    Ok(members.clone())
}

pub(super) fn flag(value: &Value) -> Judged<bool> {
    value.as_bool().ok_or_else(|| "must be true or false".into())
}

pub(super) fn level(text: &str) -> Judged<Level> {
    Level::from_name(text).ok_or_else(|| "must be read, edit or admin".into())
}

/// Scopes or capabilities: they are rendered with a space between.
pub(super) fn ids(value: &Value) -> Judged<BTreeSet<Id>> {
    let items = value.as_array().ok_or("must be a list")?;
    let ids = items.iter().map(|item| id(item.as_str().ok_or("must be a list of strings")?));
    let ids = ids.collect::<Judged<BTreeSet<_>>>()?;
    if ids.iter().map(|id| id.as_str().len() + 1).sum::<usize>() > LISTED_MAX + 1 {
        return Err(format!("must not have more than {LISTED_MAX} bytes together"));
    }
    Ok(ids)
}

/// Grants: what a credential may do with which resource. They are rendered as `board_1=edit,board_2=read`.
pub(super) fn grants(value: &Value) -> Judged<BTreeMap<Id, Level>> {
    let grants = levels(value)?;
    grants_fit(&grants)?;
    Ok(grants)
}

/// Whether grants are short enough to be sent with every request, under no ceiling: a lower one could be lifted.
pub(super) fn grants_fit(grants: &BTreeMap<Id, Level>) -> Judged<()> {
    let each = grants.iter().map(|(id, level)| id.as_str().len() + level.name().len() + 2);
    if each.sum::<usize>() > GRANTS_MAX + 1 {
        return Err(format!(
            "must not have more than {GRANTS_MAX} bytes when rendered as a header"
        ));
    }
    Ok(())
}

pub(super) fn members(value: &Value) -> Judged<BTreeMap<Id, Level>> {
    let members = levels(value)?;
    members_fit(&members)?;
    Ok(members)
}

pub(super) fn members_fit(members: &BTreeMap<Id, Level>) -> Judged<()> {
    if members.len() > MEMBERS_MAX {
        return Err(format!("must not be more than {MEMBERS_MAX} members"));
    }
    Ok(())
}

/// An object from ids to levels.
fn levels(value: &Value) -> Judged<BTreeMap<Id, Level>> {
    let named = value.as_object().ok_or("must be an object from ids to levels")?;
    let each = named.iter().map(|(name, value)| {
        let name = id(name).map_err(|rule| format!("each name {rule}"))?;
        let level = value.as_str().ok_or("each level must be a string");
        Ok((name, self::level(level?).map_err(|rule| format!("each level {rule}"))?))
    });
    each.collect()
}

/// Blocks in CIDR notation; an address is the block of itself. None at all would admit nobody, and is not what "no
/// restriction" looks like.
pub(super) fn addresses(value: &Value) -> Judged<Vec<IpNet>> {
    let items = value.as_array().ok_or("must be a list")?;
    if items.is_empty() || items.len() > ADDRESSES_MAX {
        return Err(format!("must be 1 to {ADDRESSES_MAX}; null restricts nothing"));
    }
    let block = |item: &Value| {
        let text = item.as_str()?;
        let block = text.parse::<IpNet>().ok();
        let block = block.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        block.map(|block| block.trunc())
    };
    let blocks = items.iter().map(block).collect::<Option<Vec<_>>>();
    blocks
        .ok_or_else(|| "must be addresses or blocks of them, as 10.0.0.0/8 or 2001:db8::/32".into())
}

/// Overrides of limits by name. `known` says which names there are.
pub(super) fn overrides(
    value: &Value,
    known: &dyn Fn(&str) -> bool,
) -> Judged<BTreeMap<String, u64>> {
    let named = value.as_object().ok_or("must be an object from limits to numbers")?;
    let each = named.iter().map(|(name, value)| {
        if !known(name) {
            return Err("names a limit that the api does not have".to_owned());
        }
        let max = value.as_u64().filter(|max| (1..=MAX_MOST).contains(max));
        let max = max.ok_or_else(|| format!("each must be a whole number from 1 to {MAX_MOST}"))?;
        Ok((name.clone(), max))
    });
    each.collect()
}

/// Whether there is a number that may not be kept as it was written: a whole one that needs more than 64 bits, which has become the
/// nearest double.
fn has_number_beyond(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|number| number.abs() >= TWO_TO_63)
        }
        Value::Array(items) => items.iter().any(has_number_beyond),
        Value::Object(members) => members.values().any(has_number_beyond),
        _ => false,
    }
}

/// Whether objects and arrays stand more than `most` deep in one another. It looks no deeper than it must.
fn depth_exceeds(value: &Value, most: usize) -> bool {
    let deeper = |inner| depth_exceeds(inner, most - 1);
    match value {
        Value::Array(items) => most == 0 || items.iter().any(deeper),
        Value::Object(members) => most == 0 || members.values().any(deeper),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
