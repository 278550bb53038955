//! `POST /api/files?name=…`: the body is the file.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use veche_kernel::{
    Rejection, State, User, UserId,
    web::{Body, HttpRequest, HttpResponse, IntoHttp, Json},
};

use super::{
    File, FileId, Files, FilesError, id::random, incoming::Arrived, name::clean, shelf::joined, store::usage,
};

/// A file as its owner sees it.
#[derive(Debug, Serialize)]
pub(super) struct Owned {
    id: FileId,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    size: u64,
    at_ms: u64,
}

impl From<&File> for Owned {
    fn from(file: &File) -> Self {
        let File { id, name, kind, size, at_ms, .. } = file;
        Self { id: *id, name: name.clone(), kind: kind.media_type(), size: *size, at_ms: *at_ms }
    }
}

/// Takes a file.
pub(super) async fn upload(
    mut request: HttpRequest,
    State(files): State<Files>,
    User(user): User,
) -> Result<HttpResponse, Rejection> {
    files.shelf.meters.take(&user, files.shelf.store.clock().now_ms())?;
    let name = clean(&request.query("name").unwrap_or_default());
    let length = request.headers().get(header::CONTENT_LENGTH);
    let told = length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let file = receive(&files, user, name, told, request.take_body()).await?;
    let mut response = Json(Owned::from(&file)).into_http()?;
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::try_from(format!("/api/files/{}", file.id));
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

async fn receive(
    files: &Files,
    user: UserId,
    name: String,
    told: u64,
    body: Body,
) -> Result<File, FilesError> {
    let shelf = &files.shelf;
    let seat = shelf.enter(&user)?;
    // Before it comes: what does not fit need not be sent. When it has come this is decided for good.
    let used = shelf.store.read(async |tx| usage(tx, &user).await).await?;
    let most = shelf.limits.user_bytes;
    if used.saturating_add(told.max(1)) > most {
        return Err(FilesError::OverQuota { used, most });
    }
    let arrived = collect(files, body).await?;
    let file = File {
        id: FileId::draw()?,
        owner: user,
        name,
        kind: arrived.kind,
        size: arrived.size,
        at_ms: shelf.store.clock().wall_ms(),
        digest: arrived.digest.clone(),
    };
    // To the end, whatever becomes of the client.
    let shelf = Arc::clone(shelf);
    joined(tokio::spawn(async move {
        let kept = shelf.keep(arrived, file).await;
        drop(seat);
        kept
    }))
    .await
}

/// Writes the body down. Dropped at any time, it leaves nothing.
async fn collect(files: &Files, mut body: Body) -> Result<Arrived, FilesError> {
    let mut incoming = files.shelf.blobs.incoming(random()?).await?;
    while let Some(piece) = body.piece().await.map_err(FilesError::Cut)? {
        incoming.push(&piece).await?;
    }
    Ok(incoming.finish().await?)
}
