//! The same connection for a codec that does its own buffering and has to feel a slow peer: HTTP/2.
//!
//! That codec says nothing of a head that begins and does not end, so the frames that it is given are watched.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Wire;

/// The length of a connection's preface (RFC 9113, section 3.4) and of a frame's own head (section 4.1).
const PREFACE: usize = 24;
const FRAME_HEAD: u8 = 9;

#[derive(Debug)]
pub struct Through {
    wire: Wire,
    heads: Heads,
}

impl Through {
    pub fn new(wire: Wire) -> Self {
        let heads = Heads(Arc::new(Mutex::new(Frames { skip: PREFACE, ..Frames::default() })));
        Self { wire, heads }
    }

    pub fn heads(&self) -> Heads {
        self.heads.clone()
    }
}

/// What is known of the heads that have come so far.
#[derive(Clone, Debug)]
pub struct Heads(Arc<Mutex<Frames>>);

impl Heads {
    /// The number of the head that has begun to come and is not whole.
    pub fn unfinished(&self) -> Option<u64> {
        let frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frames.is_within_head().then_some(frames.ended)
    }
}

#[derive(Debug, Default)]
struct Frames {
    /// Of the preface, or of a frame's payload, still to come.
    skip: usize,
    /// A frame's own head, as far as it has come, and how far that is.
    frame: u128,
    filled: u8,
    /// What comes belongs to a head: it is the payload of HEADERS or CONTINUATION.
    is_head: bool,
    /// CONTINUATION is to follow.
    goes_on: bool,
    /// Heads that are whole.
    ended: u64,
}

impl Frames {
    /// A frame that has barely begun may be one of a head, too.
    const fn is_within_head(&self) -> bool {
        self.is_head || self.goes_on || self.filled > 0
    }

    fn see(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if self.skip > 0 {
                return;
            }
            if self.is_head {
                self.is_head = false;
                self.ended += u64::from(!self.goes_on);
            }
            let Some((byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.frame = self.frame << 8 | u128::from(*byte);
            self.filled += 1;
            if self.filled == FRAME_HEAD {
                self.begin();
            }
        }
    }

    fn begin(&mut self) {
        const HEADERS: u8 = 0x1;
        const CONTINUATION: u8 = 0x9;
        const END_HEADERS: u8 = 0x4;
        let [.., high, middle, low, kind, flags, _, _, _, _] = self.frame.to_be_bytes();
        (self.frame, self.filled) = (0, 0);
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.is_head = true;
            self.goes_on = flags & END_HEADERS == 0;
        }
    }
}

impl AsyncRead for Through {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buffer))?;
        let mut frames = self.heads.0.lock().unwrap_or_else(PoisonError::into_inner);
        frames.see(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Through {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.wire.is_low() {
            ready!(self.wire.poll_push(cx))?;
        }
        self.wire.put(|out| out.extend_from_slice(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.poll_push(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.wire.poll_push(cx))?;
        self.wire.poll_end(cx)
    }
}

#[cfg(test)]
mod tests;
