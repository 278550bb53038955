//! The handshake, served by hyper; afterwards the bare socket is taken back and hyper's buffers go.

use std::{convert::Infallible, rc::Rc};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
    server::conn::http1,
    service::service_fn,
    upgrade,
};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::{net::TcpStream, task::spawn_local};

use crate::{connection::Connection, room::Hub};

/// RFC 6455's constant.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Serves the connection's only request; it becomes a WebSocket or gets a 400.
pub(crate) async fn serve(stream: TcpStream, hub: Rc<Hub>) {
    let service = service_fn(move |request| {
        let answer = answer(request, &hub);
        async move { Ok::<_, Infallible>(answer) }
    });
    // A client that breaks off in its handshake is no news.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

fn answer(mut request: Request<Incoming>, hub: &Rc<Hub>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let Some(accept) = request.headers().get(SEC_WEBSOCKET_KEY).and_then(accept) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    spawn_local(upgraded(upgrade::on(&mut request), Rc::clone(hub)));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    HeaderValue::try_from(BASE64_STANDARD.encode(digest)).ok()
}

async fn upgraded(upgrade: upgrade::OnUpgrade, hub: Rc<Hub>) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    if let Ok(connection) = Connection::new(parts.io.into_inner(), hub, &parts.read_buf) {
        // A task of its own, because this one has the size of the upgrade's future.
        spawn_local(connection);
    }
}
