//! Revocations that outlive the process.

use veche_kernel::{Revocation, Revocations, Revoked, TokenId, UserId};
use veche_store::{RevocationTables, Store};

use crate::support::open;

fn of_user(name: &str, since_ms: u64, until_ms: u64) -> Revoked {
    Revoked { what: Revocation::User(UserId::from(name), since_ms), until_ms }
}

fn of_token(name: &str, until_ms: u64) -> Revoked {
    Revoked { what: Revocation::Token(TokenId::parse(name).expect("a name")), until_ms }
}

async fn loaded(store: &Store, wall_ms: u64) -> Vec<Revoked> {
    let tables = RevocationTables::open(store).await.expect("the tables are made");
    tables.load(wall_ms).await.expect("it reads")
}

#[tokio::test]
async fn what_was_revoked_is_known_after_a_restart_until_it_is_over() {
    // Red: `insert` without `CASE`, or without `ON CONFLICT`; `all` without `DELETE`.
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await.expect("it opens");
    let tables = RevocationTables::open(&store).await.expect("the tables are made");
    for revoked in [
        of_user("ann", 50, 1_000),
        of_user("ann", 40, 2_000),
        of_user("bob", 60, 1_000),
        of_token("t-1", 1_500),
        of_token("t-1", 1_600),
        of_token("t-2", 1_000),
    ] {
        tables.keep(revoked).await.expect("it is kept");
    }
    store.close().await;
    let store = open(folder.path()).await.expect("it opens again");
    assert_eq!(loaded(&store, 1_000).await, [of_user("ann", 50, 2_000), of_token("t-1", 1_600)]);
    assert_eq!(loaded(&store, 0).await.len(), 2, "what is over is forgotten");
    store.close().await;
}
