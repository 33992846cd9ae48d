//! From when to when a credential is good: `created_at`, `lifetime` and `expires_at`, held against what its scheme allows.

use std::time::Duration;

use decision::config::snapshot::{Issue, Lifetime};
use decision::facts::Timestamp;

use super::fields::{Fields, Judged};
use super::{instant, rules};

/// When the credential began. Only one that began elsewhere may say so.
pub(super) fn created_at(fields: &mut Fields, imported: bool, now: Timestamp) -> Timestamp {
    let told = fields.text("created_at", |text| {
        if !imported {
            return Err("goes only with secret or secret_sha256".into());
        }
        match rules::instant(text)? {
            at if at > now => Err("must not be in the future".into()),
            at => Ok(at),
        }
    });
    told.unwrap_or(now)
}

/// The first instant at which it is no longer good; `None` = never. A lifetime counts from `from`. Without a scheme (it was
/// refused) only the form is judged.
pub(super) fn expiry(
    fields: &mut Fields,
    issue: Option<&Issue>,
    from: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    match (fields.has("lifetime"), fields.has("expires_at")) {
        (true, true) => fields.refuse("expires_at", "excludes lifetime"),
        (false, false) => {
            if let Err(message) = allowed(issue, Lifetime::Never) {
                fields.refuse("lifetime", format!("is required, and {message}"));
            }
        }
        _ => {}
    }
    let by_lifetime = fields.text("lifetime", |text| {
        let lifetime = rules::lifetime(text)?;
        allowed(issue, lifetime)?;
        ends(lifetime, from, now)
    });
    let by_date = fields.text("expires_at", |text| {
        let at = rules::instant(text)?;
        allowed(issue, Lifetime::Date)?;
        if at <= now { Err("is past".into()) } else { Ok(at) }
    });
    by_lifetime.flatten().or(by_date)
}

fn ends(lifetime: Lifetime, from: Timestamp, now: Timestamp) -> Judged<Option<Timestamp>> {
    let Lifetime::For(length) = lifetime else { return Ok(None) };
    let at = i64::try_from(length.as_millis()).ok().and_then(|length| from.0.checked_add(length));
    match at.map(Timestamp) {
        Some(at) if at <= now => Err("is over already, counted from created_at".into()),
        Some(at) if at <= instant::LAST => Ok(Some(at)),
        _ => Err("must end before the year 10000".into()),
    }
}

fn allowed(issue: Option<&Issue>, lifetime: Lifetime) -> Judged<()> {
    let Some(lifetimes) = issue.and_then(|issue| issue.lifetimes.as_deref()) else { return Ok(()) };
    if lifetimes.contains(&lifetime) {
        return Ok(());
    }
    let choices: Vec<String> = lifetimes.iter().map(choice).collect();
    Err(format!("must be one that the scheme allows: {}", choices.join(", ")))
}

/// A lifetime as it is asked for.
fn choice(lifetime: &Lifetime) -> String {
    match lifetime {
        Lifetime::For(length) => written(*length),
        Lifetime::Never => "never".into(),
        Lifetime::Date => "expires_at".into(),
    }
}

/// In the greatest unit that divides it.
fn written(length: Duration) -> String {
    let milliseconds = length.as_millis();
    let units: [(&str, u128); 4] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let fits = units.iter().find(|(_, unit)| milliseconds.is_multiple_of(*unit));
    fits.map_or_else(
        || format!("{milliseconds}ms"),
        |(name, unit)| format!("{}{name}", milliseconds / unit),
    )
}
