// The entries of accounts, as the pages use them.

import { m } from '../paraglide/messages.js';
import { errorText } from '../lib/i18n/errors';

/** A refusal in words, with the field that it is about. */
export interface Refusal {
  code: string;
  text: string;
  field?: string;
}

interface ErrorBody {
  error?: { code?: string; message?: string; field?: string };
}

/** Sends a form; `null` is success. */
export async function send(entry: string, body: unknown): Promise<Refusal | null> {
  let answer: Response;
  try {
    answer = await fetch(`/api/people/${entry}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    // To its end: a page that leaves before would break the answer off.
    const text = await answer.text();
    return answer.ok ? null : refusalOf(answer, text);
  } catch {
    return { code: 'unavailable', text: errorText('unavailable') };
  }
}

function refusalOf(answer: Response, text: string): Refusal {
  const { error } = parse(text);
  const code = error?.code ?? 'unavailable';
  const seconds = Number(answer.headers.get('retry-after'));
  if (code === 'rate_limited' && seconds > 0) return { code, text: m.error_wait({ count: Math.ceil(seconds / 60) }) };
  const field = error?.field;
  if (code === 'bad_request') return { code, text: fieldText(field), ...(field && { field }) };
  return { code, text: errorText(code) };
}

function parse(text: string): ErrorBody {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return {};
  }
}

function fieldText(field: string | undefined): string {
  if (field === 'email') return m.bad_email();
  if (field === 'password' || field === 'new') return m.bad_password();
  return field === 'name' ? m.bad_name() : errorText('bad_request');
}

export interface DemoUser {
  id: string;
  name: string;
}

/** The demonstration's users; none where there is no demonstration. */
export async function demoUsers(): Promise<DemoUser[]> {
  try {
    const answer = await fetch('/api/people/demo-sign-in');
    if (!answer.ok) return [];
    const { users } = (await answer.json()) as { users: DemoUser[] };
    return users;
  } catch {
    return [];
  }
}

/** Where to go on after signing in: a path of this site, whatever the query says. */
export function nextOf(query: Record<string, string>): string {
  const next = query.next ?? '/';
  return /^\/(?![/\\])/.test(next) && !/[\u0000-\u001f]/.test(next) ? next : '/';
}
