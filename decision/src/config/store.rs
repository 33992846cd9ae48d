//! `store`: where the facts are kept.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::Variables;
use super::field::{Fields, at_most, items, scalar};
use super::form::{DAY, Form, HOUR, MILLISECOND, Reason, duration, number, secret, word};
use super::problem::{Judged, Problems};
use super::redis::redis;
use super::snapshot::{CacheSettings, StoreSettings};
use super::tree::{Node, Value};
use crate::secret::{PEPPER_MIN, SEALING_KEY_LENGTH};

/// The most previous peppers: each costs a look-up of an unknown credential one more.
const PREVIOUS_MAX: usize = 4;
/// How long after the lease has lapsed cached facts are used, by default.
const SERVE: Duration = Duration::from_secs(30);

pub(super) fn store(store: &mut Fields<'_>, variables: &dyn Variables) -> Judged<StoreSettings> {
    let is_shared = store.value_or("kind", &word(&[("embedded", false), ("redis", true)]), false);
    let path = path(store);
    let pepper = store.secret_or_variable("pepper", (variables, "PORTCULLIS_PEPPER"), judge_pepper);
    let previous_peppers = previous_peppers(store);
    let sealing_key = sealing_key(store, variables);
    let negative_ttl = duration(Duration::ZERO..=DAY);
    let cache = store.block("cache", |cache| CacheSettings {
        capacity: cache.value_or("capacity", &number(1..=100_000_000), 100_000),
        ttl: cache.value_or("ttl", &duration(MILLISECOND..=30 * DAY), Duration::from_mins(10)),
        negative_capacity: cache.value_or("negative_capacity", &number(0..=100_000_000), 10_000),
        negative_ttl: cache.value_or("negative_ttl", &negative_ttl, Duration::from_secs(2)),
    });
    let timeout = duration(MILLISECOND..=Duration::from_mins(1));
    let timeout = store.value_or("timeout", &timeout, Duration::from_millis(50));
    let lease = store.value_or("lease", &duration(MILLISECOND..=HOUR), Duration::from_secs(2));
    let serve = store.node("when_lapsed").map(|node| when_lapsed(node, store.problems));
    let redis = redis(store, is_shared, variables);
    if is_shared && matches!(pepper, Ok(None)) {
        let message = "redis needs a pepper, the same for all replicas";
        store.problems.missing(&store.place()?.key("pepper"), message);
    }
    Ok(StoreSettings {
        redis: Some(redis?).filter(|_| is_shared),
        path: path?,
        pepper: pepper?.map(Into::into),
        previous_peppers: previous_peppers?,
        sealing_key: sealing_key?,
        cache,
        timeout,
        lease,
        serve: serve.and_then(Result::ok).unwrap_or(SERVE),
    })
}

/// `deny`, or `{ serve: D }`: how long after the lease has lapsed cached facts are used.
pub(super) fn when_lapsed(node: &Node, problems: &Problems) -> Judged<Duration> {
    if matches!(node.value, Value::Mapping(_)) {
        let form = duration(MILLISECOND..=DAY);
        let serve = Fields::of(node, problems, |lapsed| lapsed.required("serve", &form));
        return Ok(serve?.value);
    }
    Ok(scalar(node, &word(&[("deny", Duration::ZERO)]), problems)?.value)
}

fn judge_pepper(pepper: &str) -> Result<(), Reason> {
    let long = pepper.len() >= PEPPER_MIN;
    long.then_some(()).ok_or("the pepper must have at least 32 bytes, or it could be guessed")
}

/// An empty one is none, as `pepper` is. No message shows one.
fn previous_peppers(store: &mut Fields<'_>) -> Judged<Vec<SecretString>> {
    let problems = store.problems;
    let Some(node) = store.node("previous_peppers") else { return Ok(Vec::new()) };
    let given = at_most(items(node, problems)?, PREVIOUS_MAX, &node.place, problems);
    let judged = given.iter().map(|item| {
        let pepper = scalar(item, &secret(), problems)?;
        if !pepper.value.is_empty() {
            judge_pepper(&pepper.value)
                .map_err(|reason| problems.error(&pepper.given.place, reason))?;
        }
        Ok(SecretString::from(pepper.value))
    });
    let judged: Vec<Judged<SecretString>> = judged.collect();
    let peppers = judged.into_iter().collect::<Judged<Vec<_>>>()?;
    Ok(peppers.into_iter().filter(|pepper| !pepper.expose_secret().is_empty()).collect())
}

fn sealing_key(
    store: &mut Fields<'_>,
    variables: &dyn Variables,
) -> Judged<Option<SecretSlice<u8>>> {
    let decoded = |key: &str| BASE64.decode(key).ok().filter(|key| key.len() == SEALING_KEY_LENGTH);
    let variable = (variables, "PORTCULLIS_SEALING_KEY");
    let key = store.secret_or_variable("sealing_key", variable, |key| {
        let long = decoded(key).map(Zeroizing::new).is_some();
        long.then_some(()).ok_or("the sealing key must be 32 bytes in base64")
    });
    Ok(key?.map(Zeroizing::new).and_then(|key| decoded(&key)).map(Into::into))
}

/// A relative path starts at the file that names it; the default is named by the file as a whole.
fn path(store: &mut Fields<'_>) -> Judged<PathBuf> {
    let filled = |path: &String| !path.is_empty();
    let form = Form::new("a path", move |scalar| Some(scalar.text.clone()).filter(filled));
    let (path, place) = match store.value("path", &form) {
        Some(given) => given.map(|given| (given.value, given.given.place))?,
        None => ("portcullis.db".to_owned(), store.place()?.clone()),
    };
    Ok(store.problems.beside(&place, &path))
}
