//! A log that does not lead on says nothing of what was changed meanwhile: the records of all requests under way are asked for
//! again, and told.

use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::Snapshot;
use decision::facts::FactKey;
use decision::name::Id;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Feed;
use super::pace::Pace;
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
#[derive(Clone, Debug)]
enum Asked {
    Credential(Id),
    Subject { key: FactKey, realm: String, id: Id },
    Resource { key: FactKey, realm: String, id: Id },
}

/// Asks for the records of `basis` until each was told. What is read is not before `head`.
pub(super) async fn ask_again(
    feed: Arc<Feed>,
    generations: Arc<Generations>,
    basis: Basis,
    head: Mark,
) {
    let mut waiting = asked(basis, &generations.current().snapshot).into_iter();
    let mut under_way = JoinSet::new();
    let mut tidings = Vec::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(asked) = waiting.next()
        {
            let store = feed.facts().store().clone();
            under_way.spawn(async move { answer(&*store, &asked, head.position).await });
        }
        match under_way.join_next().await {
            Some(Ok(told)) => tidings.push(told),
            // One that has panicked was said so.
            Some(Err(_)) => {}
            None => break,
        }
        if tidings.len() >= TOLD {
            feed.tell(std::mem::take(&mut tidings).into()).await;
        }
    }
    feed.tell(tidings.into()).await;
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

/// The record, once the store has answered. It is as it was at that position, or a later one.
async fn answer(store: &dyn Store, asked: &Asked, head: Position) -> Tidings {
    let mut pace = Pace::new(RARELY);
    loop {
        match timeout(ANSWER, read(store, asked, head)).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(_)) | Err(_) => sleep(pace.wait()).await,
        }
    }
}

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
