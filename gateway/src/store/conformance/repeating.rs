//! Calls under a key.
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{NOW, later};
use crate::store::{Begun, REPLY_FOR, RUNNING_FOR, RepeatKey, Reply, Store};

fn key(author: &str, key: &str) -> RepeatKey {
    RepeatKey { author: author.into(), key: key.into() }
}

fn reply() -> Reply {
    Reply { status: 201, body: b"{\"secret\":null}\0".to_vec() }
}

pub(crate) async fn a_call_is_done_once_and_then_answered_as_before(store: Arc<dyn Store>) {
    let key = key("admin", "k");
    let begin = async |body: u8, time| store.begin(&key, [body; 32], later(time)).await.unwrap();
    assert_eq!(begin(1, 0).await, Begun::New);
    assert_eq!(begin(1, 1).await, Begun::Running);
    assert_eq!(begin(2, 1).await, Begun::OtherBody);
    store.finish(&key, Some(reply()), later(2)).await.unwrap();
    for time in [2, 3, 2 + REPLY_FOR - 1] {
        assert_eq!(begin(1, time).await, Begun::Done(reply()));
        assert_eq!(begin(2, time).await, Begun::OtherBody);
    }
    assert_eq!(begin(2, 2 + REPLY_FOR).await, Begun::New, "after a day it is forgotten");
}

pub(crate) async fn a_key_is_that_of_its_author(store: Arc<dyn Store>) {
    let begin = async |author: &str, name: &str| {
        store.begin(&key(author, name), [1; 32], NOW).await.unwrap()
    };
    assert_eq!(begin("a", "k").await, Begun::New);
    assert_eq!(begin("b", "k").await, Begun::New);
    assert_eq!(begin("a", "K").await, Begun::New);
    assert_eq!(begin("", "ak").await, Begun::New);
    assert_eq!(begin("a", "k").await, Begun::Running);
}

pub(crate) async fn a_call_that_had_no_answer_to_repeat_begins_anew(store: Arc<dyn Store>) {
    let key = key("admin", "k");
    assert_eq!(store.begin(&key, [1; 32], NOW).await.unwrap(), Begun::New);
    store.finish(&key, None, NOW).await.unwrap();
    assert_eq!(store.begin(&key, [2; 32], NOW).await.unwrap(), Begun::New);
    store.finish(&key, Some(reply()), NOW).await.unwrap();
    // An answer that was given stays.
    store.finish(&key, None, NOW).await.unwrap();
    store.finish(&key, Some(Reply { status: 500, body: vec![] }), NOW).await.unwrap();
    assert_eq!(store.begin(&key, [2; 32], NOW).await.unwrap(), Begun::Done(reply()));
}

pub(crate) async fn a_call_whose_maker_is_gone_begins_anew_after_a_while(store: Arc<dyn Store>) {
    let key = key("admin", "k");
    let begin = async |time| store.begin(&key, [1; 32], later(time)).await.unwrap();
    assert_eq!(begin(0).await, Begun::New);
    assert_eq!(begin(RUNNING_FOR - 1).await, Begun::Running);
    assert_eq!(begin(RUNNING_FOR).await, Begun::New);
    assert_eq!(begin(RUNNING_FOR).await, Begun::Running);
}

pub(crate) async fn of_fifty_at_once_under_one_key_exactly_one_is_done(store: Arc<dyn Store>) {
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.begin(&key("admin", "k"), [1; 32], NOW).await.unwrap() });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Begun::New).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Begun::Running).count(), 49);
}
