//! Measures Veche beside its bounds and peers: memory and CPU of the server, with loss and order always
//! checked. A person runs it and reads the table; it is no test.
//!
//! `cargo xtask bench [SCENARIO]`; docs/benchmarks.md says what the scenarios are and what the figures mean.
//! It knows the servers only by their wire: nothing of the server's code is used here.

mod bound;
mod build;
mod command;
mod crowd;
mod dialect;
mod durable;
mod durable_table;
mod error;
mod fanout;
mod fanout_table;
mod fleet;
mod histogram;
mod idle;
mod machine;
mod process;
mod ratios;
mod reader;
mod replay;
mod report;
mod scenario;
mod sequence;
mod shape;
mod stress;
mod stress_table;
mod tally;
mod target;
mod wire;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;

use crate::{
    durable::Durable,
    error::{BenchError, Context},
    fleet::Role,
    machine::Machine,
    process::{Server, Stop},
    report::{Figures, Report, Run},
    scenario::{Act, Scenario},
    shape::Shape,
    stress::Stage,
    target::{Contender, Target},
};

/// Measures Veche beside its bounds and peers, on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// What to measure.
    #[arg(value_enum, default_value_t = Scenario::All)]
    scenario: Scenario,
    /// The servers, in the order in which they take turns; without it those that the scenario is made for.
    #[arg(long, value_delimiter = ',')]
    against: Vec<Target>,
    /// Connections: 10,000 idle ones or in a storm, 100,000 that come and go, 50,000 on several servers.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    connections: Option<u64>,
    /// Seconds for which they are held; 30 or more include heartbeats.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    hold: u64,
    /// Subscribers of a fan-out.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    subscribers: u64,
    /// Seconds of each fan-out.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Publications of each load on a durable channel; ten times as many where they share commits.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    publishes: u64,
    /// How often each server is started and measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// Where the raw results go.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Take the servers as they were built last.
    #[arg(long)]
    no_build: bool,
    /// Veche's shards.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    shards: u64,
}

impl Options {
    fn connections(&self) -> usize {
        let usual = match self.scenario {
            Scenario::Churn => 100_000,
            Scenario::Crowd => 50_000,
            _ => 10_000,
        };
        self.connections.unwrap_or(usual) as usize
    }

    fn more_settings(&self) -> Vec<String> {
        let shards = (self.shards > 1).then(|| format!("server.shards={}", self.shards));
        self.scenario.more_settings().iter().map(|&setting| setting.to_owned()).chain(shards).collect()
    }

    /// The clients of this process at once.
    fn clients(&self) -> usize {
        let shapes = self.scenario.shapes(self.subscribers as usize);
        let fanned = shapes.iter().map(Shape::clients).max().unwrap_or_default();
        match self.scenario {
            Scenario::Churn | Scenario::Deaf | Scenario::Busy | Scenario::Flood | Scenario::Crowd => 2_000,
            _ => self.connections().max(fanned),
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(report) if report.is_faulty() => {
            eprintln!("bench: messages or connections were lost, see above");
            ExitCode::FAILURE
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Report, BenchError> {
    let stop = Stop::install()?;
    let scenario = options.scenario;
    let mut contenders = scenario.contenders(&options.against)?;
    let with_bound = scenario == Scenario::Durable;
    let mut bench = Bench {
        options,
        programs: build::servers(&mut contenders, with_bound, options.no_build)?,
        more_settings: options.more_settings(),
        report: Report {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            machine: Machine::look()?,
            door: scenario.door(),
            base: scenario.base(),
            repeats: options.repeats as usize,
            runs: Vec::new(),
        },
        // The parts of a crowd take the cores themselves.
        server_core: if scenario == Scenario::Crowd { 0 } else { machine::take_cores()? },
        stop,
    };
    machine::take_descriptors(options.clients())?;
    let outcome = bench.measure(&contenders);
    // What was measured before a failure is worth its time.
    if outcome.is_ok() || !bench.report.runs.is_empty() {
        println!("{}", bench.report.markdown());
    }
    if let Some(path) = &options.json {
        write_json(&bench.report, path)?;
    }
    outcome.map(|()| bench.report)
}

fn write_json(report: &Report, path: &Path) -> Result<(), BenchError> {
    let json = serde_json::to_vec_pretty(report).context("write the results as JSON")?;
    fs::write(path, json).context(&format!("write {}", path.display()))
}

/// A crowd is held for at least so many seconds, so that all parts are there at the same time.
const CROWD_HOLD: u64 = 20;

/// One call of this program.
struct Bench<'a> {
    options: &'a Options,
    programs: PathBuf,
    /// What Veche is told for the scenario.
    more_settings: Vec<String>,
    server_core: usize,
    stop: Stop,
    report: Report,
}

impl Bench<'_> {
    fn measure(&mut self, contenders: &[Contender]) -> Result<(), BenchError> {
        if self.options.scenario == Scenario::Crowd {
            return self.crowd(contenders);
        }
        for &act in self.options.scenario.acts() {
            let fit: Vec<_> = contenders.iter().copied().filter(|contender| fits(act, *contender)).collect();
            self.alternate(&fit, act)?;
        }
        if self.report.runs.is_empty() {
            return Err(BenchError::Unfit("none of these servers can take part".to_owned()));
        }
        Ok(())
    }

    /// Measures each server in turn, and all of them again for each repeat, so that a disturbance of
    /// the machine does not meet one of them alone.
    fn alternate(&mut self, contenders: &[Contender], act: Act) -> Result<(), BenchError> {
        for repeat in 0..self.options.repeats as usize {
            for &contender in contenders {
                self.stop.check()?;
                let target = contender.target;
                let more = &self.more_settings;
                let server = Server::start(target, &self.programs, self.server_core, more, &self.stop)?;
                let figures = self.act(act, contender, &server)?;
                eprintln!("{}, run {}: done", target.name(), repeat + 1);
                self.report.runs.push(Run { target, repeat, command: server.command.clone(), figures });
            }
        }
        Ok(())
    }

    fn act(&self, act: Act, contender: Contender, server: &Server) -> Result<Figures, BenchError> {
        match act {
            Act::Idle => self.hold(contender, server, Role::Subscriber),
            Act::Events => self.hold(contender, server, Role::Listener),
            Act::Fanout => self.fanout(contender, server),
            Act::Durable => self.durable(server),
            Act::Stress(run) => {
                let (dialect, connections) = (contender.dialect, self.options.connections());
                let duration = Duration::from_secs(self.options.seconds);
                run(Stage { dialect, server, connections, duration, stop: &self.stop }).map(Figures::Stress)
            }
        }
    }

    /// Each part is a program of its own, which starts its own server.
    fn crowd(&mut self, contenders: &[Contender]) -> Result<(), BenchError> {
        let hold = Duration::from_secs(self.options.hold.max(CROWD_HOLD));
        for repeat in 0..self.options.repeats as usize {
            for contender in contenders {
                let target = contender.target;
                let part = crowd::Part { target, shards: self.options.shards, hold };
                let crowd = crowd::run(part, self.options.connections() as u64, &self.stop)?;
                let (figures, command) = (Figures::Crowd(crowd), part.to_string());
                self.report.runs.push(Run { target, repeat, command, figures });
            }
        }
        Ok(())
    }

    fn hold(&self, contender: Contender, server: &Server, role: Role) -> Result<Figures, BenchError> {
        let (connections, hold) = (self.options.connections(), Duration::from_secs(self.options.hold));
        idle::run(contender.dialect, server, role, connections, hold, &self.stop).map(Figures::Idle)
    }

    fn fanout(&self, contender: Contender, server: &Server) -> Result<Figures, BenchError> {
        let seconds = Duration::from_secs(self.options.seconds);
        let mut shapes = self.options.scenario.shapes(self.options.subscribers as usize);
        shapes.retain(|shape| contender.dialect.has_channels() || shape.channels == 1);
        fanout::run(contender.dialect, server, &shapes, seconds, &self.stop).map(Figures::Fanout)
    }

    /// The bound takes its turn after the server, on the same core, while the server has nothing to do.
    fn durable(&self, server: &Server) -> Result<Figures, BenchError> {
        let publishes = self.options.publishes;
        let (publishing, end) = durable::run(server, publishes, &self.stop)?;
        let replay = replay::run(server, &end, &self.stop)?;
        let mut bounds = Vec::new();
        for group in durable::GROUPS {
            self.stop.check()?;
            let count = durable::count(group, publishes);
            bounds.push(bound::run(&self.programs, self.server_core, group, count)?);
        }
        Ok(Figures::Durable(Durable { publishing, replay, bounds }))
    }
}

/// Whether a server can take part: some can only fan out, some have no streams of events.
fn fits(act: Act, contender: Contender) -> bool {
    match act {
        Act::Idle | Act::Stress(_) => contender.dialect.has_channels(),
        Act::Events => contender.dialect.events(0).is_some(),
        Act::Fanout | Act::Durable => true,
    }
}
