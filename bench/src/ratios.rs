//! What a person reads of servers beside each other: how many times the figures of one of them the others'
//! are. Each quotient is that of one repeat, in which the two ran after each other.

use crate::{
    report::{Figures, Pair, Run, line},
    shape::{Pace, Shape},
    target::Target,
};

/// A figure that should be low.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// RSS of an idle connection.
    Memory,
    /// CPU of a delivery.
    Cpu(Shape),
    /// From one connection to another.
    Latency(Shape),
}

/// What a quotient should be.
#[derive(Debug, Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    /// What is compared: with one subscriber and one message under way also how long that takes.
    fn of_shape(shape: Shape) -> impl Iterator<Item = Self> {
        let is_echo = shape.under_way() == Some(1) && shape.subscribers == 1;
        [Self::Cpu(shape)].into_iter().chain(is_echo.then_some(Self::Latency(shape)))
    }

    fn of(self, figures: &Figures) -> Option<f64> {
        let fanout = |shape| match figures {
            Figures::Fanout(fanouts) => fanouts.iter().find(|fanout| fanout.shape == shape),
            _ => None,
        };
        match (self, figures) {
            (Self::Memory, Figures::Idle(idle)) => Some(idle.bytes()),
            (Self::Memory, _) => None,
            (Self::Cpu(shape), _) => Some(fanout(shape)?.server_us()),
            (Self::Latency(shape), _) => Some(fanout(shape)?.p50_ms),
        }
    }

    /// How many times the base's figure that of a server should be.
    fn goal(self, base: Target, server: Target) -> Option<Goal> {
        match (base, self, server) {
            (Target::Bare, Self::Latency(_), Target::Veche) => Some(Goal::AtMost(1.1)),
            (Target::Veche, Self::Cpu(_), Target::Retained) => Some(Goal::AtMost(1.3)),
            (Target::Veche, Self::Cpu(shape), _) => match (shape.under_way()?, server) {
                (1, Target::SocketioNode) => Some(Goal::AtLeast(2.5)),
                (1, Target::Socketioxide) => Some(Goal::AtLeast(1.7)),
                (4, Target::SocketioNode) => Some(Goal::AtLeast(4.5)),
                (4, Target::Socketioxide) => Some(Goal::AtLeast(1.3)),
                _ => None,
            },
            _ => None,
        }
    }

    fn name(self) -> String {
        let loop_of = |shape: Shape| match shape.pace {
            Pace::Window(under_way) => format!("{}, {under_way} under way", shape.audience()),
            Pace::Rate(_) => format!("{} × {}, open loop", shape.channels, shape.subscribers),
        };
        match self {
            Self::Memory => "RSS a connection".to_owned(),
            Self::Cpu(shape) => format!("CPU a delivery, {}", loop_of(shape)),
            Self::Latency(shape) => format!("p50, {}", loop_of(shape)),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, "≥ {goal}"),
            Self::AtMost(goal) => write!(f, "≤ {goal}"),
        }
    }
}

/// Appends the table, where there is something to compare with the base.
pub(crate) fn write(out: &mut String, runs: &[Run], base: Target, shapes: &[Shape]) {
    let figures = [Figure::Memory].into_iter().chain(shapes.iter().copied().flat_map(Figure::of_shape));
    // Ours should be few times a bound, and a few of others' should be many times ours.
    let pair =
        |server| if base == Target::Veche && server != Target::Retained { Pair::high } else { Pair::low };
    let mut rows = String::new();
    for figure in figures {
        for server in Target::ALL.into_iter().filter(|target| *target != base) {
            let ratios = ratios(runs, figure, base, server);
            if ratios.is_empty() {
                continue;
            }
            let ratio = pair(server)(&ratios.iter().collect::<Vec<_>>(), |ratio: &f64| *ratio);
            let goal = figure.goal(base, server).map_or_else(String::new, |goal| goal.to_string());
            let (name, median) = (server.name(), median(ratios));
            line(
                &mut rows,
                format_args!("| {} | {name} | {ratio:.2} | {median:.2} | {goal} |", figure.name()),
            );
        }
    }
    if !rows.is_empty() {
        let base = base.name();
        line(out, format_args!("\nHow many times the figure of {base} the others' are:\n"));
        line(out, format_args!("| Figure | Server | by {base}'s | median | goal |\n|---|---|---|---|---|"));
        out.push_str(&rows);
    }
}

/// The middle one, or the mean of the two that are.
fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    let middle = |index: usize| ratios.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(middle((ratios.len() - 1) / 2), middle(ratios.len() / 2))
}

/// The quotients of the repeats that have both servers.
fn ratios(runs: &[Run], figure: Figure, base: Target, server: Target) -> Vec<f64> {
    let of = |target: Target| {
        runs.iter()
            .filter(move |run| run.target == target)
            .filter_map(move |run| Some((run.repeat, figure.of(&run.figures)?)))
    };
    let quotient = |(repeat, theirs): (usize, f64)| {
        let (_, ours) = of(base).find(|(of_base, _)| *of_base == repeat)?;
        Some(theirs / ours).filter(|quotient| quotient.is_finite())
    };
    of(server).filter_map(quotient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::Fanout;

    const ALONE: Shape = Shape::window(1, 1);

    fn run(target: Target, repeat: usize, server_user: f64) -> Run {
        let fanout =
            Fanout { deliveries: 1_000_000, server_user, p50_ms: server_user / 2.0, ..Fanout::empty(ALONE) };
        Run { target, repeat, command: String::new(), figures: Figures::Fanout(vec![fanout]) }
    }

    fn rows(runs: &[Run], base: Target) -> Vec<String> {
        let mut text = String::new();
        write(&mut text, runs, base, &[ALONE, Shape::window(10, 4)]);
        text.lines().skip(5).map(str::to_owned).collect()
    }

    #[test]
    fn a_quotient_is_that_of_one_repeat() {
        let mut runs = vec![
            run(Target::Veche, 0, 2.0),
            run(Target::Socketioxide, 0, 5.0),
            run(Target::Veche, 1, 4.0),
            run(Target::Socketioxide, 1, 6.0),
            run(Target::Veche, 2, 1.0),
        ];
        let expected = [
            "| CPU a delivery, 1 subscriber, 1 under way | socketioxide | 2.50 / 1.50 | 2.00 | ≥ 1.7 |",
            "| p50, 1 subscriber, 1 under way | socketioxide | 2.50 / 1.50 | 2.00 |  |",
        ];
        assert_eq!(rows(&runs, Target::Veche), expected);
        runs.retain(|run| run.target == Target::Veche);
        assert!(rows(&runs, Target::Veche).is_empty());
    }

    #[test]
    fn an_open_loop_is_compared_too() {
        let shape = Shape::rate(100, 10, 50_000);
        let of = |target, server_user| {
            let fanout = Fanout { deliveries: 1_000_000, server_user, ..Fanout::empty(shape) };
            Run { target, repeat: 0, command: String::new(), figures: Figures::Fanout(vec![fanout]) }
        };
        let mut text = String::new();
        write(&mut text, &[of(Target::Veche, 2.0), of(Target::Bun, 3.0)], Target::Veche, &[shape]);
        let row = "| CPU a delivery, 100 × 10, open loop | bun | 1.50 | 1.50 |  |";
        assert_eq!(text.lines().last(), Some(row));
    }

    #[test]
    fn what_costs_more_than_the_base_is_better_where_it_is_low() {
        let runs = [
            run(Target::Bare, 0, 2.0),
            run(Target::Veche, 0, 3.0),
            run(Target::Bare, 1, 2.0),
            run(Target::Veche, 1, 2.2),
            run(Target::Bare, 2, 1.0),
            run(Target::Veche, 2, 1.2),
        ];
        let expected = [
            "| CPU a delivery, 1 subscriber, 1 under way | veche | 1.10 / 1.50 | 1.20 |  |",
            "| p50, 1 subscriber, 1 under way | veche | 1.10 / 1.50 | 1.20 | ≤ 1.1 |",
        ];
        assert_eq!(rows(&runs, Target::Bare), expected);
    }
}
