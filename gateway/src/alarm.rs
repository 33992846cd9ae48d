//! One timer for a whole connection.
//!
//! A deadline that moves with every request would cost a registration each time. An alarm is registered once and left alone
//! while the deadline only moves away; when it fires early it is set again. So a busy connection touches the timer wheel
//! about once per length of its longest deadline.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when `deadline` has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        loop {
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }

    /// Waits for `event`, but not beyond `deadline`; `None` when it was too late.
    pub async fn guard<T>(
        &mut self,
        deadline: Instant,
        mut event: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        std::future::poll_fn(|cx| {
            if let Poll::Ready(value) = event(cx) {
                return Poll::Ready(Some(value));
            }
            self.poll(cx, deadline).map(|()| None)
        })
        .await
    }
}
