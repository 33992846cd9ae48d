//! A thread with a connection of its own, fed through a bounded queue: SQLite blocks, and no runtime may.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::file::OpenFiles;
use crate::store::Unavailable;

/// Calls that may wait for one thread; beyond, the store is unavailable.
pub(super) const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Debug)]
pub(super) struct Lane {
    /// `None` only while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    files: Arc<OpenFiles>,
}

impl Lane {
    pub(super) fn start(
        name: &str,
        mut connection: Connection,
        files: Arc<OpenFiles>,
    ) -> io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let work = move || jobs.into_iter().for_each(|job| job(&mut connection));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), files })
    }

    /// Does `work` on the thread, unless the caller has gone away before its turn.
    pub(super) async fn call<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let files = Arc::clone(&self.files);
        let job = Box::new(move |connection: &mut Connection| {
            if !answer.is_closed() {
                let result = files.verify().map_err(E::from).and_then(|()| work(connection));
                drop(answer.send(result));
            }
        });
        match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => answered.await.unwrap_or_else(|_| Err(ended().into())),
            Some(Err(TrySendError::Full(_))) => {
                Err(Unavailable { reason: "too many calls are waiting".into() }.into())
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Err(ended().into()),
        }
    }
}

fn ended() -> Unavailable {
    Unavailable { reason: "the store's thread has ended".into() }
}

impl Drop for Lane {
    /// Waits for what is under way, so that afterwards the connection is closed and the file free.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told its callers so.
            drop(thread.join());
        }
    }
}
