// The live list of requests, and what is known of one.

import { clock, count, duration, fields, h, money, quality, statusClass, table, verdict } from "./dom.js";
import { known, latest } from "./live.js";
import { fill } from "./trace.js";

const COLUMNS = [
  ["time", (e) => clock(e.at), "nowrap"],
  ["status", (e) => h("span", { class: statusClass(e.status) }, String(e.status ?? "–")), "nowrap"],
  ["listener", (e) => e.listener ?? "", "short third"],
  ["route", (e) => e.route ?? "", "short second"],
  ["agent", (e) => agents(e), "short"],
  ["model", (e) => e.model ?? (e.agent ? "" : e.path ?? ""), "wide"],
  ["because", (e) => failure(e) || (e.reason ?? ""), "wide third"],
  ["tokens", (e) => (e.input_tokens || e.output_tokens ? `${count(e.input_tokens ?? 0)} → ${count(e.output_tokens ?? 0)}` : ""), "number second"],
  ["cost", (e) => money(e.cost), "number second"],
  ["took", (e) => duration(e.duration_ms), "number"],
  ["quality", (e) => quality(e.quality), "nowrap third"],
];

function agents(e) { return (e.agent ?? "").replaceAll(",", ", "); }

/** What went wrong in the gateway or on the way to a provider, in words. */
function failure(e) {
  if (!(e.status >= 400 || e.status === 0) || !e.details || e.details === "via_upstream") return "";
  return e.details.replace(/^plano_/, "").replace(/\{.*/, "").replaceAll("_", " ");
}

function nothing() {
  if (state.filter) return "No request has these words.";
  const listener = known.gauges.gateway?.listeners?.[0];
  return listener ? `No requests yet. Send one to ${listener.url}, or from the playground (8).` : "No requests yet.";
}

export const state = { filter: "", chosen: null, opened: null };
let shown = [];
let frozen = null;

export function view() {
  const list = h("div", { class: "panel rows", id: "rows", tabindex: 0, role: "region", "aria-label": "Requests, the latest first" });
  const about = h("div", { class: "panel", id: "about", hidden: true });
  const search = h("input", {
    type: "search", id: "filter", placeholder: "filter: words of any column", "aria-label": "Filter", value: state.filter,
    oninput: (event) => { state.filter = event.target.value; frozen = null; update(); },
  });
  const pause = h("button", { type: "button", id: "pause", onclick: () => { toggle(); } }, "Pause");
  const root = h("div", null, h("div", { class: "bar" }, search, pause), h("div", { class: "split" }, list, about));
  const toggle = () => {
    known.paused = !known.paused;
    frozen = known.paused ? shown : null;
    pause.textContent = known.paused ? "Go on" : "Pause";
    update();
  };
  const update = () => {
    shown = frozen ?? latest(state.filter);
    const rows = table(COLUMNS, shown, { label: "Requests", empty: nothing(), rows: { of: (e) => ({
      "aria-selected": e.id === state.chosen, onclick: () => { state.chosen = e.id; open(); update(); },
    }) } });
    list.replaceChildren(rows);
    list.classList.toggle("only", about.hidden);
  };
  const move = (step) => {
    const place = shown.findIndex((e) => e.id === state.chosen);
    state.chosen = shown[Math.max(0, Math.min(shown.length - 1, place + step))]?.id ?? null;
    update();
    list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
    if (!about.hidden) open();
  };
  const open = () => {
    const exchange = known.exchanges.get(state.chosen);
    about.hidden = !exchange;
    state.opened = exchange ? exchange.id : null;
    if (exchange) describe(about, exchange);
    // Where there is no room beside the list, it is below.
    if (exchange && about.offsetTop > list.offsetTop) about.scrollIntoView({ block: "nearest" });
  };
  if (state.opened) { state.chosen = state.opened; open(); }
  update();
  return {
    root, update,
    keys: { j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), Enter: () => { open(); update(); },
      Escape: () => { about.hidden = true; state.opened = null; update(); }, "/": () => search.focus(), p: toggle },
  };
}

function describe(about, exchange) {
  const e = exchange;
  const trace = h("div", null, e.trace_id ? h("p", { class: "dim" }, "…") : h("p", { class: "nothing" }, "Not traced."));
  const facts = fields([
    ["request", e.request_id], ["status", [h("span", { class: statusClass(e.status) }, String(e.status ?? "no answer")), e.details && e.details !== "via_upstream" ? ` ${e.details} ${e.flags ?? ""}` : ""]],
    ["path", e.path && `${e.method ?? ""} ${e.path}`], ["client", [e.client ?? "", e.address ? ` ${e.address}` : ""].join("").trim()],
    ["route", e.route], ["because", e.reason], [(e.agent ?? "").includes(",") ? "agents" : "agent", agents(e)], ["model", e.model], ["upstream", e.upstream],
    ["dialects", e.client_api && (e.provider_api && e.provider_api !== e.client_api ? `${e.client_api} ↔ ${e.provider_api}` : e.client_api)],
    ["way", e.way], ["attempts", e.attempts > 1 ? `${e.attempts}` : ""],
    ["time", `${duration(e.duration_ms)}${e.first_byte_ms !== undefined ? `, first byte after ${duration(e.first_byte_ms)}` : ""}${e.overhead_ms !== undefined ? `, ${duration(e.overhead_ms)} of it ours` : ""}`],
    ["tokens", e.input_tokens !== undefined || e.output_tokens !== undefined ? `${count(e.input_tokens ?? 0)} in${e.cached_tokens ? ` (${count(e.cached_tokens)} cached)` : ""}, ${count(e.output_tokens ?? 0)} out` : ""],
    ["cost", money(e.cost)], ["guards", e.guards?.map(verdict)],
    ["conversation", e.quality && [quality(e.quality), e.score !== undefined ? ` ${Math.round(e.score)} of 100` : ""]],
    ["signals", e.signals?.map((signal) => h("span", { class: "tag dim" }, signal))],
  ]);
  about.replaceChildren(h("h2", null, e.model ?? (agents(e) || e.path) ?? "Request"), facts, h("h3", null, "Trace"), trace);
  if (e.trace_id) fill(trace, e.trace_id);
}
