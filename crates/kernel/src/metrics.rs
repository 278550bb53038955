//! The kernel's metrics: every name in one place, every hot handle made once.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use veche_protocol::{code::ErrorCode, server::Recovery};

/// A node's counters and gauges. Labels are words of ours, never a client's.
pub(crate) struct Metrics {
    /// Text messages from clients.
    pub(crate) received: Counter,
    /// Publications, to whomever.
    pub(crate) publications: Counter,
    /// Publications offered to subscribers' sockets, in batches: one for each write.
    pub(crate) deliveries: Counter,
    /// Publications sent again to returning subscribers.
    pub(crate) replayed: Counter,
    /// Publications that a slow-consumer policy dropped on unpositioned channels.
    pub(crate) dropped: Counter,
    /// Subscriptions that a slow-consumer policy stopped on positioned channels.
    pub(crate) lagged: Counter,
    /// Calls to handlers.
    pub(crate) calls: Counter,
    /// Publications that had to wait for a shard.
    pub(crate) waited: Counter,
    /// Connections that became sessions.
    pub(crate) opened: Counter,
    /// Revocations of credentials.
    pub(crate) revoked: Counter,
    sessions: Gauge,
    channels: Gauge,
    inbox_bytes: Gauge,
}

/// Every metric of the kernel and what it counts; an exporter shows the texts.
const COUNTERS: [(&str, &str); 19] = [
    ("veche_messages_received_total", "Text messages from clients."),
    ("veche_publications_total", "Publications, to whomever."),
    ("veche_deliveries_total", "Writes of a batch to one subscriber."),
    ("veche_replayed_total", "Publications sent again to returning subscribers."),
    ("veche_slow_consumer_dropped_total", "Publications dropped for subscribers that do not read."),
    ("veche_slow_consumer_lagged_total", "Subscriptions stopped because their subscriber does not read."),
    ("veche_calls_total", "Calls to handlers."),
    ("veche_publish_waits_total", "Publications that waited for a shard that was behind."),
    ("veche_sessions_opened_total", "Connections that became sessions."),
    ("veche_revocations_total", "Revocations of credentials."),
    ("veche_sessions_closed_total", "Sessions that ended, by close code."),
    ("veche_refused_total", "What was refused or given up, by reason."),
    ("veche_errors_total", "Error frames to clients, by code."),
    ("veche_subscriptions_total", "Subscriptions, by how they continued from the client's position."),
    ("veche_panics_total", "Panics of the node's own tasks, which go on."),
    ("veche_accept_errors_total", "Failures to accept a connection."),
    ("veche_key_readings_total", "Readings of the URL of tokens' keys, by outcome."),
    ("veche_api_operations_total", "Operations of back ends' keys, by operation and outcome."),
    ("veche_http_refused_total", "Handshakes and requests refused, by status."),
];

const GAUGES: [(&str, &str); 3] = [
    ("veche_sessions", "Sessions now."),
    ("veche_channels", "Channels that somebody here is interested in."),
    ("veche_inbox_bytes", "Bytes of publications that wait in the shards' inboxes."),
];

impl Metrics {
    pub(crate) fn new() -> Self {
        for (name, what) in COUNTERS {
            describe_counter!(name, what);
        }
        for (name, what) in GAUGES {
            describe_gauge!(name, what);
        }
        Self {
            received: counter!("veche_messages_received_total"),
            publications: counter!("veche_publications_total"),
            deliveries: counter!("veche_deliveries_total"),
            replayed: counter!("veche_replayed_total"),
            dropped: counter!("veche_slow_consumer_dropped_total"),
            lagged: counter!("veche_slow_consumer_lagged_total"),
            calls: counter!("veche_calls_total"),
            waited: counter!("veche_publish_waits_total"),
            opened: counter!("veche_sessions_opened_total"),
            revoked: counter!("veche_revocations_total"),
            sessions: gauge!("veche_sessions"),
            channels: gauge!("veche_channels"),
            inbox_bytes: gauge!("veche_inbox_bytes"),
        }
    }

    /// A session ended. Codes outside of ours are a client's own and are counted together.
    pub(crate) fn closed(&self, code: u16) {
        let code = match code {
            1000..=1015 | 3000 | 3001 | 3005 | 3008 | 3010 | 3500..=3504 => code.to_string(),
            _ => "other".to_owned(),
        };
        counter!("veche_sessions_closed_total", "code" => code).increment(1);
    }

    /// Something was refused or given up, for this reason.
    pub(crate) fn refused(&self, reason: &'static str) {
        counter!("veche_refused_total", "reason" => reason).increment(1);
    }

    /// A task of the node itself panicked, and was taken up again.
    pub(crate) fn panicked(&self, task: &'static str) {
        tracing::error!(task, "a task of the node panicked and goes on");
        counter!("veche_panics_total", "task" => task).increment(1);
    }

    /// An `error` frame was sent.
    pub(crate) fn errors(&self, code: ErrorCode) {
        counter!("veche_errors_total", "code" => code.as_str()).increment(1);
    }

    /// A subscription was settled in this way.
    pub(crate) fn recovered(&self, recovery: Recovery) {
        let (how, reason) = match recovery {
            Recovery::Fresh => ("fresh", ""),
            Recovery::UpToDate => ("up_to_date", ""),
            Recovery::Replay => ("replay", ""),
            Recovery::Reset(reason) => ("reset", reason.as_str()),
        };
        counter!("veche_subscriptions_total", "recovery" => how, "reason" => reason).increment(1);
    }

    pub(crate) fn gauges(&self, sessions: usize, channels: usize, inbox_bytes: usize) {
        self.sessions.set(sessions as f64);
        self.channels.set(channels as f64);
        self.inbox_bytes.set(inbox_bytes as f64);
    }
}
