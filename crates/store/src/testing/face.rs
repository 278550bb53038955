//! The thin face: values, rows, statements, migrations.

use super::desk::Desk;
use crate::{Error, ErrorKind, Migration, ReadTx, Tx, Value, params};

pub(super) async fn values_come_back_as_they_went(desk: &Desk) {
    const TABLE: &str =
        "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, whole BIGINT, number DOUBLE PRECISION,
                         words TEXT, raw BYTEA)";
    let rows: Vec<[Value; 5]> = vec![
        params![1_i64, i64::MIN, -0.5, "", Vec::new()],
        params![2_i64, i64::MAX, f64::MAX, "Ünï \0 'code' $1", vec![0_u8, 255, b'1']],
        params![3_i64, true, 1.0, "007", vec![b'7']],
        params![4_i64, None::<i64>, None::<f64>, None::<&str>, None::<Vec<u8>>],
    ];
    let expected = rows.clone();
    desk.store
        .write(async move |tx| -> Result<(), Error> {
            tx.script(TABLE).await?;
            for row in &rows {
                tx.execute("INSERT INTO thing VALUES ($1, $2, $3, $4, $5)", row.clone()).await?;
            }
            Ok(())
        })
        .await
        .expect("inserts");
    let sql = "SELECT whole, number, words, raw FROM thing ORDER BY id";
    let found = desk.store.read(async |tx| tx.rows(sql, []).await).await.expect("reads");
    let written = desk.store.write(async move |tx| tx.rows(sql, []).await).await.expect("reads");
    assert_eq!((found.len(), written.len()), (expected.len(), expected.len()));
    for (row, expected) in found.iter().chain(&written).zip(expected.iter().cycle()) {
        assert_eq!(row.get::<Option<i64>>("whole").map(Value::from).as_ref(), Ok(&expected[1]));
        assert_eq!(row.get::<Option<f64>>("number").map(Value::from).as_ref(), Ok(&expected[2]));
        assert_eq!(row.get::<Option<String>>("words").map(Value::from).as_ref(), Ok(&expected[3]));
        assert_eq!(row.get::<Option<Vec<u8>>>("raw").map(Value::from).as_ref(), Ok(&expected[4]));
    }
}

/// Red where an absent value was read as 0, as the driver does it for an integer.
pub(super) async fn null_is_refused_unless_it_is_expected(desk: &Desk) {
    let row = async |tx: &mut ReadTx| tx.one("SELECT CAST($1 AS BIGINT) AS n", params![None::<i64>]).await;
    let row = desk.store.read(row).await.expect("reads");
    let error = row.get::<i64>("n").expect_err("NULL is no integer");
    assert_eq!(error.to_string(), "column \"n\" is NULL, an integer was expected");
    assert_eq!(row.get::<Option<i64>>("n"), Ok(None));
}

/// Red without the count in `connection.rs` (the missing parameter is read as NULL), and where the writer took
/// a parameter's place for its number.
pub(super) async fn parameters_must_all_be_given(desk: &Desk) {
    let few = async |tx: &mut ReadTx| tx.rows("SELECT $1, $2", params![1_i64]).await;
    desk.store.read(few).await.expect_err("a parameter is missing");
    let many = async |tx: &mut ReadTx| tx.rows("SELECT $1", params![1_i64, 2_i64]).await;
    desk.store.read(many).await.expect_err("a parameter is too much");
    let nan = async |tx: &mut ReadTx| tx.rows("SELECT $1", params![f64::NAN]).await;
    desk.store.read(nan).await.expect_err("NaN would be kept as NULL");
    let few = async |tx: &mut Tx| tx.rows("SELECT $1, $2", params![1_i64]).await;
    desk.store.write(few).await.expect_err("a parameter is missing");
    let swapped = async |tx: &mut Tx| tx.one("SELECT $2, $1, $2", params![1_i64, 2_i64]).await;
    let row = desk.store.write(swapped).await.expect("reads");
    assert_eq!([0, 1, 2].map(|column| row.get::<i64>(column)), [Ok(2), Ok(1), Ok(2)]);
}

pub(super) async fn a_query_of_one_row_has_one_row(desk: &Desk) {
    for id in 1..=2 {
        desk.note(id).await.expect("inserts");
    }
    let count = async |least: i64| {
        let sql = "SELECT id FROM note WHERE id >= $1";
        desk.store.read(async |tx| tx.one(sql, params![least]).await.map(|_| ())).await
    };
    assert_eq!(count(2).await, Ok(()));
    assert_eq!(count(1).await, Err(Error::Rows { found: 2 }));
    assert_eq!(count(3).await, Err(Error::Rows { found: 0 }));
    let none = async |tx: &mut ReadTx| tx.row("SELECT id FROM note WHERE id > 2", []).await;
    assert!(desk.store.read(none).await.expect("reads").is_none());
}

/// Red where the collation compared without case.
pub(super) async fn text_keys_sort_by_bytes(desk: &Desk) {
    for channel in ["b", "é", "B", "a", "ä:1"] {
        desk.store.head(&super::desk::name(channel)).await.expect("makes a head");
    }
    let sql = "SELECT name FROM channel ORDER BY name";
    let rows = desk.store.read(async |tx| tx.rows(sql, []).await).await.expect("reads");
    let names: Vec<String> = rows.iter().map(|row| row.get(0).expect("it is text")).collect();
    assert_eq!(names, ["B", "a", "b", "ä:1", "é"]);
}

/// Red without `Tx::note`: the first insertion is committed.
pub(super) async fn a_failed_statement_fails_the_write(desk: &Desk) {
    desk.note(1).await.expect("inserts");
    let ignoring = async |tx: &mut Tx| -> Result<(), Error> {
        tx.execute("INSERT INTO note (id) VALUES (2)", []).await?;
        _ = tx.execute("INSERT INTO note (id) VALUES (1)", []).await;
        let later = tx.execute("INSERT INTO note (id) VALUES (3)", []).await;
        assert_eq!(later.expect_err("it is refused").kind(), ErrorKind::Constraint);
        Ok(())
    };
    let error = desk.store.write(ignoring).await.expect_err("a statement failed");
    assert_eq!(error.kind(), ErrorKind::Constraint);
    assert_eq!(desk.notes().await, [1]);
}

pub(super) async fn kinds_of_errors_are_told_apart(desk: &Desk) {
    desk.note(1).await.expect("inserts");
    let kind = async |sql: &'static str| {
        let write = async move |tx: &mut Tx| tx.execute(sql, []).await;
        desk.store.write(write).await.expect_err("it fails").kind()
    };
    assert_eq!(kind("INSERT INTO note (id) VALUES (1)").await, ErrorKind::Constraint);
    assert_eq!(kind("INSERT INTO note (id) VALUES (NULL)").await, ErrorKind::Constraint);
    assert_eq!(kind("INSERT INTO nowhere (id) VALUES (1)").await, ErrorKind::Other);
}

/// Red where readers were opened as the writer is.
pub(super) async fn a_read_cannot_write(desk: &Desk) {
    let sneak = async |tx: &mut ReadTx| tx.rows("INSERT INTO note (id) VALUES (1) RETURNING id", []).await;
    desk.store.read(sneak).await.expect_err("a read does not write");
    assert!(desk.notes().await.is_empty());
}

const FIRST: Migration = Migration { name: "first", sql: "CREATE TABLE one (id BIGINT NOT NULL)" };
const SECOND: Migration =
    Migration { name: "second", sql: "CREATE TABLE two (id BIGINT NOT NULL); INSERT INTO one VALUES (1)" };

const BROKEN: Migration =
    Migration { name: "broken", sql: "INSERT INTO one VALUES (2); INSERT INTO nowhere VALUES (1)" };

pub(super) async fn migrations_run_once_and_in_order(desk: &Desk) {
    desk.store.migrate("app", &[FIRST]).await.expect("migrates");
    for _ in 0..2 {
        desk.store.migrate("app", &[FIRST, SECOND]).await.expect("migrates");
    }
    let counts = async |tx: &mut ReadTx| tx.one("SELECT COUNT(*) FROM one", []).await?.get::<i64>(0);
    assert_eq!(desk.store.read(counts).await, Ok(1));
    desk.store.migrate("app", &[FIRST, SECOND, BROKEN]).await.expect_err("it has no table");
    assert_eq!(desk.store.read(counts).await, Ok(1), "half a step stayed");
    desk.store.migrate("app", &[FIRST, SECOND]).await.expect("the version did not move");
}

/// Red without the comparison of the counts.
pub(super) async fn a_newer_database_is_refused(desk: &Desk) {
    desk.store.migrate("app", &[FIRST, SECOND]).await.expect("migrates");
    let error = desk.store.migrate("app", &[FIRST]).await;
    assert_eq!(error, Err(Error::Newer { module: "app".into(), found: 2, known: 1 }));
}

/// Red without the comparison of the names.
pub(super) async fn a_changed_migration_is_refused(desk: &Desk) {
    desk.store.migrate("app", &[FIRST]).await.expect("migrates");
    let error = desk.store.migrate("app", &[SECOND]).await;
    assert!(matches!(error, Err(Error::Rewritten { version: 1, .. })), "{error:?}");
}
