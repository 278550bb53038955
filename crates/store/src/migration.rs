//! The tables of a module, version by version.

use crate::{error::Error, log::integer, params, store::Store, tx::Tx};

/// One step of a module's tables. Once released it is never changed: a new one is added.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it does, in a few words; kept in the database, so that a changed step is noticed.
    pub name: &'static str,
    /// Statements in the portable subset, separated by `;`.
    pub sql: &'static str,
}

const VERSIONS: &str = r#"CREATE TABLE IF NOT EXISTS schema_version (
    module TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    applied_ms BIGINT NOT NULL,
    PRIMARY KEY (module, version)
)"#;

impl Store {
    /// Brings a module's tables to the last of these versions, each step in a transaction of its own.
    ///
    /// Fails with [`Error::Newer`] where the database knows more steps, and with [`Error::Rewritten`] where
    /// it was given another step before.
    pub async fn migrate(&self, module: &'static str, steps: &'static [Migration]) -> Result<(), Error> {
        self.write_unlimited(async move |tx: &mut Tx| tx.script(VERSIONS).await).await?;
        let applied = self.read(async |tx| applied(tx, module).await).await?;
        if applied.len() > steps.len() {
            let (found, known) = (applied.len(), steps.len());
            return Err(Error::Newer { module: module.into(), found, known });
        }
        for (place, (found, known)) in applied.iter().zip(steps).enumerate() {
            if found != known.name {
                let (found, known) = (found.clone(), known.name.into());
                return Err(Error::Rewritten { module: module.into(), version: place + 1, found, known });
            }
        }
        for (place, step) in steps.iter().enumerate().skip(applied.len()) {
            let version = integer(place as u64 + 1);
            self.write_unlimited(async move |tx: &mut Tx| {
                tx.script(step.sql).await?;
                let sql =
                    "INSERT INTO schema_version (module, version, name, applied_ms) VALUES ($1, $2, $3, $4)";
                let now_ms = integer(tx.now_ms());
                tx.execute(sql, params![module, version, step.name, now_ms]).await.map(|_| ())
            })
            .await?;
        }
        Ok(())
    }
}

async fn applied(tx: &mut crate::ReadTx, module: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT name FROM schema_version WHERE module = $1 ORDER BY version";
    tx.rows(sql, params![module]).await?.iter().map(|row| row.get(0)).collect()
}
