//! Files' rows, and what each owner's files weigh together.

use std::collections::HashSet;

use veche_kernel::UserId;
use veche_store::{Error, Migration, ReadTx, Row, Tx, params};

use super::{FileId, FilesError, Kind, blobs::Digest};
use crate::number::integer;

pub(super) const MIGRATIONS: &[Migration] = &[Migration { name: "files", sql: include_str!("files.sql") }];

/// What a file weighs at least: a block of the disk, so that no number of empty files fills it.
const LEAST: u64 = 4 << 10;

/// A file as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name for everybody.
    pub id: FileId,
    /// Who uploaded it.
    pub owner: UserId,
    /// What the owner calls it, cleaned: a name for people, never a path.
    pub name: String,
    /// What it is, by its content.
    pub kind: Kind,
    /// How many bytes it has.
    pub size: u64,
    /// When it came, ms since 1970.
    pub at_ms: u64,
    pub(super) digest: Digest,
}

/// A file by its id, for applications that are about to refer to it.
pub async fn find(tx: &mut ReadTx, id: FileId) -> Result<Option<File>, Error> {
    let sql = "SELECT id, owner, name, kind, size, at_ms, digest FROM file WHERE id = $1";
    tx.row(sql, params![id.to_string()]).await?.as_ref().map(file_of).transpose()
}

/// Adds a file, if its owner has room for it.
pub(super) async fn add(tx: &mut Tx, file: &File, most: u64) -> Result<(), FilesError> {
    let owner = file.owner.as_str();
    let sql = "INSERT INTO file_usage (owner, bytes) VALUES ($1, 0) ON CONFLICT (owner) DO NOTHING";
    tx.execute(sql, params![owner]).await?;
    let sql = "UPDATE file_usage SET bytes = bytes + $2 WHERE owner = $1 AND bytes + $2 <= $3";
    let weight = integer(weight(file.size));
    if tx.execute(sql, params![owner, weight, integer(most)]).await? == 0 {
        return Err(FilesError::OverQuota { used: usage(tx, &file.owner).await?, most });
    }
    let sql =
        "INSERT INTO file (id, owner, name, kind, size, digest, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let params = params![
        file.id.to_string(),
        owner,
        &file.name,
        file.kind.media_type(),
        integer(file.size),
        file.digest.as_str(),
        integer(file.at_ms),
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

/// Removes a file; whether it was the last with its content.
pub(super) async fn remove(tx: &mut Tx, file: &File) -> Result<bool, FilesError> {
    if tx.execute("DELETE FROM file WHERE id = $1", params![file.id.to_string()]).await? == 0 {
        return Err(FilesError::Missing);
    }
    let sql = "UPDATE file_usage SET bytes = bytes - $2 WHERE owner = $1";
    tx.execute(sql, params![file.owner.as_str(), integer(weight(file.size))]).await?;
    Ok(!is_used(tx, &file.digest).await?)
}

/// Whether a file has this content.
pub(super) async fn is_used(tx: &mut ReadTx, digest: &Digest) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM file WHERE digest = $1 LIMIT 1";
    Ok(tx.row(sql, params![digest.as_str()]).await?.is_some())
}

/// The contents that files have, of those whose digests begin so.
pub(super) async fn used(tx: &mut ReadTx, prefix: &str) -> Result<HashSet<String>, Error> {
    let sql = "SELECT DISTINCT digest FROM file WHERE digest >= $1 AND digest < $2";
    // A letter after the last digit.
    let rows = tx.rows(sql, params![prefix, format!("{prefix}g")]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a user's files weigh together.
pub(super) async fn usage(tx: &mut ReadTx, owner: &UserId) -> Result<u64, Error> {
    let sql = "SELECT bytes FROM file_usage WHERE owner = $1";
    tx.row(sql, params![owner.as_str()]).await?.map_or(Ok(0), |row| row.get(0))
}

/// A user's files from before this time and id, the latest first.
pub(super) async fn page(
    tx: &mut ReadTx,
    owner: &UserId,
    (at_ms, id): (u64, &str),
    limit: u32,
) -> Result<Vec<File>, Error> {
    let sql = "SELECT id, owner, name, kind, size, at_ms, digest FROM file
               WHERE owner = $1 AND (at_ms < $2 OR (at_ms = $2 AND id < $3))
               ORDER BY at_ms DESC, id DESC LIMIT $4";
    let rows = tx.rows(sql, params![owner.as_str(), integer(at_ms), id, limit]).await?;
    rows.iter().map(file_of).collect()
}

fn weight(size: u64) -> u64 {
    size.max(LEAST)
}

fn file_of(row: &Row) -> Result<File, Error> {
    let corrupt = |what: &str| Error::Corrupt(format!("a file's {what}"));
    let (id, kind): (String, String) = (row.get(0)?, row.get(3)?);
    Ok(File {
        id: id.parse().map_err(|_| corrupt("id"))?,
        owner: UserId::from(&*row.get::<String>(1)?),
        name: row.get(2)?,
        kind: Kind::of(&kind).ok_or_else(|| corrupt("kind"))?,
        size: row.get(4)?,
        at_ms: row.get(5)?,
        digest: Digest::parse(row.get(6)?).ok_or_else(|| corrupt("digest"))?,
    })
}
