//! `store`: where the facts are kept.

use std::path::PathBuf;
use std::time::Duration;

use super::Variables;
use super::field::{Fields, filled_set, scalar};
use super::form::{DAY, Form, HOUR, MILLISECOND, duration, number, text, word};
use super::problem::Judged;
use super::snapshot::{CacheSettings, StoreSettings};
use super::tree::Value;
use super::variable::beside;
use crate::secret::PEPPER_MIN;

pub(super) fn store(store: &mut Fields<'_>, variables: &dyn Variables) -> Judged<StoreSettings> {
    store.value_or("kind", &kind(), ());
    let path = path(store);
    let pepper = store.text_or_variable("pepper", (variables, "PORTCULLIS_PEPPER"), |pepper| {
        let long = pepper.len() >= PEPPER_MIN;
        long.then_some(()).ok_or("the pepper must have at least 32 bytes, or it could be guessed")
    });
    let negative_ttl = duration(Duration::ZERO..=DAY);
    let cache = store.block("cache", |cache| CacheSettings {
        capacity: cache.value_or("capacity", &number(1..=100_000_000), 100_000),
        ttl: cache.value_or("ttl", &duration(MILLISECOND..=30 * DAY), Duration::from_mins(10)),
        negative_capacity: cache.value_or("negative_capacity", &number(0..=100_000_000), 10_000),
        negative_ttl: cache.value_or("negative_ttl", &negative_ttl, Duration::from_secs(2)),
    });
    let timeout = duration(MILLISECOND..=Duration::from_mins(1));
    let timeout = store.value_or("timeout", &timeout, Duration::from_millis(50));
    keys_of_redis(store);
    Ok(StoreSettings { path: path?, pepper: pepper?.map(Into::into), cache, timeout })
}

fn kind() -> Form<()> {
    Form::reasoned("`embedded`", |kind| match kind {
        "embedded" => Ok(()),
        _ => Err("only `embedded` is supported yet"),
    })
}

/// A relative path starts at the file that names it; the default is named by the file as a whole.
fn path(store: &mut Fields<'_>) -> Judged<PathBuf> {
    let filled = |path: &String| !path.is_empty();
    let form = Form::new("a path", move |scalar| Some(scalar.text.clone()).filter(filled));
    let (path, place) = match store.value("path", &form) {
        Some(given) => given.map(|given| (given.value, given.given.place))?,
        None => ("portcullis.db".to_owned(), store.place()?.clone()),
    };
    Ok(beside(store.problems.source_of(&place), &path).into())
}

/// The keys of `kind: redis` may stay when the kind changes. They must be of the right type, and have no effect.
fn keys_of_redis(store: &mut Fields<'_>) {
    let problems = store.problems;
    match store.node("url") {
        Some(node) if matches!(node.value, Value::List(_)) => {
            filled_set(node, &text(), problems);
        }
        Some(node) => drop(scalar(node, &text(), problems)),
        None => {}
    }
    store.block("tls", |tls| {
        for key in ["ca", "certificate", "key"] {
            tls.value(key, &text());
        }
    });
    store.value("lease", &duration(MILLISECOND..=HOUR));
    match store.node("when_lapsed") {
        Some(node) if matches!(node.value, Value::Mapping(_)) => {
            Fields::of(node, problems, |lapsed| {
                drop(lapsed.required("serve", &duration(MILLISECOND..=DAY)));
            });
        }
        Some(node) => drop(scalar(node, &word(&[("deny", ())]), problems)),
        None => {}
    }
    store.value("acknowledge", &number(0..=100_u32));
}
