import { m } from '../../paraglide/messages.js';

const WORDS: Record<string, () => string> = {
  bad_request: m.error_bad_request,
  conflict: m.error_conflict,
  forbidden: m.error_forbidden,
  full: m.error_full,
  gone: m.error_gone,
  internal: m.error_internal,
  link_ended: m.error_link_ended,
  list_gone: m.error_list_gone,
  discarded: m.error_discarded,
  not_found: m.error_not_found,
  offline: m.error_offline,
  outbox_full: m.error_outbox_full,
  rate_limited: m.error_rate_limited,
  timeout: m.error_timeout,
  too_large: m.error_too_large,
  unauthorized: m.error_unauthorized,
  unavailable: m.error_unavailable,
  wrong_credentials: m.error_wrong_credentials,
};

/** A sentence in the reader's language for the code of a refusal; codes that nobody translated are shown as they are. */
export function errorText(code: string): string {
  return WORDS[code]?.() ?? m.error_other({ code });
}
