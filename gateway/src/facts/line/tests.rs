use std::pin::pin;

use super::*;
use crate::store::conformance::polled;

/// So many look-ups, one after the other, that are not answered.
async fn unanswered(line: &Line, count: u32) {
    for _ in 0..count {
        drop(line.turn().await);
    }
}

/// Until the pause is over.
async fn after_the_pause(line: &Line) {
    while line.is_closed(clock::now()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn so_many_have_their_turn_at_once_and_the_next_when_one_is_answered() {
    let line = Line::new();
    let mut turns = Vec::new();
    for _ in 0..AT_ONCE {
        turns.push(line.turn().await.unwrap());
    }
    let mut next = pin!(line.turn());
    assert!(polled(next.as_mut()).await.is_pending());
    turns.pop().unwrap().answered();
    assert!(next.await.is_some());
}

#[tokio::test]
async fn a_store_that_was_silent_too_often_in_a_row_is_left_alone_but_for_one_after_each_pause() {
    let line = Line::new();
    unanswered(&line, SILENCES - 1).await;
    line.turn().await.unwrap().answered();
    unanswered(&line, SILENCES - 1).await;
    // Whatever comes later, at this moment it is within every pause that begins after it.
    let now = clock::now();
    assert!(!line.is_closed(now), "an answer in between counts from the start");
    unanswered(&line, 1).await;
    assert!(line.is_closed(now));
    after_the_pause(&line).await;
    let now = clock::now();
    let one = line.turn().await.unwrap();
    assert!(!line.admits(now), "one tries");
    one.answered();
    assert!(line.turn().await.is_some(), "it answers again");
}

#[tokio::test]
async fn out_of_contact_nobody_has_a_turn_until_contact_is_back() {
    let line = Line::new();
    line.set_out_of_contact(true);
    assert!(line.turn().await.is_none());
    line.set_out_of_contact(false);
    assert!(line.turn().await.is_some());
}
