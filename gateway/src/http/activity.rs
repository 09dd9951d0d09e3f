//! Whether anything happens on a connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// So many bytes at once are a part of an answer; pings and what else keeps HTTP/2 alive are shorter.
const PART: usize = 1024;

/// What happens on a connection: exchanges under way, and when the last of something happened.
#[derive(Debug)]
pub(super) struct Activity {
    under_way: AtomicUsize,
    last: Mutex<Instant>,
}

/// An exchange under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Activity {
    /// A connection begins.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { under_way: AtomicUsize::new(0), last: Mutex::new(Instant::now()) })
    }

    /// An exchange begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Something happens.
    pub(super) fn note(&self) {
        *self.last.lock() = Instant::now();
    }

    /// When nothing will have happened for so long, if nothing does until then.
    pub(super) fn quiet_at(&self, span: Duration) -> Instant {
        let is_quiet = self.under_way.load(Ordering::Acquire) == 0;
        (if is_quiet { *self.last.lock() } else { Instant::now() }) + span
    }

    /// Whether nothing has happened for so long.
    pub(super) fn is_quiet(&self, span: Duration) -> bool {
        self.under_way.load(Ordering::Acquire) == 0 && self.last.lock().elapsed() >= span
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.note();
        // Whoever sees that it has ended sees when.
        self.0.under_way.fetch_sub(1, Ordering::Release);
    }
}

/// A stream on which parts of answers are noted as they leave: who reads a long one slowly is not idle.
#[derive(Debug)]
pub(super) struct Noted<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl<S> Noted<S> {
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes >= PART) {
            self.activity.note();
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
