// Tells clients of Veche, from any back end in Node. There is nothing to install: Node has `fetch`.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const url = process.env.VECHE_URL ?? "http://localhost:3000";
const key = process.env.VECHE_KEY ?? "";
const ATTEMPTS = 5;

/** Tells all of a user's devices; those that are away hear of it when they come back. */
export function sendToUser(userId, event) {
  return sendToChannel(`user:${userId}`, event);
}

/** Tells everybody who is subscribed to a channel. The answer has the event's position there. */
export async function sendToChannel(channel, { type, data }) {
  // One name for all attempts: if an answer is lost, the next attempt does not publish again.
  const body = JSON.stringify({ channel, event: type, data, op_id: randomUUID() });
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await post("/api/v1/publish", body);
    if (!outcome.again || attempt === ATTEMPTS) return settled(outcome);
    await pause(outcome.after);
  }
}

async function post(path, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  try {
    const response = await fetch(url + path, { method: "POST", headers, body });
    const again = response.status === 429 || response.status >= 500;
    const after = Number(response.headers.get("retry-after") ?? 1) * 1000;
    return { answer: await response.json(), ok: response.ok, again, after };
  } catch (error) {
    return { error, ok: false, again: true, after: 1000 };
  }
}

function settled({ answer, error, ok }) {
  if (ok) return answer;
  if (error) throw error;
  const { code, message, field } = answer.error;
  throw new Error(`Veche refused (${code}${field ? `, ${field}` : ""}): ${message}`);
}
