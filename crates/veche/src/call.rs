//! `POST /api/call/{event}`: the handlers of frames, for a request without a connection.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use veche_kernel::{
    CallRequest, Called, ChannelName, ErrorCode, Module, Rejection,
    web::{HttpOutcome, HttpRequest, json_response},
};

/// The most bytes of a request's body: as much as a frame may have, unless the limits say otherwise.
const BODY_BYTES: usize = 64 << 10;

/// A request's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default = "nothing")]
    data: Box<RawValue>,
    channel: Option<String>,
    op_id: Option<String>,
}

fn nothing() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// Lets clients call the node's handlers by `POST /api/call/{event}`, with `{"data"?, "channel"?, "op_id"?}`.
/// Whoever calls has the rights and the limits that they would have on a connection; guests call only where
/// guests are served.
///
/// ```
/// use veche::{Data, Kernel, Module, Rejection};
///
/// # fn main() -> Result<(), veche::BuildError> {
/// let math = Module::new("math").on("double", async |Data(n): Data<u64>| Ok::<_, Rejection>(n * 2));
/// let kernel = Kernel::builder().shards(1).mount(math).mount(veche::calls()).build()?;
/// # drop(kernel);
/// # Ok(())
/// # }
/// ```
pub fn calls() -> Module {
    Module::new("calls").http(Method::POST, "/api/call/{event}", call)
}

async fn call(mut request: HttpRequest) -> HttpOutcome {
    let kernel = request.kernel().clone();
    let user = match request.caller() {
        Some(caller) => caller.identity.user.clone(),
        None => kernel.guest(device(&request)?.as_deref())?,
    };
    let event: String = request.parameter("event")?;
    let Body { data, channel, op_id } =
        request.take_json(BODY_BYTES.max(kernel.limits().frame_bytes)).await?;
    let name = |name: String| {
        ChannelName::parse(&name)
            .map_err(|error| Rejection::new(ErrorCode::BadRequest, error.to_string()).field("channel"))
    };
    let call = CallRequest {
        event: event.into(),
        data: data.into(),
        channel: channel.map(name).transpose()?,
        op_id: op_id.map(Into::into),
    };
    let called = kernel.call(user, request.peer(), call).await?;
    Ok(json_response(StatusCode::OK, text(&called)))
}

/// The device that a guest names by `?device=`, as on a connection.
fn device(request: &HttpRequest) -> Result<Option<String>, Rejection> {
    let device = request.query("device");
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match device {
        Some(device) if !(1..=64).contains(&device.len()) || !device.bytes().all(known) => {
            let message = "device: 1 to 64 characters of [A-Za-z0-9_-]";
            Err(Rejection::new(ErrorCode::BadRequest, message).field("device"))
        }
        device => Ok(device),
    }
}

/// `{"data"?, "duplicate"?}`; the reply stays the raw JSON that it is.
fn text(called: &Called) -> String {
    match (called.data.as_deref(), called.duplicate) {
        (None, false) => "{}".to_owned(),
        (None, true) => r#"{"duplicate":true}"#.to_owned(),
        (Some(data), false) => format!(r#"{{"data":{data}}}"#),
        (Some(data), true) => format!(r#"{{"data":{data},"duplicate":true}}"#),
    }
}
