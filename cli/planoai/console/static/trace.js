// One trace as a waterfall.

import { ask } from "./live.js";
import { duration, fields, h } from "./dom.js";

const plain = (value) => {
  if (value.arrayValue) return value.arrayValue.values.map(plain).join(", ");
  if (value.kvlistValue) return JSON.stringify(value.kvlistValue.values.map((item) => [item.key, plain(item.value)]));
  return String(Object.values(value)[0] ?? "");
};
const attributes = (entries) => entries.map((entry) => [entry.key, plain(entry.value)]);
const start = (span) => Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000;
const end = (span) => Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000;

/** Spans by their parents: [span, depth], children after their parent by time; lost and circular parents are roots. */
export function inOrder(spans) {
  const byTime = [...spans].sort((one, other) => start(one) - start(other));
  const ids = new Set(spans.map((span) => span.spanId));
  const children = Map.groupBy ? Map.groupBy(byTime, (span) => span.parentSpanId) : grouped(byTime);
  const placed = new Set();
  const found = [];
  const hang = (span, depth) => {
    if (placed.has(span.spanId)) return;
    placed.add(span.spanId);
    found.push([span, depth]);
    for (const child of children.get(span.spanId) ?? []) hang(child, depth + 1);
  };
  for (const span of byTime) if (!ids.has(span.parentSpanId)) hang(span, 0);
  for (const span of byTime) hang(span, 0);
  return found;
}

function grouped(spans) {
  const found = new Map();
  for (const span of spans) found.set(span.parentSpanId, [...(found.get(span.parentSpanId) ?? []), span]);
  return found;
}

const brief = (service) => service.replace(/^plano\((.*)\)$/, "$1");
const shortly = (name) => name.replace(/^async envoy\.service\.ext_proc\S+ \S+$/, "asks the sidecar");

const failed = (span) => {
  const status = span.attributes.find((entry) => entry.key === "http.status_code");
  return span.status.code === "error" || Number(status ? plain(status.value) : 0) >= 400;
};

export function waterfall(spans) {
  const ordered = inOrder(spans);
  const begin = Math.min(...spans.map(start));
  const whole = Math.max(...spans.map(end)) - begin || 1;
  const about = h("div", { class: "about" });
  let chosen = 0;
  const show = (index) => {
    chosen = Math.max(0, Math.min(ordered.length - 1, index));
    rows.forEach((row, place) => row.setAttribute("aria-selected", place === chosen));
    const span = ordered[chosen][0];
    about.replaceChildren(h("h3", null, `${span.service} · ${span.name}`), describe(span, begin));
  };
  const rows = ordered.map(([span, depth], index) => {
    const bar = h("i");
    bar.style.left = `${((start(span) - begin) / whole) * 100}%`;
    bar.style.width = `${((end(span) - start(span)) / whole) * 100}%`;
    const events = span.events.map((event) => {
      const mark = h("b", { title: event.name });
      mark.style.left = `${((Number(BigInt(event.timeUnixNano) / 1000n) / 1000 - begin) / whole) * 100}%`;
      return mark;
    });
    const name = h("span", { class: "name", title: `${span.service} ${span.name}` }, h("span", { class: "dim" }, `${brief(span.service)} `), shortly(span.name));
    name.style.paddingLeft = `${depth * 0.9}rem`;
    const kind = failed(span) ? " bad" : span.attributes.some((entry) => entry.key === "llm.model") ? " model" : "";
    return h("div", { class: `span${kind}`, role: "option", id: `span-${index}`, onclick: () => show(index) },
      name, h("span", { class: "lane" }, bar, events), h("span", { class: "took" }, duration(end(span) - start(span))));
  });
  const list = h("div", {
    role: "listbox", tabindex: 0, "aria-label": "Spans", class: "spans",
    onkeydown: (event) => {
      const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      show(chosen + step);
      rows[chosen].scrollIntoView({ block: "nearest" });
      list.setAttribute("aria-activedescendant", rows[chosen].id);
    },
  }, rows);
  show(0);
  return h("div", { class: "waterfall" }, h("p", { class: "dim" }, `${spans[0].traceId} · ${spans.length} spans · ${duration(whole)}`), list, about);
}

function describe(span, begin) {
  const events = span.events.map((event) => [
    `• ${event.name}`, `at ${duration(Number(BigInt(event.timeUnixNano) / 1000n) / 1000 - begin)} ${attributes(event.attributes).map(([key, value]) => `${key}=${value}`).join(", ")}`,
  ]);
  const links = span.links.map((link) => ["→ linked to", `${link.traceId} ${link.spanId}`]);
  const status = span.status.code === "unset" ? [] : [["status", `${span.status.code} ${span.status.message}`.trim()]];
  return fields([...status, ...attributes(span.attributes).filter(([key]) => key !== "service.name.override").sort(), ...events, ...links]);
}

/** Fill an element with a trace by its id, or with what went wrong. */
export async function fill(element, traceId) {
  try {
    element.replaceChildren(waterfall(await ask(`/api/traces/${traceId}`)));
  } catch (error) {
    element.replaceChildren(h("p", { class: "nothing" }, error.message));
  }
}
