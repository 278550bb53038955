//! What a person reads of durable channels: the server's rows beside the bound's, and the replay.

use crate::{
    bound::Bound,
    durable::{Durable, GROUPS, LOADS, Load, Publishing},
    replay::Replay,
    report::{Pair, line},
};

const HEAD: &str = "\
| Program | under way | publishes/s | CPU a publish, µs | of it user, µs | CPU by the bound's | p50, ms | p99, ms \
| unanswered / doubled / holes / other |
|---|---|---|---|---|---|---|---|---|";

const REPLAY_HEAD: &str = "\
| publications | p50, ms | p99, ms | server CPU a replay, ms | faults |
|---|---|---|---|---|";

/// Appends the tables, where there is something to show.
pub(crate) fn write(out: &mut String, repeats: &[&Durable]) {
    let Some(first) = repeats.first() else { return };
    for bound in &first.bounds {
        line(out, format_args!("- `{}`", bound.command));
    }
    line(out, format_args!("\nPublications to one durable channel, closed loop, and the database alone:\n"));
    line(out, format_args!("{HEAD}"));
    for group in GROUPS {
        for load in LOADS.into_iter().filter(|load| load.group == group) {
            write_server(out, repeats, load);
        }
        write_bound(out, repeats, group);
    }
    write_replay(out, repeats);
    for remark in repeats.iter().filter_map(|durable| durable.remark()) {
        line(out, format_args!("\nwhat should not have come: {remark}"));
    }
}

fn write_server(out: &mut String, repeats: &[&Durable], load: Load) {
    let of = |durable: &&'_ Durable| durable.publishing.iter().find(|it| it.load == load).cloned();
    let found: Vec<Publishing> = repeats.iter().filter_map(of).collect();
    let runs: Vec<_> = found.iter().collect();
    let ratios: Vec<f64> = repeats.iter().filter_map(|durable| durable.ratio(load)).collect();
    if runs.is_empty() {
        return;
    }
    let rate = Pair::high(&runs, Publishing::rate);
    let cpu = Pair::low(&runs, Publishing::server_us);
    let user = Pair::low(&runs, Publishing::user_us);
    let ratio = Pair::low(&ratios.iter().collect::<Vec<_>>(), |ratio| *ratio);
    let p50 = Pair::low(&runs, |run| run.p50_ms);
    let p99 = Pair::low(&runs, |run| run.p99_ms);
    let sum = |count: fn(&Publishing) -> u64| -> u64 { runs.iter().copied().map(count).sum() };
    let unanswered = sum(|run| run.faults.unanswered);
    let doubled = sum(|run| run.faults.doubled);
    let holes = sum(|run| run.faults.holes);
    let strange = sum(|run| run.faults.strange);
    let Load { connections, frames, .. } = load;
    line(
        out,
        format_args!(
            "| veche | {connections} × {frames} | {rate:.0} | {cpu:.1} | {user:.1} | {ratio:.2} | {p50:.2} \
             | {p99:.2} | {unanswered} / {doubled} / {holes} / {strange} |"
        ),
    );
}

fn write_bound(out: &mut String, repeats: &[&Durable], group: usize) {
    let runs: Vec<&Bound> =
        repeats.iter().flat_map(|durable| &durable.bounds).filter(|bound| bound.group == group).collect();
    let rate = Pair::high(&runs, Bound::rate);
    let cpu = Pair::low(&runs, Bound::cpu_us);
    let user = Pair::low(&runs, Bound::user_us);
    line(out, format_args!("| sqlite | {group} in a commit | {rate:.0} | {cpu:.1} | {user:.1} | 1 | | | |"));
}

fn write_replay(out: &mut String, repeats: &[&Durable]) {
    let runs: Vec<_> = repeats.iter().map(|durable| &durable.replay).collect();
    let Some(first) = runs.first() else { return };
    line(out, format_args!("\nSubscribing with a position, {} times in a row:\n", first.rounds));
    line(out, format_args!("{REPLAY_HEAD}"));
    let p50 = Pair::low(&runs, |run| run.p50_ms);
    let p99 = Pair::low(&runs, |run| run.p99_ms);
    let cpu = Pair::low(&runs, Replay::server_ms);
    let faults: u64 = runs.iter().map(|run| run.faults).sum();
    line(out, format_args!("| {} | {p50:.2} | {p99:.2} | {cpu:.2} | {faults} |", first.missed));
}
