//! From when to when a credential is good: `created_at`, and one of `lifetime`, `expires_on` and `expires_at`, held against
//! what its scheme allows.

use std::time::Duration;

use decision::config::snapshot::{Expiry, Issue, Lifetime};
use decision::facts::{Credential, Timestamp};

use super::fields::{Fields, Judged};
use super::{instant, rules};

/// What a lifetime comes to.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    Never,
    At(Timestamp),
}

impl Ends {
    pub(super) fn at(self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
        }
    }
}

const DAY: i64 = 24 * 60 * 60 * 1000;

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
    let mut given = ["lifetime", "expires_on", "expires_at"].into_iter();
    match given.find(|name| fields.has(name)) {
        Some(first) => given
            .filter(|name| fields.has(name))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|name| fields.refuse(name, format!("excludes {first}"))),
        None => {
            if let Err(message) = allowed(issue, Lifetime::Never) {
                fields.refuse("lifetime", format!("is required, and {message}"));
            }
        }
    }
    let by_lifetime = lifetime(fields, issue, from, now);
    let by_day = fields.text("expires_on", |text| {
        let day = rules::day(text)?;
        allowed(issue, Lifetime::Date)?;
        let at = match issue.map(|issue| issue.expiry) {
            Some(Expiry::Instant) => {
                return Err(
                    "needs a scheme whose credentials expire with a day: give expires_at".into()
                );
            }
            Some(Expiry::EndOfDayUtc) => Timestamp(day.0 + DAY),
            Some(Expiry::StartOfDayUtc) | None => day,
        };
        writable(at, now)
    });
    let by_instant = fields.text("expires_at", |text| {
        let at = rules::instant(text)?;
        allowed(issue, Lifetime::Date)?;
        writable(at, now)
    });
    by_lifetime.map_or(by_day.or(by_instant), Ends::at)
}

/// When a `lifetime` that is given ends.
pub(super) fn lifetime(
    fields: &mut Fields,
    issue: Option<&Issue>,
    from: Timestamp,
    now: Timestamp,
) -> Option<Ends> {
    fields.text("lifetime", |text| {
        let lifetime = rules::lifetime(text)?;
        allowed(issue, lifetime)?;
        let Lifetime::For(length) = lifetime else { return Ok(Ends::Never) };
        let at = i64::try_from(length.as_millis()).ok();
        let at = at.and_then(|length| from.0.checked_add(length)).map(Timestamp);
        let at = at.ok_or("must end before the year 10000")?;
        let at = issue.map_or(at, |issue| rounded(at, issue.expiry));
        writable(at, now).map(Ends::At)
    })
}

/// When a successor of `old` ends that is good as long as it was: counted in days where it ended with a day, so that it does
/// not grow or shrink from one to the next.
pub(super) fn as_long(old: &Credential, issue: &Issue, now: Timestamp) -> Option<Timestamp> {
    let ends = old.expires_at?;
    let by_day = issue.expiry != Expiry::Instant && ends.0 % DAY == 0;
    let from = if by_day { midnight(now) } else { now.0 };
    let began = if by_day { midnight(old.created_at) } else { old.created_at.0 };
    Some(Timestamp(from.saturating_add(ends.0 - began).min(instant::LAST.0)))
}

fn rounded(at: Timestamp, expiry: Expiry) -> Timestamp {
    match expiry {
        Expiry::Instant => at,
        Expiry::StartOfDayUtc => Timestamp(midnight(at)),
        Expiry::EndOfDayUtc => Timestamp(midnight(at).saturating_add(DAY)),
    }
}

/// The begin of the day (UTC) that `at` lies in.
fn midnight(at: Timestamp) -> i64 {
    at.0 - at.0.rem_euclid(DAY)
}

fn writable(at: Timestamp, now: Timestamp) -> Judged<Timestamp> {
    match at {
        at if at <= now => Err("is over already".into()),
        at if at > instant::LAST => Err("must end before the year 10000".into()),
        at => Ok(at),
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
        Lifetime::Date => "a date".into(),
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
