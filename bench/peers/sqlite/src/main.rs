//! A bound to compare with: what a durable publication asks of the database when the server does nothing
//! else.
//!
//! `sqlite FOLDER GROUP COUNT` writes COUNT publications to one channel of a new database in FOLDER, GROUP
//! of them in each commit, and prints one line of JSON: how many, the seconds on the clock, and this
//! process's seconds of CPU. Allocator, tables and pragmas are those of Veche's store. The statements are
//! those of one publication at a time, through sqlx, as a program would send them that has no writer of its
//! own: the store's, which calls SQLite on its own thread and lets neighbours share statements, may cost less.

use std::{
    error::Error,
    fs,
    path::Path,
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sqlx::{
    ConnectOptions, Connection, Executor, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Publications before the figures are taken.
const WARM_UP: u64 = 500;
const CHANNEL: &str = "log:1";
/// As long as what a session shows of itself.
const USER: &str = "guest:0123456789ab";
const SESSION: &str = "0123456789abcdef";

/// The transaction begins in one trip to the database with its first statement.
const BEGIN_AND_TAKE: &str = "BEGIN IMMEDIATE; \
    UPDATE channel SET head = head + 1, changed_ms = $2 WHERE name = $1 RETURNING epoch, head";
const TAKE: &str =
    "UPDATE channel SET head = head + 1, changed_ms = $2 WHERE name = $1 RETURNING epoch, head";
const INSERT: &str = r#"INSERT INTO publication
    (channel, "offset", event, data, sender_user, sender_session, op_id, key, time_ms, left_out)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sqlite: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(group), Some(count)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: sqlite FOLDER GROUP COUNT".into());
    };
    let (group, count) = (group.parse()?, count.parse()?);
    // The store's writer has such a runtime: without a driver of sockets it parks on a futex.
    tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
        let mut connection = open(Path::new(&folder)).await?;
        publish(&mut connection, group, 0, WARM_UP).await?;
        let (began, cpu) = (Instant::now(), Cpu::now()?);
        publish(&mut connection, group, WARM_UP, count).await?;
        let (seconds, cpu_end) = (began.elapsed().as_secs_f64(), Cpu::now()?);
        let (user, system) = (cpu_end.user - cpu.user, cpu_end.system - cpu.system);
        let kept = kept(&mut connection).await?;
        connection.close().await?;
        if kept != WARM_UP + count {
            return Err(format!("{kept} publications were kept of {}", WARM_UP + count).into());
        }
        Ok(format!(r#"{{"publishes":{count},"seconds":{seconds:.6},"user":{user:.2},"system":{system:.2}}}"#))
    })
}

async fn open(folder: &Path) -> Outcome<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("veche.db"))
        .foreign_keys(true)
        .collation("C", |a: &str, b: &str| a.cmp(b))
        .statement_cache_capacity(500)
        .disable_statement_logging()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", "67108864");
    let mut connection = options.connect().await?;
    connection.execute(sqlx::raw_sql(include_str!("log.sql"))).await?;
    Ok(connection)
}

/// Writes `count` publications after the first `done`, each group in a commit of its own.
async fn publish(connection: &mut SqliteConnection, group: u64, done: u64, count: u64) -> Outcome<()> {
    let mut number = done;
    while number < done + count {
        let end = (number + group).min(done + count);
        let mut take = BEGIN_AND_TAKE;
        for number in number..end {
            publish_one(connection, take, number).await?;
            take = TAKE;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        number = end;
    }
    Ok(())
}

async fn publish_one(connection: &mut SqliteConnection, take: &'static str, number: u64) -> Outcome<()> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let row = sqlx::query(take).bind(CHANNEL).bind(now_ms).fetch_one(&mut *connection).await?;
    let offset: i64 = row.try_get(1)?;
    // The same bytes as the load's publications.
    let data = format!(
        r#"{{"seq":{},"text":"The quick brown fox jumps over the lazy dog, and back once more."}}"#,
        1_000_000_000 + number
    );
    sqlx::query(INSERT)
        .bind(CHANNEL)
        .bind(offset)
        .bind("message")
        .bind(data)
        .bind(USER)
        .bind(SESSION)
        .bind(None::<&str>)
        .bind(None::<&str>)
        .bind(now_ms)
        .bind("")
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// How many publications the channel holds without a hole.
async fn kept(connection: &mut SqliteConnection) -> Outcome<u64> {
    let sql = r#"SELECT COUNT(*), MAX("offset") FROM publication WHERE channel = $1"#;
    let row = sqlx::query(sql).bind(CHANNEL).fetch_one(connection).await?;
    let (count, highest): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if count != highest {
        return Err(format!("{count} publications up to position {highest}").into());
    }
    Ok(u64::try_from(count)?)
}

/// This process's seconds of CPU, in its program and in the kernel for it.
struct Cpu {
    user: f64,
    system: f64,
}

impl Cpu {
    fn now() -> Outcome<Self> {
        let text = fs::read_to_string("/proc/self/stat")?;
        // The name of the program may hold spaces and parentheses; the state follows the last one.
        let (_, fields) = text.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
        let mut times = fields.split_whitespace().skip(11);
        let mut seconds = || -> Outcome<f64> {
            let ticks: f64 = times.next().ok_or("/proc/self/stat has no times")?.parse()?;
            Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
        };
        Ok(Self { user: seconds()?, system: seconds()? })
    }
}
