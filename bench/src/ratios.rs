//! What a person reads of Veche beside other servers: how many times the first server's figures
//! theirs are. Each quotient is that of one repeat, in which the two ran after each other.

use crate::{
    report::{Figures, Pair, Run, line},
    shape::Pace,
    target::Target,
};

/// A figure that should be low.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// RSS of an idle connection.
    Memory,
    /// CPU of a delivery with so many messages under way.
    Cpu(u64),
}

impl Figure {
    fn of(self, figures: &Figures) -> Option<f64> {
        match (self, figures) {
            (Self::Memory, Figures::Idle(idle)) => Some(idle.bytes()),
            (Self::Cpu(window), Figures::Fanout(fanouts)) => {
                let fanout = fanouts.iter().find(|fanout| fanout.shape.pace == Pace::Window(window))?;
                Some(fanout.server_us())
            }
            _ => None,
        }
    }

    /// How many times Veche's figure that of a peer should be.
    const fn goal(self, peer: Target) -> Option<f64> {
        match (self, peer) {
            (Self::Cpu(1), Target::SocketioNode) => Some(2.5),
            (Self::Cpu(1), Target::Socketioxide) => Some(1.7),
            (Self::Cpu(4), Target::SocketioNode) => Some(4.5),
            (Self::Cpu(4), Target::Socketioxide) => Some(1.3),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Memory => "RSS a connection".to_owned(),
            Self::Cpu(window) => format!("CPU a delivery, {window} under way"),
        }
    }
}

/// Appends the table, where there is something to compare with the first server.
pub(crate) fn write(out: &mut String, runs: &[Run], windows: &[u64]) {
    let Some(base) = runs.first().map(|run| run.target) else { return };
    let figures = [Figure::Memory].into_iter().chain(windows.iter().copied().map(Figure::Cpu));
    let mut rows = String::new();
    for figure in figures {
        for peer in Target::ALL.into_iter().filter(|target| *target != base) {
            let ratios = ratios(runs, figure, base, peer);
            if ratios.is_empty() {
                continue;
            }
            let ratio = Pair::high(&ratios.iter().collect::<Vec<_>>(), |ratio| *ratio);
            let goal = figure.goal(peer).filter(|_| base == Target::Veche);
            let goal = goal.map_or_else(String::new, |goal| goal.to_string());
            line(&mut rows, format_args!("| {} | {} | {ratio:.2} | {goal} |", figure.name(), peer.name()));
        }
    }
    if !rows.is_empty() {
        let base = base.name();
        line(out, format_args!("\nHow many times the figure of {base} the others' are:\n"));
        line(out, format_args!("| Figure | Server | by {base}'s | goal |\n|---|---|---|---|"));
        out.push_str(&rows);
    }
}

/// The quotients of the repeats that have both servers.
fn ratios(runs: &[Run], figure: Figure, base: Target, peer: Target) -> Vec<f64> {
    let of = |target: Target| {
        runs.iter()
            .filter(move |run| run.target == target)
            .filter_map(move |run| Some((run.repeat, figure.of(&run.figures)?)))
    };
    let quotient = |(repeat, theirs): (usize, f64)| {
        let (_, ours) = of(base).find(|(of_base, _)| *of_base == repeat)?;
        Some(theirs / ours).filter(|quotient| quotient.is_finite())
    };
    of(peer).filter_map(quotient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fanout::Fanout, shape::Shape};

    fn run(target: Target, repeat: usize, server_user: f64) -> Run {
        let fanout = Fanout { deliveries: 1_000_000, server_user, ..Fanout::empty(Shape::window(1, 1)) };
        Run { target, repeat, command: String::new(), figures: Figures::Fanout(vec![fanout]) }
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
        let text = |runs: &[Run]| {
            let mut text = String::new();
            write(&mut text, runs, &[1, 4]);
            text
        };
        let row = "| CPU a delivery, 1 under way | socketioxide | 2.50 / 1.50 | 1.7 |\n";
        assert!(text(&runs).ends_with(row), "{}", text(&runs));
        runs.retain(|run| run.target == Target::Veche);
        assert_eq!(text(&runs), "");
    }
}
