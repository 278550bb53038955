//! What a person reads of fan-outs: a table for closed loops, and one for open loops.

use crate::{
    fanout::Fanout,
    report::{Pair, line},
    shape::{Pace, Shape},
    target::{Door, Target},
};

const CLOSED_HEAD: &str = "\
| under way | Server | 1,000 deliveries/s | server CPU a delivery, µs | of it user, µs | p50, ms | p99, ms \
| lost / reordered / doubled | load's CPU a delivery, µs |
|---|---|---|---|---|---|---|---|---|";

const OPEN_HEAD: &str = "\
| channels × subscribers | Server | 1,000 deliveries/s | server CPU a delivery, µs | of it user, µs | p50, ms \
| p99, ms | p99.9, ms | lost / reordered / doubled | load's CPU a delivery, µs |
|---|---|---|---|---|---|---|---|---|---|";

/// Appends the tables, where there is something to show. `of` gives the runs of a server, or of all.
pub(crate) fn write<'a, I: Iterator<Item = &'a Fanout>>(
    out: &mut String,
    door: Door,
    shapes: &[Shape],
    of: impl Fn(Option<Target>) -> I,
) {
    let (closed, open): (Vec<Shape>, Vec<Shape>) =
        shapes.iter().partition(|shape| matches!(shape.pace, Pace::Window(_)));
    let phrase = door.phrase();
    for alike in closed.chunk_by(|a, b| a.subscribers == b.subscribers) {
        let Some(audience) = alike.first().map(Shape::audience) else { continue };
        line(out, format_args!("\nFan-out, 1 channel with {audience}, closed loop{phrase}:\n"));
        line(out, format_args!("{CLOSED_HEAD}"));
        write_rows(out, alike, of_each(&of), write_closed);
    }
    if let Some(Shape { pace: Pace::Rate(rate), .. }) = open.first() {
        line(out, format_args!("\nFan-out, open loop of {rate} deliveries a second{phrase}:\n"));
        line(out, format_args!("{OPEN_HEAD}"));
        write_rows(out, &open, of_each(&of), write_open);
    }
}

fn of_each<'a, I: Iterator<Item = &'a Fanout>>(
    of: &impl Fn(Option<Target>) -> I,
) -> impl Fn(Target, Shape) -> Vec<&'a Fanout> {
    move |target, shape| of(Some(target)).filter(|fanout| fanout.shape == shape).collect()
}

fn write_rows<'a>(
    out: &mut String,
    shapes: &[Shape],
    of: impl Fn(Target, Shape) -> Vec<&'a Fanout>,
    row: impl Fn(&mut String, Target, Shape, &[&'a Fanout]),
) {
    for &shape in shapes {
        for target in Target::ALL {
            let runs = of(target, shape);
            if !runs.is_empty() {
                row(out, target, shape, &runs);
            }
        }
    }
}

fn write_closed(out: &mut String, target: Target, shape: Shape, runs: &[&Fanout]) {
    let Costs { rate, server, user, client, faults } = Costs::of(runs);
    let p50 = Pair::low(runs, |fanout| fanout.p50_ms);
    let p99 = Pair::low(runs, |fanout| fanout.p99_ms);
    let (name, window) = (target.name(), shape.under_way().unwrap_or_default());
    // To few it takes some tens of microseconds.
    let digits = if shape.subscribers < 100 { 3 } else { 2 };
    line(
        out,
        format_args!(
            "| {window} | {name} | {rate:.0} | {server:.2} | {user:.2} | {p50:.digits$} | {p99:.digits$} \
             | {faults} | {client:.2} |"
        ),
    );
}

fn write_open(out: &mut String, target: Target, shape: Shape, runs: &[&Fanout]) {
    let Costs { rate, server, user, client, faults } = Costs::of(runs);
    let p50 = Pair::low(runs, |fanout| fanout.p50_ms);
    let p99 = Pair::low(runs, |fanout| fanout.p99_ms);
    let p999 = Pair::low(runs, |fanout| fanout.p999_ms);
    let Shape { channels, subscribers, .. } = shape;
    let name = target.name();
    line(
        out,
        format_args!(
            "| {channels} × {subscribers} | {name} | {rate:.1} | {server:.2} | {user:.2} | {p50:.2} | {p99:.2} \
             | {p999:.2} | {faults} | {client:.2} |"
        ),
    );
}

/// What both tables say.
struct Costs {
    rate: Pair,
    server: Pair,
    user: Pair,
    client: Pair,
    faults: String,
}

impl Costs {
    fn of(runs: &[&Fanout]) -> Self {
        let sum = |count: fn(&Fanout) -> u64| -> u64 { runs.iter().copied().map(count).sum() };
        let (lost, reordered, doubled) =
            (sum(|fanout| fanout.lost), sum(|fanout| fanout.reordered), sum(|fanout| fanout.doubled));
        Self {
            rate: Pair::high(runs, |fanout| fanout.rate() / 1000.0),
            server: Pair::low(runs, Fanout::server_us),
            user: Pair::low(runs, Fanout::user_us),
            client: Pair::low(runs, Fanout::client_us),
            faults: format!("{lost} / {reordered} / {doubled}"),
        }
    }
}
