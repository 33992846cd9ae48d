//! The access log's way to stdout: a buffer per worker thread, one writer thread, a bounded queue between them.
//!
//! A reader that does not keep up costs log lines, which are counted, and never a request.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::IntCounter;
use tokio::runtime::Handle;

/// Buffers that wait for the writer.
const QUEUE: usize = 256;
/// A buffer of this size goes out at once.
const FULL: usize = 32 * 1024;
/// A line waits no longer than this for its buffer to fill.
const PATIENCE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub struct AccessLog {
    queue: SyncSender<Batch>,
    dropped: IntCounter,
}

#[derive(Debug)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

thread_local! {
    static BUFFER: RefCell<Batch> = const { RefCell::new(Batch { bytes: Vec::new(), lines: 0 }) };
}

impl AccessLog {
    /// Starts the writer. It ends, with everything written, once every [`AccessLog`] is dropped.
    pub fn start(dropped: IntCounter) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, batches) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write(&batches))?;
        Ok((Self { queue, dropped }, writer))
    }

    /// One whose lines go nowhere but to who asks [`Self::taken`].
    #[cfg(test)]
    pub(crate) fn kept(dropped: IntCounter) -> Self {
        Self { queue: sync_channel(0).0, dropped }
    }

    /// The lines of this thread that nobody has flushed, and takes them.
    #[cfg(test)]
    pub(crate) fn taken() -> String {
        let bytes = BUFFER.with_borrow_mut(|buffer| std::mem::take(&mut buffer.bytes));
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Appends one line of this thread.
    pub fn line(self: &std::sync::Arc<Self>, render: impl FnOnce(&mut Vec<u8>)) {
        let length = BUFFER.with_borrow_mut(|buffer| {
            render(&mut buffer.bytes);
            buffer.lines += 1;
            (buffer.lines, buffer.bytes.len())
        });
        match length {
            (_, FULL..) => self.flush(),
            // Without a runtime the thread is at its end, and flushes itself.
            (1, _) => {
                if let Ok(runtime) = Handle::try_current() {
                    let log = self.clone();
                    runtime.spawn(async move {
                        tokio::time::sleep(PATIENCE).await;
                        log.flush();
                    });
                }
            }
            _ => {}
        }
    }

    /// Hands this thread's lines to the writer.
    pub fn flush(&self) {
        let batch = BUFFER.with_borrow_mut(|buffer| {
            let next = Batch { bytes: Vec::with_capacity(buffer.bytes.len().min(FULL)), lines: 0 };
            std::mem::replace(buffer, next)
        });
        let lines = batch.lines;
        if lines > 0 && self.queue.try_send(batch).is_err() {
            self.dropped.inc_by(lines);
        }
    }
}

fn write(batches: &Receiver<Batch>) {
    let mut out = std::io::stdout();
    while let Ok(batch) = batches.recv() {
        // Who closed stdout does not want to know.
        let _nobody_listens = out.write_all(&batch.bytes).and_then(|()| out.flush());
    }
}
