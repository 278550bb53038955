//! What a person reads: the tables, with the better and the worse of the repeats.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    crowd::Crowd,
    durable::Durable,
    durable_table,
    fanout::Fanout,
    fanout_table,
    fleet::Role,
    idle::Idle,
    machine::Machine,
    ratios,
    shape::Shape,
    stress::Facts,
    stress_table,
    target::{Door, Target},
};

/// Everything of one call; the JSON file is this.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// When it began, in UTC.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// By which protocol the clients came.
    pub(crate) door: Door,
    /// Whose figures the others' are divided by; without it the first server's, where somebody else's takes part.
    pub(crate) base: Option<Target>,
    pub(crate) repeats: usize,
    pub(crate) runs: Vec<Run>,
}

/// One server's process and what was measured of it.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) target: Target,
    /// 0 for the first.
    pub(crate) repeat: usize,
    pub(crate) command: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What a scenario measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Figures {
    Idle(Idle),
    Fanout(Vec<Fanout>),
    Durable(Durable),
    Stress(Facts),
    Crowd(Crowd),
}

impl Figures {
    fn idle(&self) -> Option<&Idle> {
        match self {
            Self::Idle(idle) => Some(idle),
            _ => None,
        }
    }
}

impl Report {
    /// Whether a message of ours was lost, doubled, out of order or unasked for, or a connection ended.
    pub(crate) fn is_faulty(&self) -> bool {
        self.runs.iter().filter(|run| run.target.is_ours()).any(|run| match &run.figures {
            Figures::Idle(idle) => idle.closed > 0 || idle.strange > 0,
            Figures::Fanout(fanouts) => fanouts.iter().any(|fanout| fanout.faults() > 0),
            Figures::Durable(durable) => durable.faults() > 0,
            Figures::Stress(facts) => facts.faults > 0,
            Figures::Crowd(crowd) => crowd.closed > 0,
        })
    }

    /// The report as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        self.write_facts(&mut text);
        self.write_idle(&mut text);
        let shapes = self.shapes();
        fanout_table::write(&mut text, self.door, &shapes, |target| self.fanouts(target));
        if let Some(base) = self.base() {
            ratios::write(&mut text, &self.runs, base, &shapes);
        }
        stress_table::write(&mut text, &self.runs);
        durable_table::write(&mut text, &self.durables());
        self.write_remarks(&mut text);
        text
    }

    fn base(&self) -> Option<Target> {
        let has_peers = self.runs.iter().any(|run| !run.target.is_ours());
        let first = self.runs.first().filter(|_| has_peers).map(|run| run.target);
        self.base.or(first)
    }

    fn write_facts(&self, out: &mut String) {
        let Machine { cores, processor, kernel, memory_gib, descriptors, load } = &self.machine;
        line(
            out,
            format_args!("{}, {cores} cores of {processor}, {memory_gib} GiB, Linux {kernel},", self.date),
        );
        line(out, format_args!("{descriptors} descriptors a process, load {load} before the run."));
        let each = match self.repeats {
            1 => "One run.".to_owned(),
            repeats => format!("Each figure: the better / the worse of {repeats} runs, the servers in turn."),
        };
        line(out, format_args!("{each} The server has one core and the load another, on the same machine."));
        let mut seen = Vec::new();
        for run in &self.runs {
            if !seen.contains(&run.target) {
                seen.push(run.target);
                line(out, format_args!("- `{}`", run.command));
            }
        }
    }

    fn write_idle(&self, out: &mut String) {
        let first = self.figures(None).find_map(Figures::idle);
        let Some(Idle { connections, hold_seconds: hold, .. }) = first else { return };
        line(
            out,
            format_args!(
                "\n{connections} idle connections, each joined to one channel{}, held for {hold:.0} s:\n",
                self.door.phrase()
            ),
        );
        line(out, format_args!("{IDLE_HEAD}"));
        for target in Target::ALL {
            for (role, door) in [(Role::Subscriber, ""), (Role::Listener, ", server-sent events")] {
                let runs: Vec<_> = self.idles(target, role).collect();
                if !runs.is_empty() {
                    write_idle_row(out, target, door, &runs);
                }
            }
        }
    }

    /// The layouts of the fan-outs, in the order in which they were measured.
    fn shapes(&self) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for fanout in self.fanouts(None) {
            if !shapes.contains(&fanout.shape) {
                shapes.push(fanout.shape);
            }
        }
        shapes
    }

    fn write_remarks(&self, out: &mut String) {
        for run in &self.runs {
            let Figures::Fanout(fanouts) = &run.figures else { continue };
            for fanout in fanouts.iter().filter(|fanout| fanout.others() > 0) {
                let (name, repeat) = (run.target.name(), run.repeat + 1);
                let Fanout { shape, strange, closed, unacknowledged, .. } = fanout;
                let remark = fanout.remark.as_deref().unwrap_or("no remark");
                line(
                    out,
                    format_args!(
                        "\n{name}, run {repeat}, {shape}: {strange} unexpected messages, \
                         {closed} connections ended, {unacknowledged} acknowledgements missing or doubled; {remark}"
                    ),
                );
            }
        }
    }

    /// What was measured of a target, or of all of them.
    fn figures(&self, target: Option<Target>) -> impl Iterator<Item = &Figures> {
        let runs = self.runs.iter().filter(move |run| target.is_none_or(|target| run.target == target));
        runs.map(|run| &run.figures)
    }

    fn idles(&self, target: Target, role: Role) -> impl Iterator<Item = &Idle> {
        self.figures(Some(target)).filter_map(Figures::idle).filter(move |idle| idle.role == role)
    }

    fn fanouts(&self, target: Option<Target>) -> impl Iterator<Item = &Fanout> {
        self.figures(target).flat_map(|figures| match figures {
            Figures::Fanout(fanouts) => fanouts.as_slice(),
            _ => &[],
        })
    }

    fn durables(&self) -> Vec<&Durable> {
        let durables = self.figures(None).filter_map(|figures| match figures {
            Figures::Durable(durable) => Some(durable),
            _ => None,
        });
        durables.collect()
    }
}

fn write_idle_row(out: &mut String, target: Target, door: &str, runs: &[&Idle]) {
    let bytes = Pair::low(runs, Idle::bytes);
    let join = Pair::low(runs, Idle::join_us);
    let idle = Pair::low(runs, Idle::idle_core);
    let closed: usize = runs.iter().map(|idle| idle.closed).sum();
    let name = target.name();
    line(out, format_args!("| {name}{door} | {bytes:.0} | {join:.1} | {idle:.3} | {closed} |"));
}

const IDLE_HEAD: &str = "\
| Server | RSS a connection, B | CPU of a connect and join, µs | idle CPU, core | ended |
|---|---|---|---|---|";

pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// The better and the worse of the repeats, or the only one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    better: f64,
    worse: Option<f64>,
}

impl Pair {
    /// Of figures that should be low.
    pub(crate) fn low<T>(runs: &[&T], figure: impl Fn(&T) -> f64) -> Self {
        Self::of(runs.iter().map(|run| figure(run)).collect())
    }

    /// Of figures that should be high.
    pub(crate) fn high<T>(runs: &[&T], figure: impl Fn(&T) -> f64) -> Self {
        let Self { better, worse } = Self::of(runs.iter().map(|run| -figure(run)).collect());
        Self { better: -better, worse: worse.map(|worse| -worse) }
    }

    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let better = figures.first().copied().unwrap_or(f64::NAN);
        Self { better, worse: figures.get(1..).and_then(<[f64]>::last).copied() }
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let precision = f.precision().unwrap_or(2);
        write!(f, "{:.precision$}", self.better)?;
        self.worse.map_or(Ok(()), |worse| write!(f, " / {worse:.precision$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_figure_stands_first() {
        let runs = [&2.0, &1.0, &3.0];
        assert_eq!(format!("{:.1}", Pair::low(&runs, |run| *run)), "1.0 / 3.0");
        assert_eq!(format!("{:.0}", Pair::high(&runs, |run| *run)), "3 / 1");
        assert_eq!(format!("{:.0}", Pair::high(&runs[..1], |run| *run)), "2");
    }
}
