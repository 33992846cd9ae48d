//! A connection on which changes are told as they are made.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use redis::Value;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::{sleep, timeout};

use super::Redis;
use super::answer::parsed;
use super::link::{Live, told};
use super::log::{self, Raw};
use crate::store::{Listener, Told, Unavailable};

/// To connect and to subscribe.
const CONNECT: Duration = Duration::from_secs(1);
/// How long the connection may say nothing before it is pinged, and how long a ping may take.
const PING: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Subscribed {
    redis: Redis,
    address: String,
    stream: PubSubStream,
    sink: PubSubSink,
    /// Waits a while, pings, and ends with a reason when no answer comes. It outlives a dropped [`Listener::next`].
    pinging: BoxFuture<'static, Option<String>>,
    /// Ends when the server is left on which it listens: another may tell of changes now.
    left: BoxFuture<'static, ()>,
}

impl Subscribed {
    pub(super) async fn new(redis: Redis, live: &Live, channel: &str) -> Result<Self, Unavailable> {
        let address = live.address.to_string();
        let because = |reason: String| Unavailable { reason: format!("{address}: {reason}") };
        let subscribe = async {
            let mut connection = live.client.get_async_pubsub().await?;
            connection.subscribe(channel).await.map(|()| connection)
        };
        let connection = timeout(CONNECT, subscribe)
            .await
            .map_err(|_| because("no subscription in time".to_owned()))?
            .map_err(|error| because(told(&error)))?;
        let (sink, stream) = connection.split();
        let pinging = ping(sink.clone());
        let left = Box::pin(redis.link.left(live.generation));
        Ok(Self { redis, address, stream, sink, pinging, left })
    }
}

fn ping(mut sink: PubSubSink) -> BoxFuture<'static, Option<String>> {
    Box::pin(async move {
        sleep(PING).await;
        match timeout(PING, sink.ping::<Value>()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(told(&error)),
            Err(_) => Some("a ping was not answered".to_owned()),
        }
    })
}

#[async_trait]
impl Listener for Subscribed {
    async fn next(&mut self) -> Result<Told, Unavailable> {
        use futures_util::StreamExt as _;
        loop {
            let message = tokio::select! {
                message = self.stream.next() => message,
                () = &mut self.left => {
                    return Err(Unavailable { reason: format!("{} was left", self.address) });
                }
                lost = &mut self.pinging => match lost {
                    None => {
                        self.pinging = ping(self.sink.clone());
                        continue;
                    }
                    Some(reason) => {
                        return Err(Unavailable { reason: format!("{}: {reason}", self.address) });
                    }
                },
            };
            let Some(message) = message else {
                let reason = format!("{}: the subscription has ended", self.address);
                return Err(Unavailable { reason });
            };
            // Who may publish and does not know the pepper tells nothing; what he keeps from being told is found in the log.
            let raw = read(message.get_payload_bytes());
            if let Some(Ok(told)) = raw.map(|raw| log::told(&self.redis, raw)) {
                return Ok(told);
            }
        }
    }
}

/// A line of numbers, the entry, the record: as the script that commits writes it.
fn read(message: &[u8]) -> Option<Raw> {
    let end = message.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = message.split_at_checked(end)?;
    let rest = rest.get(1..)?;
    let mut words = line.split(|byte| *byte == b' ');
    let (position, before) = (parsed(words.next()?)?, parsed(words.next()?)?);
    let link = parsed(words.next()?)?;
    let used = match words.next()? {
        b"-" => None,
        used => Some(parsed(used)?),
    };
    let (entry, record) = rest.split_at_checked(parsed(words.next()?)?)?;
    let record = (words.next()? == b"1").then(|| record.to_vec());
    Some(Raw { position, before, link, entry: entry.to_vec(), record, used })
}
