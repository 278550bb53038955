//! The threads that render, and the queue before them.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    bytecode::Bundle,
    engine::{Rendered, Worker},
    error::RenderError,
    settings::Settings,
};

/// Beyond the bundle's own stack: what QuickJS uses before it looks, and ours.
const STACK_MARGIN: usize = 1 << 20;

/// Renders on threads of its own. Clones share them; they end with the last clone.
#[derive(Clone)]
pub struct Renderer {
    queue: SyncSender<Job>,
    deadline: Duration,
}

struct Job {
    boot: String,
    asked: Instant,
    answer: oneshot::Sender<Result<Rendered, RenderError>>,
}

impl Renderer {
    /// Makes the first engine here, so that a bundle that cannot run is told at once, then starts the threads.
    pub fn start(bundle: Bundle, settings: Settings) -> Result<Self, RenderError> {
        Worker::new(&bundle, &settings)?;
        let (queue, jobs) = sync_channel(settings.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let (bundle, deadline) = (Arc::new(bundle), settings.deadline);
        for number in 0..settings.threads.get() {
            let (bundle, settings, jobs) = (bundle.clone(), settings.clone(), jobs.clone());
            thread::Builder::new()
                .name(format!("ssr-{number}"))
                .stack_size(settings.stack_bytes + STACK_MARGIN)
                .spawn(move || work(&bundle, &settings, &jobs))
                .map_err(|error| RenderError::Engine(error.to_string()))?;
        }
        Ok(Self { queue, deadline })
    }

    /// What the bundle makes of this text. It is answered within the deadline, whatever the bundle does.
    pub async fn render(&self, boot: String) -> Result<Rendered, RenderError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { boot, asked: Instant::now(), answer };
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => RenderError::Busy,
            TrySendError::Disconnected(_) => RenderError::Engine("its threads have ended".to_owned()),
        })?;
        match tokio::time::timeout(self.deadline, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(RenderError::Engine("its thread has ended".to_owned())),
            Err(_) => Err(RenderError::Late),
        }
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// One thread: takes jobs until nobody can ask any more.
fn work(bundle: &Bundle, settings: &Settings, jobs: &Mutex<Receiver<Job>>) {
    let mut engine = None;
    let mut renders = 0;
    loop {
        if engine.is_none() {
            (engine, renders) = (Some(Worker::new(bundle, settings)), 0);
        }
        // Held while it waits: the others wait for the lock instead, and one of them is woken for each job.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { boot, asked, answer }) = job else { return };
        let left = settings.deadline.saturating_sub(asked.elapsed());
        if answer.is_closed() || left.is_zero() {
            // Whoever asked has given up, or is about to.
            let _ = answer.send(Err(RenderError::Late));
            continue;
        }
        let outcome = match &engine {
            Some(Ok(worker)) => worker.render(&boot, left),
            Some(Err(error)) => Err(error.clone()),
            None => continue,
        };
        renders += 1;
        let spent = outcome.is_err() || renders >= settings.renders_per_engine;
        // Whoever asked may have given up meanwhile.
        let _ = answer.send(outcome);
        if spent {
            // After the answer, which shall not wait for a new engine.
            engine = None;
        }
    }
}
