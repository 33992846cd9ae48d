//! A log that does not lead on says nothing of what was changed meanwhile: the records of all requests under way are asked for
//! again, and told.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::Snapshot;
use decision::facts::FactKey;
use decision::name::Id;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::pace::Pace;
use super::{Feed, Running};
use crate::generation::Generations;
use crate::roster::{Basis, Record, Tidings};
use crate::store::{Mark, Position, Read, Store, Unavailable};

/// Records that the store is asked for at once.
const AT_ONCE: usize = 32;
/// How long the store has for each.
const ANSWER: Duration = Duration::from_secs(1);
/// The longest pause before a record is asked for again that the store could not tell.
const RARELY: Duration = Duration::from_secs(1);
/// So many records are told at once, at the most.
const TOLD: usize = 256;

/// A record that somebody under way rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Credential(Id),
    Subject { key: FactKey, realm: String, id: Id },
    Resource { key: FactKey, realm: String, id: Id },
}

/// Asks for the records of `basis` until each was told, or nobody under way rests on it any more. What is read is not before
/// `head`.
pub(super) async fn ask_again(
    feed: Arc<Feed>,
    generations: Arc<Generations>,
    mut basis: Running<Basis>,
    head: Mark,
) {
    let mut pace = Pace::new(RARELY);
    let mut untold: Option<HashSet<Asked>> = None;
    loop {
        let mut asked = asked(basis.await, &generations.current().snapshot);
        asked.retain(|one| untold.as_ref().is_none_or(|untold| untold.contains(one)));
        let unanswered = tell_of(&feed, asked, head.position).await;
        if unanswered.is_empty() {
            return;
        }
        untold = Some(unanswered);
        sleep(pace.wait()).await;
        basis = feed.basis();
    }
}

/// Asks for each record once, and tells of it. Gives those that the store could not tell.
async fn tell_of(feed: &Feed, asked: Vec<Asked>, head: Position) -> HashSet<Asked> {
    let mut waiting = asked.into_iter();
    let mut under_way = JoinSet::new();
    let (mut tidings, mut unanswered) = (Vec::new(), HashSet::new());
    loop {
        while under_way.len() < AT_ONCE
            && let Some(asked) = waiting.next()
        {
            let store = feed.facts().store().clone();
            under_way.spawn(async move {
                let read = timeout(ANSWER, read(&*store, &asked, head)).await;
                read.ok().and_then(Result::ok).ok_or(asked)
            });
        }
        match under_way.join_next().await {
            Some(Ok(Ok(told))) => tidings.push(told),
            Some(Ok(Err(asked))) => drop(unanswered.insert(asked)),
            // One that has panicked was said so.
            Some(Err(_)) => {}
            None => break,
        }
        if tidings.len() >= TOLD {
            feed.tell(&std::mem::take(&mut tidings).into()).await;
        }
    }
    feed.tell(&tidings.into()).await;
    unanswered
}

fn asked(basis: Basis, snapshot: &Snapshot) -> Vec<Asked> {
    let Basis { credentials, subjects, orgs } = basis;
    // Of an api that is not served any more nobody knows the realm; a credential of it is good for nothing.
    let realm = |name: &str| {
        let api = snapshot.apis.iter().find(|api| *api.name == *name);
        api.map(|api| api.realm.to_string())
    };
    let credentials = credentials.into_iter().map(Asked::Credential);
    let subjects = subjects
        .into_iter()
        .filter_map(|(key, (api, id))| Some(Asked::Subject { key, realm: realm(&api)?, id }));
    let orgs = orgs
        .into_iter()
        .filter_map(|(key, (api, id))| Some(Asked::Resource { key, realm: realm(&api)?, id }));
    credentials.chain(subjects).chain(orgs).collect()
}

/// The record as it was at that position, or a later one.
async fn read(store: &dyn Store, asked: &Asked, head: Position) -> Result<Tidings, Unavailable> {
    Ok(match asked {
        Asked::Credential(id) => {
            let record = Record::Credential(id.clone(), store.get(id).await?.map(Arc::new));
            Tidings { position: head, record }
        }
        Asked::Subject { key, realm, id } => {
            let Read { value, position } = store.subject(realm, id).await?;
            Tidings { position, record: Record::Subject(*key, value.map(Arc::new)) }
        }
        Asked::Resource { key, realm, id } => {
            let Read { value, position } = store.resource(realm, id).await?;
            Tidings { position, record: Record::Resource(*key, value.map(Arc::new)) }
        }
    })
}
