//! `GET /api/files/{id}`: a file, or a part of it.

use std::io::SeekFrom;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt},
};
use veche_kernel::{
    ErrorCode, Rejection, State, UserId,
    web::{Body, HttpRequest, HttpResponse},
};

use super::{
    File, FileId, Files, FilesError,
    name::disposition,
    range::{Part, part},
    store::find,
};

/// How much of a file is read at once.
const PIECE: u64 = 64 << 10;

/// Its content never changes, and it is not for everybody.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// Whatever a browser takes it for, it runs nothing and asks for nothing.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// Gives a file to whoever may see it; to others there is none.
pub(super) async fn download(
    request: HttpRequest,
    State(files): State<Files>,
) -> Result<HttpResponse, Rejection> {
    let id: FileId = request.parameter("id").map_err(|_| FilesError::Missing)?;
    let user = request.caller().map(|caller| caller.identity.user.clone());
    let file = seen(&files, user.as_ref(), id).await?;
    let tag = format!("\"{}\"", file.digest.as_str());
    if names(request.headers(), header::IF_NONE_MATCH, &tag) {
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(header::CACHE_CONTROL, CACHE);
        response.headers_mut().insert(header::ETAG, value(&tag)?);
        return Ok(response);
    }
    let asked = text(request.headers(), header::RANGE).filter(|_| request.method() == Method::GET);
    // A part of another content would not fit to what the client has.
    let is_same = text(request.headers(), header::IF_RANGE).is_none_or(|of| of == tag);
    let part = part(asked.filter(|_| is_same), file.size);
    let (first, length) = match part {
        Part::Whole => (0, file.size),
        Part::Bytes { first, last } => (first, last - first + 1),
        Part::None => return Ok(nothing_there(&file)),
    };
    let body = read(&files, &file, first, length).await?;
    let mut response = HttpResponse::new(body);
    let headers = response.headers_mut();
    describe(headers, &file, &tag, request.query("download").is_none())?;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Part::Bytes { first, last } = part {
        headers.insert(header::CONTENT_RANGE, value(&format!("bytes {first}-{last}/{}", file.size))?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The file, if there is one and the caller may see it. The two cannot be told apart.
async fn seen(files: &Files, user: Option<&UserId>, id: FileId) -> Result<File, Rejection> {
    let found = files.shelf.store.read(async |tx| find(tx, id).await).await.map_err(FilesError::from)?;
    let file = found.ok_or(FilesError::Missing)?;
    if files.lets(user, &file).await? { Ok(file) } else { Err(FilesError::Missing.into()) }
}

fn describe(headers: &mut HeaderMap, file: &File, tag: &str, shows: bool) -> Result<(), Rejection> {
    let disposition = disposition(&file.name, shows && file.kind.is_shown());
    let described = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind.media_type())),
        (header::CONTENT_DISPOSITION, value(&disposition)?),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, CACHE),
        (header::ETAG, value(tag)?),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    headers.extend(described);
    Ok(())
}

/// The content from `first` on, read as the client takes it.
async fn read(files: &Files, file: &File, first: u64, length: u64) -> Result<Body, FilesError> {
    let path = files.shelf.blobs.path(&file.digest);
    let mut content = match fs::File::open(path).await {
        Ok(content) => content,
        Err(error) => {
            tracing::error!(%error, file = %file.id, "a file's content is not there");
            return Err(FilesError::Missing);
        }
    };
    content.seek(SeekFrom::Start(first)).await?;
    let pieces = stream::try_unfold((content, length), async |(mut content, left)| {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; left.min(PIECE) as usize];
        content.read_exact(&mut piece).await?;
        let left = left - piece.len() as u64;
        Ok::<_, std::io::Error>(Some((Bytes::from(piece), (content, left))))
    });
    Ok(Body::stream(pieces))
}

fn nothing_there(file: &File) -> HttpResponse {
    let rejection = Rejection::new(ErrorCode::BadRequest, "the file has no such bytes").field("range");
    let mut response = rejection.status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
    let range = HeaderValue::try_from(format!("bytes */{}", file.size));
    response.headers_mut().extend(range.map(|range| (header::CONTENT_RANGE, range)));
    response
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a list of tags names this one, or any.
fn names(headers: &HeaderMap, name: header::HeaderName, tag: &str) -> bool {
    let mut tags =
        headers.get_all(name).iter().filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(','));
    tags.any(|named| {
        let named = named.trim();
        named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag
    })
}

fn value(text: &str) -> Result<HeaderValue, Rejection> {
    HeaderValue::from_str(text).map_err(|_| Rejection::new(ErrorCode::Internal, "the server failed"))
}
