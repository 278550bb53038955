//! What a person reads of hard times: a row for each figure and a column for each server.

use crate::{
    crowd::Crowd,
    report::{Figures, Pair, Run, line},
    stress::{Fact, Facts, Kind},
    target::Target,
};

/// Appends the tables, where there is something to show.
pub(crate) fn write(out: &mut String, runs: &[Run]) {
    let stressed = |run: &Run| match &run.figures {
        Figures::Stress(facts) => Some((run.target, facts.clone())),
        _ => None,
    };
    write_facts(out, &runs.iter().filter_map(stressed).collect::<Vec<_>>());
    for run in runs {
        if let Figures::Crowd(crowd) = &run.figures {
            write_crowd(out, run.target, crowd);
        }
    }
}

fn write_facts(out: &mut String, runs: &[(Target, Facts)]) {
    let Some((_, first)) = runs.first() else { return };
    let targets: Vec<_> =
        Target::ALL.into_iter().filter(|target| runs.iter().any(|(of, _)| of == target)).collect();
    let names: Vec<_> = targets.iter().map(|target| target.name()).collect();
    line(out, format_args!("\n| | {} |", names.join(" | ")));
    line(out, format_args!("|---|{}", "---|".repeat(targets.len())));
    for (at, fact) in first.facts.iter().enumerate() {
        let cells: Vec<_> = targets.iter().map(|target| cell(runs, *target, at)).collect();
        line(out, format_args!("| {} | {} |", fact.what, cells.join(" | ")));
    }
    let faults: Vec<_> = targets
        .iter()
        .map(|target| {
            let of = runs.iter().filter(|(of, _)| of == target);
            of.map(|(_, facts)| facts.faults).sum::<u64>().to_string()
        })
        .collect();
    line(out, format_args!("| lost, doubled, out of order, or ended | {} |", faults.join(" | ")));
}

/// The better and the worse of the repeats.
fn cell(runs: &[(Target, Facts)], target: Target, at: usize) -> String {
    let of = runs.iter().filter(|(of, _)| *of == target);
    let facts: Vec<_> = of.filter_map(|(_, facts)| facts.facts.get(at)).collect();
    let value = |fact: &Fact| fact.value;
    match facts.first().map(|fact| fact.kind) {
        Some(Kind::Low) => format!("{:.2}", Pair::low(&facts, value)),
        Some(Kind::High) => format!("{:.2}", Pair::high(&facts, value)),
        Some(Kind::Count) => format!("{:.0}", Pair::low(&facts, value)),
        None => String::new(),
    }
}

fn write_crowd(out: &mut String, target: Target, crowd: &Crowd) {
    let Crowd { servers, connections, sockets, bytes: (least, most), sum_mib, closed } = crowd;
    line(
        out,
        format_args!(
            "\n{}: {connections} connections held at once on {servers} servers ({sockets} sockets of the system \
             more, two a connection); RSS a connection {least:.0} to {most:.0} B, {sum_mib:.1} MiB in all; \
             {closed} ended.",
            target.name()
        ),
    );
}
