//! The store as the keeper of revocations.

use veche_kernel::{BoxFuture, Rejection, Revocation, Revocations, Revoked, TokenId, UserId};

use crate::{Error, Migration, Store, log::integer, params};

const MIGRATIONS: &[Migration] = &[Migration {
    name: "revocations",
    sql: r#"CREATE TABLE revoked_user (
                user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
                since_ms BIGINT NOT NULL,
                until_ms BIGINT NOT NULL
            );
            CREATE TABLE revoked_token (
                token_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
                until_ms BIGINT NOT NULL
            )"#,
}];

/// Revocations of credentials, kept in the database.
///
/// ```
/// use std::sync::Arc;
/// use veche_kernel::{Kernel, Revocations};
/// use veche_store::{Error, RevocationTables, Store};
///
/// # async fn example(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
/// let kept = RevocationTables::open(store).await?;
/// let known = kept.load(store.clock().wall_ms()).await?;
/// let builder = Kernel::builder().revocations(Arc::new(kept), known);
/// # drop(builder);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RevocationTables(Store);

impl RevocationTables {
    /// Makes the tables where they are missing.
    pub async fn open(store: &Store) -> Result<Self, Error> {
        store.migrate("access", MIGRATIONS).await?;
        Ok(Self(store.clone()))
    }

    async fn insert(store: Store, revoked: Revoked) -> Result<(), Error> {
        let until_ms = integer(revoked.until_ms);
        store
            .write(async move |tx| match &revoked.what {
                Revocation::User(user, since_ms) => {
                    let sql = "INSERT INTO revoked_user (user_id, since_ms, until_ms) VALUES ($1, $2, $3)
                               ON CONFLICT (user_id) DO UPDATE SET until_ms = excluded.until_ms, since_ms =
                               CASE WHEN excluded.since_ms > revoked_user.since_ms
                               THEN excluded.since_ms ELSE revoked_user.since_ms END";
                    let values = params![user.as_str(), integer(*since_ms), until_ms];
                    tx.execute(sql, values).await.map(|_| ())
                }
                Revocation::Token(token) => {
                    let sql = "INSERT INTO revoked_token (token_id, until_ms) VALUES ($1, $2)
                               ON CONFLICT (token_id) DO UPDATE SET until_ms = excluded.until_ms";
                    tx.execute(sql, params![token.as_str(), until_ms]).await.map(|_| ())
                }
            })
            .await
    }

    async fn all(store: Store, wall_ms: u64) -> Result<Vec<Revoked>, Error> {
        let now_ms = integer(wall_ms);
        store
            .write(async move |tx| {
                tx.execute("DELETE FROM revoked_user WHERE until_ms <= $1", params![now_ms]).await?;
                tx.execute("DELETE FROM revoked_token WHERE until_ms <= $1", params![now_ms])
                    .await
                    .map(|_| ())
            })
            .await?;
        store
            .read(async |tx| {
                let mut all = Vec::new();
                for row in tx.rows("SELECT user_id, since_ms, until_ms FROM revoked_user", []).await? {
                    let user: String = row.get(0)?;
                    let what = Revocation::User(UserId::from(user.as_str()), row.get(1)?);
                    all.push(Revoked { what, until_ms: row.get(2)? });
                }
                for row in tx.rows("SELECT token_id, until_ms FROM revoked_token", []).await? {
                    let token: String = row.get(0)?;
                    // Nothing else is written; another program's row is nobody's token.
                    let Some(token) = TokenId::parse(&token) else { continue };
                    all.push(Revoked { what: Revocation::Token(token), until_ms: row.get(1)? });
                }
                Ok(all)
            })
            .await
    }
}

impl Revocations for RevocationTables {
    fn keep(&self, revoked: Revoked) -> BoxFuture<Result<(), Rejection>> {
        let store = self.0.clone();
        Box::pin(async move { Self::insert(store, revoked).await.map_err(|error| failed(&error)) })
    }

    fn load(&self, wall_ms: u64) -> BoxFuture<Result<Vec<Revoked>, Rejection>> {
        let store = self.0.clone();
        Box::pin(async move { Self::all(store, wall_ms).await.map_err(|error| failed(&error)) })
    }
}

fn failed(error: &Error) -> Rejection {
    Rejection::unavailable(error.to_string()).retry_after_ms(1_000)
}
