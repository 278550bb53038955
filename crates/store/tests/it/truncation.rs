//! A write-ahead log that ends anywhere gives a prefix of the commits.

use std::{env, fs};

use crate::support::{append, assert_whole, copy, log, open};

/// How many ends are tried; `VECHE_TRUNCATIONS=1000` before a release.
const TRUNCATIONS: u64 = 100;

/// Enough for SQLite to have folded a part of the log into the file.
const COMMITS: u64 = 600;

/// Red where opening removed the log: the whole one served only what was folded into the file before.
#[tokio::test]
async fn a_truncated_log_gives_a_prefix_of_the_commits() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    for n in 1..=COMMITS {
        append(&store, &n.to_string()).await.expect("appends");
    }
    let cut = folder.path().join("cut");
    copy(folder.path(), &cut);
    store.close().await;
    let whole = fs::read(cut.join("veche.db-wal")).expect("the log is there");
    let main = fs::read(cut.join("veche.db")).expect("the file is there");

    let count =
        env::var("VECHE_TRUNCATIONS").map_or(TRUNCATIONS, |text| text.parse().expect("it is a number"));
    let mut random =
        env::var("VECHE_RANDOM").map_or(0x9e37_79b9, |text| text.parse().expect("it is a number"));
    println!("VECHE_RANDOM={random}");
    let mut lengths: Vec<u64> = (0..count).map(|_| next(&mut random) % whole.len() as u64).collect();
    lengths.extend([0, whole.len() as u64]);
    lengths.sort_unstable();

    let mut served = 0;
    for length in lengths {
        fs::write(cut.join("veche.db"), &main).expect("writes");
        fs::write(cut.join("veche.db-wal"), &whole[..length as usize]).expect("writes");
        fs::write(cut.join("veche.lock"), "open\n").expect("writes");
        let store = open(&cut).await.unwrap_or_else(|error| panic!("{length} bytes: {error}"));
        assert_whole(&store).await;
        let (found, _) = log(&store).await;
        let expected: Vec<_> = (1..=found.len()).map(|n| n.to_string()).collect();
        assert_eq!(found, expected, "{length} bytes");
        assert!(found.len() >= served, "{length} bytes serve less than fewer did");
        served = found.len();
        assert_eq!(append(&store, "next").await, Ok(served as u64 + 1), "{length} bytes");
        store.close().await;
    }
    assert_eq!(served as u64, COMMITS, "the whole log does not serve every commit");
}

/// Marsaglia's xorshift.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
