// What the page knows: exchanges and gauges as the server tells them, and questions to it.

export const token = new URLSearchParams(location.search).get("token") ?? "";

export const known = { exchanges: new Map(), gauges: {}, connected: false, ended: false, paused: false };

export const KEPT = 2000;
const listeners = new Set();
let due = false;

/** Call back after something has changed, at most once a frame. */
export const watch = (listener) => listeners.add(listener);

export function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    for (const listener of listeners) listener();
  });
}

export function connect() {
  const source = new EventSource(`/api/events?token=${encodeURIComponent(token)}`);
  source.addEventListener("open", () => { known.connected = true; changed(); });
  // The browser tries again by itself, and is told what it has missed, unless the token is of another console.
  source.addEventListener("error", () => { known.connected = false; known.ended = source.readyState === EventSource.CLOSED; changed(); });
  source.addEventListener("exchanges", (event) => {
    for (const exchange of JSON.parse(event.data)) {
      known.exchanges.delete(exchange.id);
      known.exchanges.set(exchange.id, exchange);
    }
    for (const id of known.exchanges.keys()) {
      if (known.exchanges.size <= KEPT) break;
      known.exchanges.delete(id);
    }
    changed();
  });
  source.addEventListener("gauges", (event) => { Object.assign(known.gauges, JSON.parse(event.data)); changed(); });
}

export async function ask(path, body) {
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "x-console-token": token, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error ?? `status ${answer.status}`);
  return found;
}

/** Send a body and yield the lines of the answer, each a JSON value, as they come. */
export async function* lines(path, body, signal) {
  const answer = await fetch(path, {
    method: "POST", signal, headers: { "x-console-token": token, "content-type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.json()).error ?? `status ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

/** The exchanges, the latest first; those that have all the words of a filter. */
export function latest(filter = "", most = 200) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...known.exchanges.values()].sort((one, other) => other.at - one.at);
  const wanted = (exchange) => {
    const text = Object.values(exchange).join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return (words.length ? found.filter(wanted) : found).slice(0, most);
}
