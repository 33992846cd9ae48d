//! What the value of one field may be. Each rule reads it or says what form it must have; none repeats what was sent, since
//! that may be a secret.

use std::time::Duration;

use decision::config::parse_duration;
use decision::config::snapshot::Lifetime;
use decision::facts::Timestamp;
use decision::name::{ID_RULE, Id};
use decision::secret::Fingerprint;
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
    if value.to_string().len() > METADATA_MAX {
        return Err(format!("must not have more than {METADATA_MAX} bytes"));
    }
    Ok(members.clone())
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
