//! A socket that hyper has given back.

use std::{cell::Cell, hint, io, net::Shutdown};

use socket2::SockRef;
use tokio::net::TcpStream;

/// A bare socket whose request is not answered yet. The head of the answer leaves with the first bytes that are sent,
/// in one write: a write is most of what a connection costs.
pub(crate) struct Bare {
    pub(crate) tcp: TcpStream,
    head: Cell<Option<Box<[u8]>>>,
}

impl Bare {
    pub(crate) fn new(tcp: TcpStream, head: Vec<u8>) -> Self {
        Self { tcp, head: Cell::new(Some(head.into())) }
    }

    /// Sends without waiting; how many of these bytes were taken.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = SockRef::from(&self.tcp);
        let Some(head) = self.head.take() else { return socket.send(bytes) };
        let sent = socket.send(&[&head, bytes].concat())?;
        sent.checked_sub(head.len()).ok_or_else(|| {
            // A new socket has room for kilobytes. One that has not is of no use, and its driver is to find that.
            let _ = socket.shutdown(Shutdown::Both);
            io::ErrorKind::WriteZero.into()
        })
    }

    /// Looks at what a send will need.
    pub(crate) fn warm(&self) {
        hint::black_box(&SockRef::from(&self.tcp));
    }

    /// Answers, where nothing was sent.
    pub(crate) fn answer(&self) {
        let head = self.head.take();
        if head.is_some() {
            self.head.set(head);
            // The driver finds the same error when it reads.
            let _ = self.send(&[]);
        }
    }

    /// For another thread.
    pub(crate) fn into_parts(self) -> io::Result<(std::net::TcpStream, Vec<u8>)> {
        Ok((self.tcp.into_std()?, self.head.take().unwrap_or_default().into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream},
    };

    use super::Bare;

    async fn pair() -> (Bare, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Bare::new(accepted.expect("a socket").0, b"head ".to_vec()), client.expect("a socket"))
    }

    async fn received(bare: Bare, mut client: TcpStream) -> String {
        drop(bare);
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("text");
        text
    }

    #[tokio::test]
    async fn the_head_leaves_once_and_first() {
        let (bare, client) = pair().await;
        assert_eq!(bare.send(b"one ").expect("sent"), 4);
        bare.answer();
        assert_eq!(bare.send(b"two").expect("sent"), 3);
        assert_eq!(received(bare, client).await, "head one two");
    }

    #[tokio::test]
    async fn whoever_says_nothing_answers_all_the_same() {
        let (bare, client) = pair().await;
        bare.answer();
        assert_eq!(received(bare, client).await, "head ");
    }

    #[tokio::test]
    async fn a_head_goes_along_to_another_thread() {
        let (bare, client) = pair().await;
        let (tcp, head) = bare.into_parts().expect("parts");
        let bare = Bare::new(TcpStream::from_std(tcp).expect("a socket"), head);
        assert_eq!(bare.send(b"here").expect("sent"), 4);
        assert_eq!(received(bare, client).await, "head here");
    }
}
