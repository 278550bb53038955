//! The entries `/api/files` and the call `files.list`.

use http::Method;
use serde::{Deserialize, Serialize};
use veche_kernel::{Data, ErrorCode, Module, Rejection, State, User, web::HttpRequest};
use veche_store::Error;

use super::{
    File, FileId, Files, FilesError,
    download::download,
    store::{find, page, usage},
    upload::{Owned, upload},
};
use crate::page::limit;

impl Files {
    /// The module of files: uploads, downloads, removal and the owner's list.
    pub fn module(&self) -> Module {
        let limits = self.shelf.limits;
        let module = Module::new("files")
            .http(Method::POST, "/api/files", upload)
            .body_limit(usize::try_from(limits.file_bytes).unwrap_or(usize::MAX))
            .deadline(limits.upload_time)
            .http(Method::GET, "/api/files/{id}", download)
            .http(Method::DELETE, "/api/files/{id}", remove)
            .on("files.list", list);
        module.with_state(self.clone())
    }
}

#[derive(Debug, Deserialize)]
struct Ask {
    before: Option<String>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Page {
    items: Vec<Owned>,
    /// What to say as `before` for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// What the files weigh together, in bytes, and may weigh.
    used_bytes: u64,
    most_bytes: u64,
}

/// Removes a file of one's own; whoever may not sees none.
async fn remove(request: HttpRequest, State(files): State<Files>, User(user): User) -> Result<(), Rejection> {
    let id: FileId = request.parameter("id").map_err(|_| FilesError::Missing)?;
    let found = files.shelf.store.read(async |tx| find(tx, id).await).await.map_err(FilesError::from)?;
    let file = found.filter(|file| file.owner == user).ok_or(FilesError::Missing)?;
    Ok(files.remove(&file).await?)
}

async fn list(State(files): State<Files>, User(user): User, Data(ask): Data<Ask>) -> Result<Page, Rejection> {
    let limit = limit(ask.limit)?;
    let before = ask.before.as_deref().map_or(Ok((u64::MAX, "")), cursor)?;
    let read = files.shelf.store.read(async |tx| -> Result<_, Error> {
        Ok((page(tx, &user, before, limit + 1).await?, usage(tx, &user).await?))
    });
    let (mut items, used_bytes) = read.await.map_err(FilesError::from)?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|File { at_ms, id, .. }| format!("{at_ms}-{id}"));
    let items = items.iter().map(Owned::from).collect();
    Ok(Page { items, next, used_bytes, most_bytes: files.shelf.limits.user_bytes })
}

/// Where a page begins.
fn cursor(text: &str) -> Result<(u64, &str), Rejection> {
    let parsed = text.split_once('-').and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id)));
    parsed
        .ok_or_else(|| Rejection::new(ErrorCode::BadRequest, "this is no page's `next`").field("data.before"))
}
