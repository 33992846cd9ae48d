//! Secrets that another system made: which of them a scheme can take in.

use decision::config::snapshot::{Api, Place, Scheme};
use decision::credential::taker;
use decision::secret::{self, Fingerprint};
use secrecy::SecretString;

use super::fields::{Fields, Judged};
use super::rules;

/// Where a credential's secret comes from.
pub(super) enum Source {
    /// It was minted here.
    Minted(SecretString),
    /// Another system made it.
    Brought(SecretString),
    /// Another system made it and kept no more than this.
    Digested(Fingerprint),
}

/// Reads `secret` and `secret_sha256`, which exclude each other. Without a scheme (it was refused) only the form is judged.
/// Of a digest nobody can tell whether the scheme would recognise its secret. `None`: neither is given.
pub(super) fn source(fields: &mut Fields, owner: Option<(&Api, &Scheme)>) -> Option<Source> {
    if fields.has("secret") && fields.has("secret_sha256") {
        fields.refuse("secret_sha256", "excludes secret");
    }
    let brought = fields.text("secret", |text| {
        let secret = rules::secret(text)?;
        owner.map_or(Ok(()), |(api, scheme)| recognised(api, scheme, text))?;
        Ok(Source::Brought(secret))
    });
    let digested = fields.text("secret_sha256", rules::sha256).map(Source::Digested);
    brought.or(digested)
}

/// Whether requests that carry `secret` would be taken to carry a credential of `scheme` (contract, section 3, "Which value
/// is whose"), and its checksum would pass.
pub(super) fn recognised(api: &Api, scheme: &Scheme, secret: &str) -> Judged<()> {
    let prefix = scheme.prefix.as_deref().unwrap_or_default();
    if !secret.starts_with(prefix) {
        return Err("must begin with the prefix of its scheme".into());
    }
    let bytes = secret.as_bytes();
    let taken = |&place: &usize| {
        let taker = taker(api, place, bytes).and_then(|taker| api.schemes.get(taker));
        carries(api, place, secret) && taker.is_some_and(|taker| taker.name == scheme.name)
    };
    if !scheme.from.iter().any(taken) {
        return Err("would be taken for a credential of another scheme, or for none".into());
    }
    let checked = scheme.prefix.is_some() && scheme.issue.checksum;
    if checked && secret::has_minted_form(prefix, bytes) && !secret::checksum_holds(bytes) {
        return Err("has the form of a minted secret and a wrong checksum".into());
    }
    Ok(())
}

/// Whether a value can be brought there in one piece: only a cookie ends at a `;` (RFC 6265, section 4.1.1).
fn carries(api: &Api, place: usize, secret: &str) -> bool {
    !matches!(api.places.get(place), Some(Place::Cookie(_))) || !secret.contains(';')
}

#[cfg(test)]
mod tests;
