//! Our IO type: a TCP connection with two buffers of its own.
//!
//! A [`Wire`] is a handle. One is boxed into a pingora session, which then is a mere codec; the forward loop keeps another.
//! Its `poll_write` appends to `outbox` and is always ready, so every write call of a session ends in its first poll: there is
//! nothing to cancel and nothing that blocks. Real writing is the loop's ([`Wire::poll_push`]), and back-pressure is one rule:
//! read a side only while the other side's outbox [is low](Wire::is_low).
//!
//! What is read ahead of its time (a pipelined request, the bytes behind a head) waits in `inbox`, the only such place.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::io::{AsyncWrite as _, Interest};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use crate::chunks::Chunks;

mod session;
mod through;

pub use through::{Heads, Through};

/// A side is read only while the other side's outbox holds less than this.
pub const LOW_MARK: usize = 16 * 1024;
/// What a peer may send ahead of its turn before it is no longer read.
pub const READ_AHEAD: usize = 16 * 1024;
/// The most that is read of a body at once.
const PIECE: usize = 64 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const KEEP_CAPACITY: usize = 32 * 1024;

#[derive(Clone, Debug)]
pub struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    io: TcpStream,
    /// Handed to the reader before anything else: the framing that a body codec is told.
    preface: Bytes,
    inbox: BytesMut,
    /// Watches what the codec of a chunked body is given; `Err` once that has no single meaning.
    chunks: Option<Result<Chunks, ()>>,
    outbox: Vec<u8>,
    /// How much of the outbox the kernel has taken.
    pushed: usize,
    /// Bytes that the kernel has taken, and given, since [`Wire::reset_counts`].
    sent: u64,
    received: u64,
}

/// Shows how much is held, and nothing of it: heads with credentials pass through here.
impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("io", &self.io)
            .field("inbox", &self.inbox.len())
            .field("outbox", &(self.outbox.len() - self.pushed))
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub fn new(io: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            io,
            preface: Bytes::new(),
            inbox: BytesMut::new(),
            chunks: None,
            outbox: Vec::new(),
            pushed: 0,
            sent: 0,
            received: 0,
        })))
    }

    /// Never contended: all handles of a wire live in one task.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- reading -----------------------------------------------------------------------------------------------------

    /// Reads what has arrived into the inbox; 0 is the peer's end.
    pub fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.lock().fill(cx, 4096)
    }

    /// Reads until `look` finds something in the inbox; `None` is the peer's end.
    pub fn poll_find<T>(
        &self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&[u8]) -> Option<T>,
    ) -> Poll<io::Result<Option<T>>> {
        let inner = &mut *self.lock();
        loop {
            if let Some(found) = look(&inner.inbox) {
                return Poll::Ready(Ok(Some(found)));
            }
            if ready!(inner.fill(cx, 4096))? == 0 {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// Hands what has arrived to `pass`, at most `most` bytes of it; 0 is the peer's end.
    pub fn poll_give(
        &self,
        cx: &mut Context<'_>,
        most: usize,
        pass: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.lock();
        if inner.inbox.is_empty() && ready!(inner.fill(cx, most.min(PIECE)))? == 0 {
            return Poll::Ready(Ok(0));
        }
        let length = most.min(inner.inbox.len());
        pass(inner.inbox.get(..length).unwrap_or_default());
        inner.inbox.advance(length);
        Poll::Ready(Ok(length))
    }

    /// Gives back an inbox that has grown, for the time when nothing is said here; `false` where there is something in it.
    pub fn rest(&self) -> bool {
        let inner = &mut *self.lock();
        let empty = inner.inbox.is_empty();
        if empty && inner.inbox.try_reclaim(KEEP_CAPACITY) {
            inner.inbox = BytesMut::new();
        }
        empty
    }

    /// Watches a peer whose turn it is not: ready only when it is gone. What it sends meanwhile is kept for its turn, up to
    /// [`READ_AHEAD`]; beyond that it is no longer watched.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &mut *self.lock();
        loop {
            if inner.inbox.len() >= READ_AHEAD {
                return Poll::Pending;
            }
            match ready!(inner.fill(cx, 4096)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    }

    /// Whether the peer has ended its side, whatever of it is still unread: as far as the driver has heard.
    pub fn has_ended(&self) -> bool {
        let seen = self.lock().io.ready(Interest::READABLE).now_or_never();
        matches!(seen, Some(Ok(ready)) if ready.is_read_closed())
    }

    /// Looks at the inbox.
    pub fn peek<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.lock().inbox)
    }

    /// Takes the first `length` bytes of the inbox, or all there are.
    pub fn take(&self, length: usize) -> Bytes {
        let inner = &mut *self.lock();
        let length = length.min(inner.inbox.len());
        inner.inbox.split_to(length).freeze()
    }

    pub fn skip(&self, length: usize) {
        let inner = &mut *self.lock();
        let length = length.min(inner.inbox.len());
        inner.inbox.advance(length);
    }

    /// Gives back bytes that a codec had read beyond its message.
    pub fn give_back(&self, bytes: &[u8]) {
        let inner = &mut *self.lock();
        let rest = std::mem::take(&mut inner.inbox);
        inner.inbox.reserve(bytes.len() + rest.len());
        inner.inbox.put_slice(bytes);
        inner.inbox.put_slice(&rest);
    }

    /// What the next reader is told before it reads the peer's bytes.
    pub fn set_preface(&self, preface: Bytes, chunked: bool) {
        let inner = &mut *self.lock();
        inner.preface = preface;
        inner.chunks = chunked.then(|| Ok(Chunks::default()));
    }

    /// Whether a chunked body was given up because its framing has no single meaning. The body is no longer watched.
    pub fn end_body(&self) -> bool {
        self.lock().chunks.take() == Some(Err(()))
    }

    /// Whether the peer of an idle connection has closed it or said something unasked. Costs a system call only when the
    /// driver has seen something, or when `certain` asks the kernel itself (it may know of an end that the driver does not).
    pub fn is_stale(&self, certain: bool) -> bool {
        let inner = self.lock();
        if !inner.inbox.is_empty() {
            return true;
        }
        let mut byte = [0u8; 1];
        let seen = match inner.io.try_read(&mut byte) {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        };
        if seen || !certain {
            return seen;
        }
        match inner.ask_kernel() {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }

    /// Whether the kernel holds bytes of the peer's, though the driver may not have said so yet.
    pub fn has_arrived(&self) -> bool {
        matches!(self.lock().ask_kernel(), Ok(1..))
    }

    // --- writing -----------------------------------------------------------------------------------------------------

    /// Appends to the outbox.
    pub fn put<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        write(&mut self.lock().outbox)
    }

    pub fn pending(&self) -> usize {
        let inner = self.lock();
        inner.outbox.len() - inner.pushed
    }

    /// What waits for the kernel, and what it has taken since the counts were reset.
    pub fn owed(&self) -> (usize, u64) {
        let inner = self.lock();
        (inner.outbox.len() - inner.pushed, inner.sent)
    }

    /// Whether the other side may be read.
    pub fn is_low(&self) -> bool {
        self.pending() < LOW_MARK
    }

    /// Writes the outbox to the kernel; ready when all of it is there.
    pub fn poll_push(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.lock();
        while let Some(rest) = inner.outbox.get(inner.pushed..).filter(|rest| !rest.is_empty()) {
            let Poll::Ready(taken) = Pin::new(&mut inner.io).poll_write(cx, rest) else {
                // A peer that always leaves a rest must not let the front grow.
                if inner.pushed >= LOW_MARK {
                    inner.outbox.drain(..inner.pushed);
                    inner.pushed = 0;
                }
                return Poll::Pending;
            };
            let taken = taken?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            inner.pushed += taken;
            inner.sent += taken as u64;
        }
        inner.pushed = 0;
        if inner.outbox.capacity() > KEEP_CAPACITY {
            inner.outbox = Vec::new();
        } else {
            inner.outbox.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Half-closes: the peer sees our end once the kernel has sent what it holds. Push first.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().io).poll_shutdown(cx)
    }

    /// Makes the close that follows a reset: the only sign of a cut where the end of the connection is the end of the message.
    pub fn reset_on_close(&self) {
        let inner = self.lock();
        let _refused_only_on_a_dead_socket =
            socket2::SockRef::from(&inner.io).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Moves what has arrived here into the outbox of `other`, showing it to `see`; 0 is the peer's end.
    pub fn poll_move_to(
        &self,
        other: &Self,
        cx: &mut Context<'_>,
        see: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.lock();
        let target = &mut *other.lock();
        let before = target.outbox.len();
        if inner.inbox.is_empty() {
            target.outbox.reserve(8 * 1024);
            let read = ready!(poll_read_buf(Pin::new(&mut inner.io), cx, &mut target.outbox))?;
            inner.received += read as u64;
        } else {
            target.outbox.extend_from_slice(&inner.inbox);
            inner.inbox.clear();
        }
        let moved = target.outbox.get(before..).unwrap_or_default();
        see(moved);
        Poll::Ready(Ok(moved.len()))
    }

    // --- counting ----------------------------------------------------------------------------------------------------

    /// Starts the counts of an exchange.
    pub fn reset_counts(&self) {
        let inner = &mut *self.lock();
        (inner.sent, inner.received) = (0, 0);
    }

    /// Bytes that the kernel has taken since the counts were reset.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Bytes that the kernel has given since the counts were reset.
    pub fn received(&self) -> u64 {
        self.lock().received
    }
}

impl Inner {
    /// Reads into the inbox, for which there is to be `room`.
    fn fill(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        self.inbox.reserve(room);
        let read = ready!(poll_read_buf(Pin::new(&mut self.io), cx, &mut self.inbox))?;
        self.received += read as u64;
        Poll::Ready(Ok(read))
    }

    /// How much of one byte there is to read, by a system call; 0 is the peer's end.
    fn ask_kernel(&self) -> io::Result<usize> {
        let mut space = [std::mem::MaybeUninit::uninit()];
        socket2::SockRef::from(&self.io).peek(&mut space)
    }
}
