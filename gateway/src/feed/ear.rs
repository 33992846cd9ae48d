//! Hears of changes as they are made. What is not heard is found in the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::pace::Pace;
use crate::log;
use crate::store::{SharedLog, Told};

/// The longest that making a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest pause between two attempts.
const RARELY: Duration = Duration::from_secs(1);

/// What is heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// From now on changes are heard of; before, some may not have been.
    Listening,
    Told(Told),
}

/// Listens for as long as it is polled and anybody wants to hear it. A connection that is lost is made anew.
pub(super) async fn listen(log: Arc<dyn SharedLog>, heard: mpsc::Sender<Heard>) {
    let mut pace = Pace::new(RARELY);
    loop {
        if let Ok(Ok(mut listener)) = timeout(CONNECT, log.listen()).await {
            if heard.send(Heard::Listening).await.is_err() {
                return;
            }
            loop {
                match listener.next().await {
                    Ok(told) => {
                        pace.reset();
                        if heard.send(Heard::Told(told)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        log::warn("changes are not heard of as they are made", |line| {
                            line.field("error", error.reason);
                        });
                        break;
                    }
                }
            }
        }
        sleep(pace.wait()).await;
    }
}
