//! Taking a socket back from hyper, which otherwise keeps it with its buffers for as long as it lives.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Who is to have a connection instead of hyper.
pub(crate) struct Handover<T> {
    to: RefCell<Option<T>>,
    /// The answers to earlier requests have left.
    is_due: Cell<bool>,
}

impl<T> Default for Handover<T> {
    fn default() -> Self {
        Self { to: RefCell::default(), is_due: Cell::new(false) }
    }
}

impl<T> Handover<T> {
    /// Hands the connection over instead of an answer: hyper waits for one until it is dropped.
    pub(crate) async fn instead_of_answer<A>(&self, to: T) -> A {
        *self.to.borrow_mut() = Some(to);
        std::future::pending().await
    }

    /// Whether hyper may be dropped.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due.get()
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.to.take()
    }
}

/// A socket in hyper's hands.
pub(crate) struct Lent<T> {
    io: TokioIo<TcpStream>,
    handover: Rc<Handover<T>>,
}

impl<T> Lent<T> {
    pub(crate) fn new(stream: TcpStream, handover: Rc<Handover<T>>) -> Self {
        Self { io: TokioIo::new(stream), handover }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.io.into_inner()
    }
}

impl<T> Read for Lent<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T> Write for Lent<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    /// hyper flushes at every turn, and only when it has written all that it had.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        if let Poll::Ready(Ok(())) = flushed {
            self.handover.is_due.set(self.handover.to.borrow().is_some());
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}
