//! What a client of Socket.IO emits: the way from an event to the kernel.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::value::RawValue;
use veche_protocol::{
    client::CLIENT_TYPES,
    code::ErrorCode,
    json::{push_str, push_u64},
    name::{ChannelName, check_event},
    socket_io::Args,
};

use super::{Link, Shard};
use crate::{call::Call, handlers::Registered, reply::Rejection};

/// An event with its arguments, and the id of the answer that its client waits for.
#[derive(Debug, Clone, Copy)]
pub struct Emit<'a> {
    /// The id.
    pub id: Option<u64>,
    /// The event's name.
    pub name: &'a str,
    /// The arguments, with bytes as `{"$binary":"<base64>"}`.
    pub args: Args<'a>,
}

impl Shard {
    /// A client emitted something: it takes effect now, or when what came before it is done.
    ///
    /// The session's own handlers answer it, or the native protocol's frames of that name (`subscribe`, `message` and
    /// the others, whose fields are the one argument's), or the handlers of the node's modules.
    pub fn receive_emit(self: &Rc<Self>, link: &Rc<Link>, emit: Emit<'_>) {
        self.node.metrics.received.increment(1);
        {
            let mut state = link.state.borrow_mut();
            if state.machine.must_wait() {
                // Whether the queue is full shows in `Link::may_read`.
                let _ = state.machine.enqueue(&emit.to_text());
                return;
            }
        }
        self.emitted(link, emit);
    }

    /// What waited behind a call.
    pub(super) fn take_emit(self: &Rc<Self>, link: &Rc<Link>, text: &str) {
        let Ok((id, name, list)) = serde_json::from_str::<(Option<u64>, String, &RawValue)>(text) else {
            return;
        };
        let Ok(args) = Args::of_list(list.get(), usize::MAX) else { return };
        self.emitted(link, Emit { id, name: &name, args });
    }

    fn emitted(self: &Rc<Self>, link: &Rc<Link>, emit: Emit<'_>) {
        if link.closing().is_some() {
            return;
        }
        let id = emit.id.map(|id| id.to_string());
        let id = id.as_deref();
        if let Err(flood) = self.meter_frame(link) {
            return self.refuse(link, id, &flood);
        }
        let events = link.any_wire().events();
        if let Some((registered, parameter)) = events.and_then(|events| events.find(emit.name)) {
            return self.call_about(link, id, registered, parameter, emit, About::default());
        }
        let takes_all = events.is_some_and(|events| events.last_resort().is_some());
        if link.any_wire().is_native() && !takes_all && CLIENT_TYPES.contains(&emit.name) {
            return self.take(link, &emit.to_frame(), 0);
        }
        if let Some((registered, parameter)) = self.node.registry.find(emit.name) {
            let (data, about) = emit.about();
            return self.call_about(link, id, registered, parameter, data, about);
        }
        if let Some(registered) = events.and_then(|events| events.last_resort()) {
            return self.call_about(link, id, registered, None, emit, About::default());
        }
        let unknown = Rejection::new(ErrorCode::NotFound, "nothing answers this event").field("type");
        match id {
            Some(_) => self.refuse(link, id, &unknown),
            // As in the reference, what nobody listens to is nothing.
            None => {
                self.node.metrics.errors(unknown.code());
                if let Err(flood) = self.meter_call(link) {
                    self.refuse(link, None, &flood);
                }
            }
        }
    }

    fn call_about(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        registered: &Registered,
        parameter: Option<&str>,
        emit: Emit<'_>,
        about: About,
    ) {
        if let Err(rejection) = self.meter_call(link) {
            return self.refuse(link, id, &rejection);
        }
        let Some(session) = self.handle_of(link) else { return };
        let args = emit.args.len() != 1;
        let mut data = String::new();
        if args {
            emit.args.write_list(&mut data);
        } else {
            data.push_str(emit.args.inner());
        }
        let call = Call {
            session,
            event: emit.name.into(),
            parameter: parameter.map(Into::into),
            channel: about.channel.and_then(|channel| ChannelName::parse(&channel).ok()),
            data: data.into(),
            args: Some(args),
            op_id: about.op_id.map(Into::into),
            number: 0,
        };
        self.start(link, id, registered, call);
    }
}

/// What a native frame says beside its data.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    channel: Option<String>,
    op_id: Option<String>,
}

impl Emit<'_> {
    /// The same without a second argument that says the channel and the operation, and what it says.
    fn about(self) -> (Self, About) {
        let mut args = self.args.iter();
        if let (2, Some(data), Some(about)) = (self.args.len(), args.next(), args.next())
            && let Ok(about) = serde_json::from_str::<About>(about)
            && about != About::default()
            && about.op_id.as_deref().is_none_or(|op_id| check_event(op_id).is_ok())
        {
            return (Self { args: Args::of_one(data), ..self }, about);
        }
        (self, About::default())
    }

    fn to_text(self) -> String {
        let mut text = String::with_capacity(self.args.inner().len() + self.name.len() + 32);
        text.push('[');
        match self.id {
            Some(id) => push_u64(&mut text, id),
            None => text.push_str("null"),
        }
        text.push(',');
        push_str(&mut text, self.name);
        text.push(',');
        self.args.write_list(&mut text);
        text.push(']');
        text
    }

    /// The native frame of this name, with the fields of the one argument.
    fn to_frame(self) -> String {
        let mut text = String::with_capacity(self.args.inner().len() + 64);
        text.push_str("{\"type\":");
        push_str(&mut text, self.name);
        if let Some(id) = self.id {
            text.push_str(",\"id\":");
            push_u64(&mut text, id);
        }
        let data = self.args.data();
        let fields = data.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::trim);
        if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
            text.push(',');
            text.push_str(fields);
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
mod tests {
    use veche_protocol::socket_io::Args;

    use super::Emit;

    #[test]
    fn an_emit_with_one_object_is_the_frame_of_its_name() {
        for (list, id, expected) in [
            (r#"[{"channel":"a"}]"#, Some(5), r#"{"type":"subscribe","id":5,"channel":"a"}"#),
            ("[{}]", None, r#"{"type":"subscribe"}"#),
            ("[]", None, r#"{"type":"subscribe"}"#),
            ("[1,2]", Some(0), r#"{"type":"subscribe","id":0}"#),
        ] {
            let args = Args::of_list(list, 8).expect("a list");
            assert_eq!(Emit { id, name: "subscribe", args }.to_frame(), expected);
        }
    }

    #[test]
    fn a_second_argument_may_say_what_it_is_about() {
        for (list, expected) in [
            (r#"[1,{"channel":"a"}]"#, Some(("1", Some("a"), None))),
            (r#"[1,{"channel":"a","op_id":"b"}]"#, Some(("1", Some("a"), Some("b")))),
            (r#"[1,{"channel":"a","more":1}]"#, None),
            ("[1,{}]", None),
            (r#"[1,2,{"channel":"a"}]"#, None),
        ] {
            let args = Args::of_list(list, 8).expect("a list");
            let (emit, about) = Emit { id: None, name: "x", args }.about();
            let found = about
                .channel
                .as_deref()
                .map(|channel| (emit.args.inner(), Some(channel), about.op_id.as_deref()));
            assert_eq!(found, expected, "{list}");
        }
    }

    #[test]
    fn an_emit_waits_as_a_text() {
        let args = Args::of_list(r#"["a",{"b":1}]"#, 8).expect("a list");
        assert_eq!(Emit { id: None, name: "x\"y", args }.to_text(), r#"[null,"x\"y",["a",{"b":1}]]"#);
    }
}
