//! Renders a page again and again on one thread and tells what it takes:
//! `cargo run --release -p veche-ssr --example render -- web/dist/ssr/ssr.js boot.json [RENDERS]`.

use std::{env, error::Error, fs, time::Duration, time::Instant};

use veche_ssr::{Bundle, Settings, Worker};

/// Renders before the clock is started.
const WARM_UP: usize = 20;
/// Long enough for a page that is to be looked at because it is slow.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [bundle, boot, rest @ ..] = &arguments[..] else {
        return Err("usage: render BUNDLE BOOT.json [RENDERS]".into());
    };
    let renders = rest.first().map_or(Ok(200), |count| count.parse::<usize>())?.max(1);
    let (source, boot) = (fs::read_to_string(bundle)?, fs::read_to_string(boot)?);

    let began = Instant::now();
    let bundle = Bundle::compile(&source)?;
    println!(
        "compiled {} KiB to {} KiB in {:.1?}",
        source.len() >> 10,
        bundle.bytes() >> 10,
        began.elapsed()
    );
    let began = Instant::now();
    let worker = Worker::new(&bundle, &Settings::default())?;
    println!("engine made in {:.1?}, {} KiB", began.elapsed(), worker.memory_bytes() >> 10);

    let page = worker.render(&boot, PATIENCE)?;
    println!(
        "page {:?}, status {}: {} KiB of boot, {} KiB of HTML",
        page.route,
        page.status,
        boot.len() >> 10,
        page.body.len() >> 10
    );
    for _ in 0..WARM_UP {
        worker.render(&boot, PATIENCE)?;
    }
    let mut times = Vec::with_capacity(renders);
    let start = Instant::now();
    let processor = processor_time();
    for _ in 0..renders {
        let began = Instant::now();
        worker.render(&boot, PATIENCE)?;
        times.push(began.elapsed());
    }
    let spent =
        processor_time().zip(processor).map_or(start.elapsed(), |(now, then)| now.saturating_sub(then));
    times.sort();
    let part = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "{renders} renders on one thread: {:.2} ms of processor time each; by the clock median {:.2} ms, least {:.2} ms, \
         most {:.2} ms; {} KiB",
        spent.as_secs_f64() * 1e3 / renders as f64,
        part(50),
        part(0),
        part(100),
        worker.memory_bytes() >> 10
    );
    Ok(())
}

/// How long this thread has run, in steps of milliseconds: others who have the processor meanwhile are not counted.
fn processor_time() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
