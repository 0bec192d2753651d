//! The stream that lettre reads and writes: it counts bytes, makes lines parsable, and feeds the transcript.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Transcript;

use super::reply_lines::ReplyLines;
use super::transcript::Conversation;

/// How many bytes are read at once.
const CHUNK: usize = 2048;

/// What a session knows about its stream.
#[derive(Debug, Clone, Default)]
pub(super) struct WireMeter {
    sent: Arc<AtomicU64>,
    /// Bytes received since we last sent something.
    unanswered: Arc<AtomicU64>,
    /// No reply is expected until this many bytes have been sent; 0 if early replies do not matter.
    silent_until: Arc<AtomicU64>,
    /// Whether something was received nevertheless.
    is_early: Arc<AtomicBool>,
}

/// A TCP or TLS stream with its meter.
#[derive(Debug)]
pub(super) struct SmtpWire<S> {
    stream: S,
    peer: SocketAddr,
    meter: WireMeter,
    longest_reply: u64,
    lines: ReplyLines,
    conversation: Conversation,
}

impl WireMeter {
    /// Bytes handed to the stream so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Watches for replies that come before `bytes` are out.
    pub fn watch_for_early_replies(&self, bytes: u64) {
        self.is_early.store(false, Ordering::Relaxed);
        self.silent_until.store(bytes, Ordering::Relaxed);
    }

    /// Tells whether a reply came too early.
    pub fn has_early_reply(&self) -> bool {
        self.is_early.load(Ordering::Relaxed)
    }
}

impl<S> SmtpWire<S> {
    /// Wraps a stream; a reply of more than `longest_reply` bytes is an error.
    pub fn new(
        stream: S,
        peer: SocketAddr,
        meter: WireMeter,
        longest_reply: u64,
        transcript: Option<Transcript>,
    ) -> Self {
        let conversation = Conversation::new(transcript);
        Self { stream, peer, meter, longest_reply, lines: ReplyLines::default(), conversation }
    }

    /// The same stream, but these lines are read first.
    pub fn with_lines(mut self, lines: &str) -> Self {
        self.lines.push(lines.as_bytes(), |_| {});
        self
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let unanswered = &self.meter.unanswered;
        let heard = unanswered.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if heard > self.longest_reply {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server's reply is too long"));
        }
        let conversation = &mut self.conversation;
        self.lines.push(bytes, |line| conversation.received(line));
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> SmtpWire<S> {
    /// Checks for an unsolicited reply before sending the bytes that ask for one.
    fn listen_early(&mut self) {
        let silent_until = self.meter.silent_until.load(Ordering::Relaxed);
        if self.meter.sent() >= silent_until {
            return;
        }
        let mut chunk = [0; CHUNK];
        let mut read = ReadBuf::new(&mut chunk);
        let mut nobody = Context::from_waker(Waker::noop());
        let has_read = Pin::new(&mut self.stream).poll_read(&mut nobody, &mut read).is_ready();
        if has_read && !read.filled().is_empty() {
            let filled = read.filled().to_vec();
            // A reply that is too long is an error when it is read.
            let _too_long = self.take(&filled);
        }
        if self.lines.has_line() {
            self.meter.is_early.store(true, Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SmtpWire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.lines.read(buffer) == 0 {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                self.lines.finish();
                self.lines.read(buffer);
                break;
            }
            self.take(read.filled())?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SmtpWire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.listen_early();
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.meter.sent.fetch_add(count as u64, Ordering::Relaxed);
        self.meter.unanswered.store(0, Ordering::Relaxed);
        self.conversation.sent(bytes.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for SmtpWire<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
