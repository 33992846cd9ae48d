//! Records behind the signature of a previous pepper are signed anew under the one in force, so that the previous one can be
//! given up.
//!
//! Entries of both logs stay as they are: those of the change log are soon trimmed, those of the audit log are not changed.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::answer::{Answer, strange};
use super::blob::{self, Vault};
use super::link::Link;
use super::{names, scripts};
use crate::log;
use crate::store::Unavailable;

/// How many names one step looks at: nobody else is served meanwhile.
const AT_ONCE: usize = 500;
/// Until it is tried again, when the store was not available.
const PAUSE: Duration = Duration::from_secs(5);
/// Until it is looked at again: replicas that have the former pepper in force may have written meanwhile.
const AGAIN: Duration = Duration::from_hours(1);
/// What the names of records that bear a signature begin with.
const SIGNED: [&str; 6] = [
    names::CREDENTIAL,
    names::SUBJECT,
    names::RESOURCE,
    names::SEALED,
    names::DELETED,
    names::REPEAT,
];

/// Goes on in the background, until this is dropped.
pub(super) struct Renewing(JoinHandle<()>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Renewing {
    /// On the runtime of the caller.
    pub(super) fn start(link: Arc<Link>, vault: Arc<Vault>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                // What is in the way is told by whoever needs an answer.
                let Ok(renewed) = renew(&link, &vault).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                log::info("every record is signed under the pepper in force", |line| {
                    line.field("renewed", renewed);
                });
                sleep(AGAIN).await;
            }
        }))
    }
}

/// Gives how many records were signed anew. What nobody has signed who is known here stays as it is.
async fn renew(link: &Link, vault: &Vault) -> Result<u64, Unavailable> {
    let generation = link.generation().await?;
    let (mut cursor, mut renewed) = ("0".to_owned(), 0);
    loop {
        let (next, names) = scan(link, &cursor).await?;
        renewed += renew_these(link, vault, &names).await?;
        if next == "0" {
            break;
        }
        cursor = next;
    }
    // A cursor leads through the names of one server alone.
    if link.generation().await? != generation {
        return Err(Unavailable { reason: "the server was replaced".to_owned() });
    }
    Ok(renewed)
}

/// Where to go on, and names without the prefix; some may come twice.
async fn scan(link: &Link, cursor: &str) -> Result<(String, Vec<String>), Unavailable> {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(names::full("*")).arg("COUNT").arg(AT_ONCE);
    let answer = link.commands(&[command]).await?.into_iter().next().ok_or_else(strange)?;
    let (next, found): (String, Vec<String>) =
        redis::from_redis_value(answer).map_err(|_| strange())?;
    let names = found.iter().filter_map(|name| name.strip_prefix(names::PREFIX));
    let signed = names.filter(|name| SIGNED.iter().any(|kind| name.starts_with(kind)));
    Ok((next, signed.map(str::to_owned).collect()))
}

async fn renew_these(link: &Link, vault: &Vault, names: &[String]) -> Result<u64, Unavailable> {
    let get = |name: &String| {
        let mut command = redis::cmd("GET");
        command.arg(names::full(name));
        command
    };
    let commands: Vec<_> = names.iter().map(get).collect();
    if commands.is_empty() {
        return Ok(0);
    }
    let mut call = scripts::Call::of(&scripts::RENEW);
    let mut found = 0;
    for (name, value) in names.iter().zip(link.commands(&commands).await?) {
        if let Value::BulkString(record) = value
            && let Some(renewed) = vault.renewed(name, &record)
        {
            call.arg(name).arg(blob::signature(&record)).arg(renewed);
            found += 1;
        }
    }
    if found == 0 {
        return Ok(0);
    }
    Answer::new(link.change(&call).await?)?.number()
}
