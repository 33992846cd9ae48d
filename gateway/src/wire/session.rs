//! What a pingora session sees of a wire.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Inner, Wire};

impl Inner {
    /// How much of a piece may be read: what comes before a fault in its chunks.
    fn watch(&mut self, piece: &[u8]) -> usize {
        let Some(Ok(chunks)) = &mut self.chunks else { return piece.len() };
        let good = chunks.see(piece);
        if good < piece.len() {
            self.chunks = Some(Err(()));
        }
        good
    }

    /// An error once all has been read that came before a fault in chunks.
    fn fault(&self, read: usize) -> io::Result<()> {
        if read == 0 && self.chunks == Some(Err(())) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.lock();
        if !inner.preface.is_empty() {
            // Alone: whoever is told its framing holds nothing of the peer's afterwards.
            let length = inner.preface.len().min(buffer.remaining());
            buffer.put_slice(&inner.preface.split_to(length));
            return Poll::Ready(Ok(()));
        }
        inner.fault(0)?;
        if !inner.inbox.is_empty() {
            let length = inner.inbox.len().min(buffer.remaining());
            let piece = inner.inbox.split_to(length);
            let good = inner.watch(&piece);
            buffer.put_slice(piece.get(..good).unwrap_or_default());
            return Poll::Ready(inner.fault(good));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut inner.io).poll_read(cx, buffer))?;
        inner.received += (buffer.filled().len() - before) as u64;
        let good = inner.watch(buffer.filled().get(before..).unwrap_or_default());
        buffer.set_filled(before + good);
        Poll::Ready(inner.fault(good))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().outbox.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {}
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        std::os::fd::AsRawFd::as_raw_fd(&self.lock().io)
    }
}

impl Ssl for Wire {}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl Peek for Wire {}
