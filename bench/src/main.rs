//! Measures Veche beside its bounds and peers: memory and CPU of the server, with loss and order always
//! checked. A person runs it and reads the table; it is no test.
//!
//! `cargo run --release -p veche-bench -- [idle|events|fanout|bare|durable|socketio|all]`; docs/benchmarks.md says
//! what the figures mean. It knows the servers only by their wire: nothing of the server's code is used here.

mod bound;
mod build;
mod dialect;
mod durable;
mod durable_table;
mod error;
mod fanout;
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
    scenario::Scenario,
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
    /// Idle connections.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
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
    let contenders = scenario.contenders(&options.against)?;
    let targets: Vec<_> = contenders.iter().map(|contender| contender.target).collect();
    let with_bound = scenario == Scenario::Durable;
    let mut bench = Bench {
        options,
        programs: build::servers(&targets, with_bound, options.no_build)?,
        report: Report {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            machine: Machine::look()?,
            door: scenario.door(),
            settings: process::settings(),
            more_settings: scenario.more_settings(),
            repeats: options.repeats as usize,
            windows: scenario.windows(),
            runs: Vec::new(),
        },
        server_core: machine::take_cores()?,
        stop,
    };
    machine::take_descriptors(options.connections.max(options.subscribers) as usize)?;
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

/// One call of this program.
struct Bench<'a> {
    options: &'a Options,
    programs: PathBuf,
    server_core: usize,
    stop: Stop,
    report: Report,
}

impl Bench<'_> {
    fn measure(&mut self, contenders: &[Contender]) -> Result<(), BenchError> {
        let only = |has: fn(Contender) -> bool| contenders.iter().copied().filter(|it| has(*it)).collect();
        let joinable: Vec<_> = only(|contender| contender.dialect.path().is_some());
        let streaming: Vec<_> = only(|contender| contender.dialect.events(0).is_some());
        let scenario = self.options.scenario;
        if scenario.has_idle() {
            self.alternate(&joinable, Self::idle)?;
        }
        if scenario.has_events() {
            self.alternate(&streaming, Self::events)?;
        }
        if scenario == Scenario::Durable {
            self.alternate(contenders, Self::durable)?;
        }
        if scenario.has_fanout() {
            self.alternate(contenders, Self::fanout)?;
        }
        Ok(())
    }

    /// Measures each server in turn, and all of them again for each repeat, so that a disturbance of
    /// the machine does not meet one of them alone.
    fn alternate(
        &mut self,
        contenders: &[Contender],
        scenario: fn(&Self, Contender, &Server) -> Result<Figures, BenchError>,
    ) -> Result<(), BenchError> {
        for repeat in 0..self.options.repeats as usize {
            for &contender in contenders {
                self.stop.check()?;
                let target = contender.target;
                let more = self.report.more_settings;
                let server = Server::start(target, &self.programs, self.server_core, more, &self.stop)?;
                let figures = scenario(self, contender, &server)?;
                eprintln!("{}, run {}: done", target.name(), repeat + 1);
                self.report.runs.push(Run { target, repeat, command: server.command.clone(), figures });
            }
        }
        Ok(())
    }

    fn idle(&self, contender: Contender, server: &Server) -> Result<Figures, BenchError> {
        self.hold(contender, server, Role::Subscriber)
    }

    fn events(&self, contender: Contender, server: &Server) -> Result<Figures, BenchError> {
        self.hold(contender, server, Role::Listener)
    }

    fn hold(&self, contender: Contender, server: &Server, role: Role) -> Result<Figures, BenchError> {
        let (connections, hold) = (self.options.connections as usize, Duration::from_secs(self.options.hold));
        idle::run(contender.dialect, server, role, connections, hold, &self.stop).map(Figures::Idle)
    }

    fn fanout(&self, contender: Contender, server: &Server) -> Result<Figures, BenchError> {
        let (subscribers, seconds) =
            (self.options.subscribers as usize, Duration::from_secs(self.options.seconds));
        fanout::run(contender.dialect, server, subscribers, self.report.windows, seconds, &self.stop)
            .map(Figures::Fanout)
    }

    /// The bound takes its turn after the server, on the same core, while the server has nothing to do.
    fn durable(&self, _: Contender, server: &Server) -> Result<Figures, BenchError> {
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
