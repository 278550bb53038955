//! The audit log: a line for each operation of a key, without its payload.

use metrics::counter;
use veche_kernel::Rejection;

use super::KeyId;

/// The target of the lines.
const TARGET: &str = "audit";

/// Writes the line, and counts. `subject` is the channel or the user that it was about; names are checked
/// before they come here, and what is none is not written.
pub(super) fn line<T>(key: &KeyId, operation: &'static str, subject: &str, outcome: &Result<T, Rejection>) {
    let outcome = outcome.as_ref().map_or_else(|rejection| rejection.code().as_str(), |_| "ok");
    counter!("veche_api_operations_total", "operation" => operation, "outcome" => outcome).increment(1);
    tracing::info!(target: TARGET, key = %key, op = operation, subject, outcome);
}
