//! A call of a client, and the extractors that a handler's arguments are made of.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use veche_protocol::{code::ErrorCode, name::ChannelName};

use crate::{inbox::Entry, publication::UserId, reply::Rejection, session::Session, web::field_of};

/// A client's application event on its way to the handler.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) session: Session,
    pub(crate) event: Box<str>,
    pub(crate) parameter: Option<Box<str>>,
    pub(crate) channel: Option<ChannelName>,
    pub(crate) data: Box<str>,
    /// Whether `data` is a list of arguments, because there is not one of them; `None` for a native frame.
    pub(crate) args: Option<bool>,
    pub(crate) op_id: Option<Box<str>>,
    /// Which of the session's calls it is.
    pub(crate) number: u32,
}

impl Call {
    /// Who calls.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The event's name, as the client sent it.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The payload, raw JSON.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The client's name for this operation: the same again is a resend.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// The payload as a list of arguments, raw JSON: that of an emit, or else the payload alone.
    pub fn list(&self) -> Cow<'_, str> {
        if self.is_list() { Cow::Borrowed(&self.data) } else { Cow::Owned(format!("[{}]", self.data)) }
    }

    /// Whether the payload is a list of arguments. A native frame may hold one.
    fn is_list(&self) -> bool {
        self.args.unwrap_or_else(|| self.data.starts_with('['))
    }

    /// Answers the client before the handler has ended, and in its place: by a list of arguments, raw JSON. What
    /// the handler returns then is nobody's. Only clients of Socket.IO take more than one, or none.
    pub fn answer(&self, list: impl Into<Box<str>>) {
        let (session, list) = (self.session.key, list.into());
        let entry = Entry::Answer { session, call: self.number, list };
        self.session.node.routes.push(session.shard, entry);
    }

    /// The channel that the frame named.
    pub fn channel(&self) -> Option<&ChannelName> {
        self.channel.as_ref()
    }
}

/// An argument of a handler, made from the call and the module's state. A rejected extraction answers
/// the client, and the handler does not run.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler in a module with the state `{S}`",
    note = "arguments are `Session`, `User`, `Data<T>`, `State<S>`, `Channel`, `Parameter`, `Call`"
)]
pub trait Extract<S>: Sized {
    /// Makes the argument.
    fn extract(call: &Call, state: &S) -> Result<Self, Rejection>;
}

/// The payload, deserialised. A wrong or missing field is answered by `bad_request` with its name.
#[derive(Debug, Clone)]
pub struct Data<T>(pub T);

/// The arguments of an emit, as a tuple; a native frame has one, or those that its list holds.
#[derive(Debug, Clone)]
pub struct Args<T>(pub T);

/// A clone of the module's state.
#[derive(Debug, Clone)]
pub struct State<S>(pub S);

/// The signed-in user; a guest is answered `unauthorized`.
#[derive(Debug, Clone)]
pub struct User(pub UserId);

/// The frame's `channel`; without one the client is answered `bad_request`.
#[derive(Debug, Clone)]
pub struct Channel(pub ChannelName);

/// What stands in the place of `{…}` at the end of the event's name.
#[derive(Debug, Clone)]
pub struct Parameter(pub String);

impl<S> Extract<S> for Call {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        Ok(call.clone())
    }
}

impl<S> Extract<S> for Session {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        Ok(call.session.clone())
    }
}

impl<S> Extract<S> for User {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        let user = call.session.user();
        if user.is_guest() { Err(Rejection::unauthorized()) } else { Ok(Self(user.clone())) }
    }
}

impl<S> Extract<S> for Channel {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        let missing = || Rejection::new(ErrorCode::BadRequest, "this event needs a channel").field("channel");
        call.channel.clone().map(Self).ok_or_else(missing)
    }
}

impl<S> Extract<S> for Parameter {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        let parameter = call.parameter.as_deref().unwrap_or_default();
        Ok(Self(parameter.to_owned()))
    }
}

impl<S: Clone> Extract<S> for State<S> {
    fn extract(_: &Call, state: &S) -> Result<Self, Rejection> {
        Ok(Self(state.clone()))
    }
}

impl<T: DeserializeOwned, S> Extract<S> for Data<T> {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        // No arguments are, to whoever takes one, nothing.
        let data = if call.args == Some(true) && &*call.data == "[]" { "null" } else { &call.data };
        read(data).map(Data)
    }
}

impl<T: DeserializeOwned, S> Extract<S> for Args<T> {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        read(&call.list()).map(Args)
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let message = error.inner().to_string();
        let field = field_of("data", &error.path().to_string(), &message);
        Rejection::new(ErrorCode::BadRequest, message).field(field)
    })
}
