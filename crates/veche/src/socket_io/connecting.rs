//! A client asks for a namespace: who it is, whether it may, and what it had there before.

use std::{
    rc::Rc,
    sync::{Arc, Mutex},
};

use metrics::counter;
use serde::Deserialize;
use serde_json::Value;
use veche_kernel::{ChannelName, CloseCode, Encoding, Identity, Link, Opening, Rejection, UserId};
use veche_protocol::{
    engine_io::End,
    socket_io::{Auth, ConnectError, Outgoing, Slot, query_to_json},
};

use super::{
    engine::{Engine, SocketLink},
    handshake::Handshake,
    recovery::{self, Asked, Kept, Missed, Rejoin},
    settings::{ConnectRefused, Service},
    sid::Sid,
    socket::{Attached, Socket},
    wire::SocketWire,
};
use crate::credential;

/// Takes up a CONNECT. Its answer may take a while; the client's other namespaces go on meanwhile.
pub(super) fn begin(engine: &Rc<Engine>, slot: Slot, namespace: &str, auth: Auth<'_>) {
    let Some(does) = engine.io.find(namespace) else {
        return engine.refuse(slot, ConnectError::InvalidNamespace);
    };
    let auth = match auth {
        Auth::None => "{}".to_owned(),
        Auth::Json(json) => json.to_owned(),
        Auth::Query(query) => query_to_json(query),
    };
    let asked = Connect { engine: engine.clone(), slot, namespace: namespace.to_owned(), auth, does };
    tokio::task::spawn_local(async move {
        if let Err(refused) = asked.run().await
            && asked.engine.is_connecting(slot)
        {
            let data = refused.data.map(|data| data.to_string());
            let error = ConnectError::Refused { message: &refused.message, data: data.as_deref() };
            asked.engine.refuse(slot, error);
        }
    });
}

struct Connect {
    engine: Rc<Engine>,
    slot: Slot,
    namespace: String,
    auth: String,
    does: Service,
}

/// What of `auth` is the server's own business.
#[derive(Default, Deserialize)]
struct Known {
    token: Option<String>,
}

impl Connect {
    async fn run(&self) -> Result<(), ConnectRefused> {
        let engine = &self.engine;
        if engine.door.is_stopping() || engine.door.kernel.is_draining() {
            return Err(Rejection::unavailable("the server stops").into());
        }
        let identity = self.identify().await?;
        if identity.is_none() && !engine.door.kernel.serves_guests() {
            return Err(Rejection::unauthorized().into());
        }
        let handshake = self.handshake();
        if let (Some(admit), Some(handshake)) =
            (self.does.own().and_then(|does| does.admit.clone()), handshake.clone())
        {
            let deciding = engine.door.kernel.handlers().spawn(admit(handshake));
            let abort = deciding.abort_handle();
            match tokio::time::timeout(veche_kernel::DEADLINE, deciding).await {
                Ok(Ok(decided)) => decided?,
                Ok(Err(_)) => return Err(ConnectRefused::new("the server failed")),
                Err(_) => {
                    abort.abort();
                    return Err(ConnectRefused::new("the server did not decide in time"));
                }
            }
        }
        let asked: Asked = serde_json::from_str(&self.auth).unwrap_or_default();
        let former = self.former(&asked, identity.as_ref()).await;
        let encoding = Encoding::SocketIo(engine.encoding());
        let (session, data) = match &former {
            Some(kept) => (Some(kept.session), kept.data.clone()),
            None => (None, Arc::default()),
        };
        let missed = match former {
            Some(kept) => kept.missed(engine, &asked, encoding).await,
            None => None,
        };
        if !engine.is_connecting(self.slot) {
            return Ok(());
        }
        // What cannot be made whole is not taken up again.
        let (session, data) = if missed.is_some() { (session, data) } else { (None, Arc::default()) };
        let opening = Opening { encoding, identity, device: engine.visitor.device.clone(), session };
        self.open(opening, missed, data, handshake).await
    }

    /// Who it is: by the token in `auth`, or by what the first request showed.
    async fn identify(&self) -> Result<Option<Identity>, ConnectRefused> {
        let kernel = &self.engine.door.kernel;
        let known: Known = serde_json::from_str(&self.auth).unwrap_or_default();
        let token = known.token.filter(|_| kernel.authenticator().is_some());
        let Some(token) = token else { return Ok(self.engine.visitor.identity.clone()) };
        let verified = kernel.verify(&token).await;
        verified.map(Some).map_err(|why| {
            counter!("veche_refused_total", "reason" => why).increment(1);
            if credential::one_failure_more(&self.engine.door, self.engine.visitor.address).is_some() {
                self.engine.fail(End::TransportError);
            }
            let message = "auth.token is no valid token";
            Rejection::new(veche_kernel::ErrorCode::Unauthorized, message).field("auth.token").into()
        })
    }

    fn handshake(&self) -> Option<Arc<Handshake>> {
        let visitor = &self.engine.visitor;
        let (query, headers) = visitor.request.as_deref()?;
        Some(Arc::new(Handshake {
            namespace: self.namespace.as_str().into(),
            auth: self.auth.as_str().into(),
            query: query.clone(),
            headers: headers.clone(),
            address: visitor.address,
            time_ms: self.engine.door.kernel.clock().wall_ms(),
        }))
    }

    /// The session that the client had, if it may have it again.
    async fn former(&self, asked: &Asked, identity: Option<&Identity>) -> Option<Kept> {
        self.engine.io.recovery_ms?;
        let user = identity.map(|identity| identity.user.clone());
        let is_of = move |kept: &UserId| user.as_ref().map_or(kept.is_guest(), |user| user == kept);
        let door = &self.engine.door;
        let mut kept = recovery::take(door, asked.pid.as_deref()?, &self.namespace, is_of).await?;
        kept.recheck(&door.kernel, identity).await;
        Some(kept)
    }

    async fn open(
        &self,
        opening: Opening,
        missed: Option<Missed>,
        data: Arc<Mutex<Value>>,
        handshake: Option<Arc<Handshake>>,
    ) -> Result<(), ConnectRefused> {
        let engine = &self.engine;
        let attached = Arc::new(Attached {
            namespace: self.namespace.as_str().into(),
            handshake,
            kernel: engine.door.kernel.clone(),
            data,
            recovered: missed.is_some(),
        });
        let (frames, channels, track) = match missed {
            Some(Missed { frames, channels, track }) => (frames, channels, Some(track)),
            None => (Vec::new(), Vec::new(), recovery::track(engine)),
        };
        let does = self.does.own().cloned();
        let wire = SocketWire::new(engine, self.slot, does, attached, track);
        let link: SocketLink = engine.shard.open(opening, wire);
        if let Some(code) = link.closing() {
            return Err(refused(code));
        }
        link.wire().session.set(Some(link.id()));
        engine.add(link.clone());
        let joined = self.join(&link, channels).await;
        if !engine.is_connecting(self.slot) {
            engine.drop_socket(&link);
            return Ok(());
        }
        if let Some(code) = link.closing() {
            engine.drop_socket(&link);
            return Err(refused(code));
        }
        if let Err(rejection) = joined {
            engine.drop_socket(&link);
            return Err(rejection.into());
        }
        engine.accept(self.slot);
        if !frames.is_empty() {
            engine.send_direct(&frames);
        }
        let pid = link.wire().track.borrow().as_ref().map(|track| track.pid);
        if let Some(pid) = pid {
            recovery::begun(engine, pid);
        }
        let pid = pid.as_ref().map(Sid::to_string);
        let sid = link.id().to_string();
        engine.send_packet(&Outgoing::Connect { namespace: &self.namespace, sid: &sid, pid: pid.as_deref() });
        link.wire().begin();
        engine.flush_or_fail();
        self.connected(&link);
        Ok(())
    }

    /// The channels that it had, and the one of all who are in the namespace.
    async fn join(&self, link: &SocketLink, mut channels: Vec<Rejoin>) -> Result<(), Rejection> {
        let all = format!("{}:", self.namespace);
        if !channels.iter().any(|rejoin| *rejoin.channel == *all)
            && let Ok(channel) = ChannelName::parse(&all)
        {
            channels.push(Rejoin { channel, since: None, asked: false });
        }
        let link: Rc<Link> = link.clone();
        for Rejoin { channel, since, asked } in channels {
            self.engine.shard.join(&link, &channel, since, asked).await?;
        }
        Ok(())
    }

    /// Lets the application know. The client's events wait until it is done.
    fn connected(&self, link: &SocketLink) {
        let Some(run) = self.does.own().and_then(|does| does.connected.clone()) else { return };
        let shard = &self.engine.shard;
        let generic: Rc<Link> = link.clone();
        let Some(session) = shard.handle_of(&generic) else { return };
        let socket = Socket::of(session, link.wire().attached.clone());
        let running = self.engine.door.kernel.handlers().spawn(run(socket));
        let abort = running.abort_handle();
        shard.proceed(&generic, async move {
            if tokio::time::timeout(veche_kernel::DEADLINE, running).await.is_err() {
                abort.abort();
            }
        });
    }
}

/// Why a session was not opened.
fn refused(code: CloseCode) -> ConnectRefused {
    let rejection = match code {
        CloseCode::TooManyConnections => {
            Rejection::new(veche_kernel::ErrorCode::RateLimited, "this user has too many connections")
        }
        CloseCode::TokenExpired | CloseCode::InvalidToken => {
            Rejection::new(veche_kernel::ErrorCode::Unauthorized, "the token has expired")
        }
        _ => Rejection::unavailable("the server ended the session"),
    };
    rejection.into()
}
