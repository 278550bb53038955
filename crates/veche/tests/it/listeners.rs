//! Where a server listens, and that it is alone there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use veche::{Listen, ServeError, Server};

use crate::support::{PATH, address, client::Client, guests, start};

fn serve(on: &str) -> Result<Server, ServeError> {
    Server::start(guests().build().expect("the node is sound"), Listen::on(on).websocket(PATH))
}

#[tokio::test]
async fn a_port_has_one_server() {
    // Red: `bind` with SO_REUSEPORT.
    let first = start(guests());
    let taken = serve(&address(&first).to_string()).err();
    assert!(matches!(taken, Some(ServeError::Taken { address: it }) if it == address(&first)), "{taken:?}");
    Client::connect(address(&first)).await.is_served().await;
}

#[tokio::test]
async fn localhost_is_both_families() {
    // Red: `addresses` with 127.0.0.1 alone.
    let server = serve("localhost:0").expect("a free port");
    let port = address(&server).port();
    assert_ne!(port, 0);
    let mut families = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
    // A machine without IPv6 serves by IPv4 alone.
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        families.push(Ipv6Addr::LOCALHOST.into());
    }
    assert_eq!(server.addresses().iter().map(std::net::SocketAddr::ip).collect::<Vec<_>>(), families);
    for listening in server.addresses() {
        assert_eq!(listening.port(), port, "they share the port");
        Client::connect(*listening).await.is_served().await;
    }
}

#[test]
fn an_address_that_is_none_says_why() {
    // Red: a host that is resolved as 0.0.0.0 when it cannot be parsed.
    for (on, why) in [
        ("127.0.0.1", "host:port"),
        ("127.0.0.1:http", "\"http\" is no port"),
        ("127.0.0.1:70000", "\"70000\" is no port"),
        ("veche.example:80", "\"veche.example\" is no IP address"),
        ("", "host:port"),
    ] {
        let error = serve(on).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(why), "{on:?}: {error}");
    }
    // An address of no machine's own.
    assert!(matches!(serve("192.0.2.1:0"), Err(ServeError::Listen { .. })));
}
