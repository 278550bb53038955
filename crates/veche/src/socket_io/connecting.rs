//! A client asks for a namespace: who it is, whether it may, and what it had there before.

use std::{
    rc::Rc,
    sync::{Arc, Mutex},
};

use serde::Deserialize;
use serde_json::Value;
use veche_kernel::{ChannelName, CloseCode, Encoding, Identity, Link, Opening, Rejection};
use veche_protocol::socket_io::{Auth, ConnectError, Outgoing, Slot, query_to_json};

use super::{
    engine::{Engine, SocketLink},
    handshake::Handshake,
    recovery::{self, Asked, Kept, Missed},
    settings::{ConnectRefused, Service},
    socket::{Attached, Socket},
    wire::SocketWire,
};

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
        let identity = self.identify().await?;
        if identity.is_none() && !engine.door.kernel.serves_guests() {
            return Err(Rejection::unauthorized().into());
        }
        let handshake = self.handshake();
        if let (Some(admit), Some(handshake)) =
            (self.does.own().and_then(|does| does.admit.clone()), handshake.clone())
        {
            let decided = engine.door.kernel.handlers().spawn(admit(handshake)).await;
            decided.map_err(|_| ConnectRefused::new("the server failed"))??;
        }
        let asked: Asked = serde_json::from_str(&self.auth).unwrap_or_default();
        let former = self.former(&asked, identity.as_ref());
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
        verified.map(Some).map_err(|_| {
            let message = "auth.token is no valid token";
            Rejection::new(veche_kernel::ErrorCode::Unauthorized, message).field("auth.token").into()
        })
    }

    fn handshake(&self) -> Option<Arc<Handshake>> {
        let visitor = &self.engine.visitor;
        let (query, headers) = visitor.request.as_ref()?;
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
    fn former(&self, asked: &Asked, identity: Option<&Identity>) -> Option<Kept> {
        self.engine.io.recovery_ms?;
        let kept = recovery::take(asked.pid.as_deref()?, &self.namespace, self.engine.shard.now_ms())?;
        let is_same = match identity {
            Some(identity) => identity.user == kept.user,
            None => kept.user.is_guest(),
        };
        is_same.then_some(kept)
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
        let wire = SocketWire::new(engine, self.slot, &self.namespace, does, attached, track);
        let link: SocketLink = engine.shard.open(opening, wire);
        if let Some(code) = link.closing() {
            return Err(refused(code));
        }
        link.wire().session.set(Some(link.id()));
        engine.add(link.clone());
        self.join(&link, channels).await;
        if !engine.is_connecting(self.slot) {
            return Ok(());
        }
        engine.accept(self.slot);
        if !frames.is_empty() {
            engine.send_direct(&frames);
        }
        let pid = link.wire().track.borrow().as_ref().map(|track| track.pid.to_string());
        let sid = link.id().to_string();
        engine.send_packet(&Outgoing::Connect { namespace: &self.namespace, sid: &sid, pid: pid.as_deref() });
        link.wire().begin();
        engine.flush_or_fail();
        self.connected(&link);
        Ok(())
    }

    /// The channels that it had, and the one of all who are in the namespace.
    async fn join(
        &self,
        link: &SocketLink,
        mut channels: Vec<(ChannelName, Option<veche_kernel::Position>)>,
    ) {
        let all = format!("{}:", self.namespace);
        if !channels.iter().any(|(channel, _)| **channel == *all)
            && let Ok(all) = ChannelName::parse(&all)
        {
            channels.push((all, None));
        }
        let link: Rc<Link> = link.clone();
        for (channel, since) in channels {
            if let Err(rejection) = self.engine.shard.join(&link, &channel, since).await {
                tracing::warn!(%rejection, %channel, "a client's channel cannot be joined");
            }
        }
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
