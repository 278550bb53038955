//! A link that is reset in the middle of anything.

use std::{net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Repeatable randomness (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number from 1 to `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        1 + (mixed ^ (mixed >> 31)) % most
    }
}

/// Where a link is cut: after so many bytes of one of its directions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    FromClient(u64),
    FromServer(u64),
    Never,
}

/// Forwards connections to `server`; each is reset where the next of `cuts` says, later ones never. Tells
/// where it listens, and how many links it has cut so far.
pub(crate) async fn start(server: SocketAddr, cuts: Vec<Cut>) -> (SocketAddr, watch::Receiver<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (done, told) = watch::channel(0);
    tokio::spawn(async move {
        let mut cuts = cuts.into_iter();
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.expect("the server listens");
            let cut = cuts.next().unwrap_or(Cut::Never);
            if link(client, server, cut).await {
                done.send_modify(|count| *count += 1);
            }
        }
    });
    (address, told)
}

/// Whether the link was cut, rather than closed by an end of it.
async fn link(mut client: TcpStream, mut server: TcpStream, cut: Cut) -> bool {
    let (from_client, from_server) = match cut {
        Cut::FromClient(bytes) => (bytes, u64::MAX),
        Cut::FromServer(bytes) => (u64::MAX, bytes),
        Cut::Never => (u64::MAX, u64::MAX),
    };
    let cut = {
        let (mut client_in, mut client_out) = client.split();
        let (mut server_in, mut server_out) = server.split();
        tokio::select! {
            cut = forward(&mut client_in, &mut server_out, from_client) => cut,
            cut = forward(&mut server_in, &mut client_out, from_server) => cut,
        }
    };
    if cut {
        for end in [&client, &server] {
            SockRef::from(end).set_linger(Some(Duration::ZERO)).expect("a socket");
        }
    }
    cut
}

/// Forwards `left` bytes. Whether that many came.
async fn forward(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut left: u64,
) -> bool {
    let mut buffer = [0; 4_096];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Ok(count @ 1..) = from.read(&mut buffer[..most]).await else { return false };
        if to.write_all(&buffer[..count]).await.is_err() {
            return false;
        }
        left -= count as u64;
    }
    true
}

/// A number that nobody chose, printed so that a failure can be repeated: `name=… cargo test`.
pub(crate) fn anywhere(name: &str) -> u64 {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    let number = given.unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(name)
    });
    eprintln!("{name}={number}");
    number
}
