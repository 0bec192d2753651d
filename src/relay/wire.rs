//! A stream that counts what it has sent and, before STARTTLS, reads byte by byte.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a session knows of its stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Gauge {
    sent: Arc<AtomicU64>,
    /// Bytes that came since we last sent something.
    unanswered: Arc<AtomicU64>,
    /// How many of them are too many; 0 for no limit.
    longest_reply: Arc<AtomicU64>,
    /// RFC 3207 §6: what came in plain text before the handshake must not be read after it. A reader that buffers
    /// nothing leaves what an attacker put in to the handshake, which fails.
    byte_by_byte: Arc<AtomicBool>,
}

/// A TCP or TLS stream with its gauge.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    peer: SocketAddr,
    gauge: Gauge,
}

impl Gauge {
    /// Bytes handed to the stream so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Breaks the connection on a reply over `bytes`: a server that talks without end is not listened to for ever.
    pub fn limit_replies(&self, bytes: u64) {
        self.longest_reply.store(bytes, Ordering::Relaxed);
    }

    fn hear(&self, bytes: usize) -> io::Result<()> {
        let heard = self.unanswered.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let limit = self.longest_reply.load(Ordering::Relaxed);
        if limit > 0 && heard > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server's reply has no end"));
        }
        Ok(())
    }

    /// Reads one byte at a time, or as many as there are.
    pub fn set_byte_by_byte(&self, on: bool) {
        self.byte_by_byte.store(on, Ordering::Relaxed);
    }
}

impl<S> Wire<S> {
    pub fn new(stream: S, peer: SocketAddr, gauge: Gauge) -> Self {
        Self { stream, peer, gauge }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.gauge.byte_by_byte.load(Ordering::Relaxed) || buffer.remaining() <= 1 {
            let before = buffer.filled().len();
            let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
            let heard = buffer.filled().len() - before;
            return match polled {
                Poll::Ready(Ok(())) => Poll::Ready(self.gauge.hear(heard)),
                other => other,
            };
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut one);
        buffer.put_slice(one.filled());
        let heard = one.filled().len();
        polled.map(|read| read.and_then(|()| self.gauge.hear(heard)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            self.gauge.sent.fetch_add(*count as u64, Ordering::Relaxed);
            self.gauge.unanswered.store(0, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for Wire<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
