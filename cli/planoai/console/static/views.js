// Views of what was added up: traces, signals, cost, guards, providers, configuration.

import { clock, count, duration, fields, h, money, quality, table, verdict } from "./dom.js";
import { ask, known, latest } from "./live.js";
import { fill } from "./trace.js";

const figures = (name) => known.gauges.figures?.[name] ?? [];
const total = (entries) => entries.reduce((sum, entry) => sum + entry.value, 0);
const by = (...names) => (one, other) => names.map((name) => String(one[name]).localeCompare(String(other[name]))).find(Boolean) ?? 0;
const panel = (title, ...children) => h("section", { class: "panel" }, h("h2", null, title), children);
const share = (part, whole) => {
  const bar = h("i");
  bar.style.width = `${whole ? (part / whole) * 100 : 0}%`;
  return h("span", { class: "meter", "aria-hidden": "true" }, bar);
};

/** A view that is made anew from what is known whenever that changes. */
const made = (parts) => () => {
  const root = h("div");
  const update = () => root.replaceChildren(...parts().flat());
  update();
  return { root, update, keys: {} };
};

export function traces() {
  const list = h("div", { class: "panel rows", tabindex: 0, role: "region", "aria-label": "Traces, the latest first" });
  const about = h("div", { class: "panel", id: "about" }, h("p", { class: "nothing" }, "Choose a trace."));
  let found = [];
  let chosen = null;
  let received = null;
  const trouble = h("p", { class: "warn", hidden: true });
  const draw = () => list.replaceChildren(table([
    ["time", (t) => clock(t.at), "nowrap"], ["service", (t) => t.service.replace(/^plano\((.*)\)$/, "$1"), "nowrap second"], ["begins with", (t) => t.name, "wide"],
    ["spans", (t) => count(t.spans), "number second"], ["took", (t) => duration(t.ms), "number"],
    ["", (t) => (t.error ? h("span", { class: "bad" }, t.error) : ""), "wide"],
  ], found, { label: "Traces", empty: "No traces yet. `tracing` in the file, or `planoai up --with-tracing`, brings them.", rows: { of: (t) => ({ "aria-selected": t.trace_id === chosen, onclick: () => open(t.trace_id) }) } }));
  const open = (id) => { chosen = id; draw(); fill(about, id); };
  const move = (step) => {
    const place = found.findIndex((t) => t.trace_id === chosen);
    const next = found[Math.max(0, Math.min(found.length - 1, place + step))];
    if (next) open(next.trace_id);
  };
  const update = async () => {
    const { error, dropped } = known.gauges.collector ?? {};
    trouble.hidden = !(error || dropped);
    trouble.textContent = error ?? `The collector is full: it has dropped ${count(dropped)} of the oldest spans.`;
    const now = known.gauges.collector?.received ?? 0;
    if (now === received) return;
    received = now;
    try { found = await ask("/api/traces"); draw(); } catch (error) { list.replaceChildren(h("p", { class: "nothing" }, error.message)); }
  };
  draw();
  update();
  return { root: h("div", null, trouble, h("div", { class: "split" }, list, about)), update,
    keys: { j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1) } };
}

export const signals = made(() => {
  const types = figures("signals"), qualities = figures("quality");
  const order = ["excellent", "good", "neutral", "poor", "severe"];
  qualities.sort((one, other) => order.indexOf(one.quality) - order.indexOf(other.quality));
  const isBad = (e) => ["poor", "severe"].includes(e.quality) || e.signals?.some((signal) => !signal.startsWith("interaction.satisfaction"));
  const noticed = latest("", 2000).filter(isBad).slice(0, 50);
  return [
    h("div", { class: "columns" },
      panel("How conversations go", table([["quality", (q) => quality(q.quality)], ["exchanges", (q) => count(q.value), "number"],
        ["", (q) => share(q.value, total(qualities))]], qualities)),
      panel("What was noticed", table([["signal", (s) => s.type], ["times", (s) => count(s.value), "number"],
        ["", (s) => share(s.value, total(types))]], [...types].sort((one, other) => other.value - one.value)))),
    panel("Latest that need a look", table([["time", (e) => clock(e.at), "nowrap"], ["quality", (e) => quality(e.quality)],
      ["score", (e) => (e.score === undefined ? "" : String(Math.round(e.score))), "number"], ["model", (e) => e.model ?? "", "wide"],
      ["signals", (e) => e.signals?.map((signal) => h("span", { class: "tag dim" }, signal)) ?? "", "wide"]], noticed, { empty: "None." })),
  ];
});

const sums = (name, title) => {
  const entries = Object.entries(known.gauges.sums?.[name] ?? {}).map(([key, value]) => ({ key, ...value }));
  const whole = entries.reduce((sum, entry) => sum + entry.requests, 0);
  return panel(title, table([
    [name, (e) => e.key, "wide"], ["requests", (e) => count(e.requests), "number"], ["", (e) => share(e.requests, whole), "third"],
    ["errors", (e) => (e.errors ? h("span", { class: "bad" }, count(e.errors)) : "0"), "number"], ["in", (e) => count(e.input_tokens), "number second"],
    ["cached", (e) => count(e.cached_tokens), "number third"], ["out", (e) => count(e.output_tokens), "number second"], ["cost", (e) => money(e.cost), "number"],
    ["p50", (e) => duration(e.p50_ms), "number third"], ["p95", (e) => duration(e.p95_ms), "number second"],
  ], entries, { label: title, empty: NONE[name] }));
};

const NONE = { client: "No request came with a client's key.", agent: "No agent has answered.", route: "No request took a route." };

export const cost = made(() => {
  const tokens = Object.values(figures("tokens").reduce((found, entry) => {
    const key = `${entry.provider}/${entry.model}`;
    found[key] = { ...(found[key] ?? { key }), [entry.kind]: entry.value };
    return found;
  }, {}));
  return [
    h("p", { class: "dim" }, "The first four tables add up the requests that this page has; the last ones count since the gateway began."),
    sums("model", "By model"), sums("client", "By client"), sums("agent", "By agent"), sums("route", "By route"),
    h("div", { class: "columns" },
      panel("Tokens since the start", table([["model", (e) => e.key, "wide"], ["prompt", (e) => count(e.prompt ?? 0), "number"],
        ["cached", (e) => count(e.cache_read ?? 0), "number"], ["completion", (e) => count(e.completion ?? 0), "number"]], tokens)),
      panel("Money since the start", table([["model", (e) => `${e.provider}/${e.model}`, "wide"], ["client", (e) => e.client || ""],
        ["cost", (e) => money(e.value), "number"]], figures("cost"))),
      panel("Budgets and limits", table([["client", (e) => e.client || "anyone"], ["limit", (e) => e.limit], ["outcome", (e) => verdict(e.outcome)],
        ["times", (e) => count(e.value), "number"]], figures("budgets")))),
  ];
});

export const guards = made(() => [
  panel("Verdicts since the start", table([["listener", (e) => e.listener], ["guard", (e) => e.guard], ["verdict", (e) => verdict(e.verdict)],
    ["times", (e) => count(e.value), "number"]], [...figures("guards")].sort(by("listener", "guard", "verdict")))),
  panel("Latest that a guard acted on", table([["time", (e) => clock(e.at), "nowrap"], ["status", (e) => String(e.status ?? ""), "nowrap"], ["listener", (e) => e.listener ?? ""],
    ["client", (e) => e.client ?? ""], ["model", (e) => e.model ?? "", "wide"], ["verdicts", (e) => e.guards.map(verdict), "wide"]],
  latest("", 2000).filter((e) => e.guards?.some((verdict) => !verdict.endsWith(":allow"))).slice(0, 100), { empty: "None." })),
]);

const STANDINGS = { active: "good", suspended: "warn", revoked: "bad" };
const DECISIONS = { EXECUTE: "good", SKIP: "warn", ESCALATE: "warn", INSUFFICIENT_INFORMATION: "warn", ERROR: "bad" };
const until = (seconds) => (seconds ? ` until ${clock(seconds)}` : "");

export const agents = made(() => {
  const found = known.gauges.governance;
  if (!found) return [h("p", { class: "nothing" }, "No agent is governed.")];
  return [
    ...(found.problem ? [h("p", { class: "bad" }, found.problem)] : []),
    panel("Governed agents", table([
      ["agent", (e) => e.agent, "wide"], ["tenant", (e) => e.tenant ?? ""], ["tier", (e) => String(e.tier), "number"],
      ["standing", (e) => h("span", { class: STANDINGS[e.standing] }, e.standing + until(e.until))], ["phase", (e) => e.phase ?? ""],
      ["last seen", (e) => (e.heartbeat ? clock(e.heartbeat) : ""), "nowrap"],
      ["errors", (e) => (e.error_budget === null ? "" : `${e.errors} of ${e.error_budget}`), "nowrap"],
      ["lock", (e) => e.lock?.owner ?? ""], ["reason", (e) => e.reason ?? "", "wide"],
    ], found.agents, { label: "Governed agents" })),
    panel("Ledger, the latest first", table([
      ["time", (e) => clock(e.at), "nowrap"], ["agent", (e) => e.agent], ["tenant", (e) => e.tenant], ["client", (e) => e.client],
      ["action", (e) => e.action, "wide"], ["decision", (e) => h("span", { class: DECISIONS[e.decision] }, e.decision)],
      ["confidence", (e) => (e.confidence === null ? "" : e.confidence.toFixed(2)), "number"], ["model", (e) => e.model, "wide"],
      ["status", (e) => (e.status ? String(e.status) : ""), "number"], ["tokens", (e) => count(e.tokens), "number"],
      ["cost", (e) => money(e.cost), "number"], ["reason", (e) => e.reason, "wide"],
    ], found.ledger, { label: "Ledger" })),
  ];
});

const host = (one) => [
  h("span", { class: one.healthy ? "good" : "bad" }, one.healthy ? "healthy" : one.troubles.join(", ").replaceAll("_", " ") || "not healthy"),
];

export const providers = made(() => {
  const clusters = known.gauges.clusters;
  const cooling = figures("cooling").filter((entry) => entry.value > 0);
  const rows = (clusters ?? []).flatMap((cluster) => cluster.hosts.length
    ? cluster.hosts.map((one) => ({ cluster: cluster.name, ...one })) : [{ cluster: cluster.name, address: "not called yet", healthy: true, troubles: [] }]);
  const serving = known.gauges.config?.serving ?? {};
  const names = (row) => (serving[row.cluster] ?? [row.cluster]).join(", ");
  rows.sort((one, other) => names(one).localeCompare(names(other)));
  const failed = Object.fromEntries(figures("cooldowns").map((entry) => [entry.provider, entry.value]));
  return [
    panel("Providers, as Envoy sees them", clusters ? table([
      ["serves", (e) => h("span", { title: e.cluster }, names(e)), "wide"], ["host", (e) => [e.hostname, e.address].filter(Boolean).join(" "), "wide second"], ["", host],
      ["requests", (e) => count(e.requests), "number"], ["under way", (e) => count(e.active), "number second"], ["errors", (e) => count(e.errors), "number"],
      ["no connection", (e) => count(e.connect_failures), "number second"], ["timeouts", (e) => count(e.timeouts), "number third"],
    ], rows) : h("p", { class: "nothing" }, "Envoy does not answer.")),
    h("div", { class: "columns" },
      panel("Set aside for a while", cooling.length ? table([["provider", (e) => e.provider, "wide"],
        ["times so far", (e) => count(failed[e.provider] ?? 0), "number"]], cooling) : h("p", { class: "nothing" }, "None; all are asked in their order.")),
      panel("Fallbacks", table([["from", (e) => e.from_model, "wide"], ["to", (e) => e.to_model, "wide"], ["because", (e) => e.reason],
        ["times", (e) => count(e.value), "number"]], figures("fallbacks"))),
      panel("The gateway's own time", table([["position", (e) => e.position], ["message", (e) => e.message.replaceAll("_", " ")],
        ["mean", (e) => duration(e.mean_ms), "number"], ["times", (e) => count(e.count), "number"]], figures("phases"))),
      panel("Calls of policies", table([["what", (e) => e.what], ["outcome", (e) => verdict(e.outcome)], ["times", (e) => count(e.value), "number"]], figures("callouts")))),
  ];
});

export const configuration = made(() => {
  const config = known.gauges.config, gateway = known.gauges.gateway;
  if (!config) return [h("p", { class: "nothing" }, "No gateway runs in this home.")];
  const refused = config.last_generation > config.generation;
  return [
    panel("Running", fields([
      ["generation", [String(config.generation), refused ? h("span", { class: "warn" }, ` (${config.last_generation} was tried and refused)`) : ""]],
      ["file", config.file ?? "none: made from the keys in the environment"], ["since", new Date(config.started_at * 1000).toLocaleString()],
      ["home", gateway?.home], ["workers", String(gateway?.workers ?? "")],
    ])),
    h("div", { class: "columns" },
      panel("Listeners", table([["name", (e) => e.name], ["type", (e) => e.type], ["url", (e) => e.url, "wide"],
        ["", (e) => h("span", { class: e.ready ? "good" : "bad" }, e.ready ? "ready" : "not ready")]], gateway?.listeners ?? [])),
      panel("Processes", table([["name", (e) => e.name], ["state", (e) => e.state.toLowerCase()], ["pid", (e) => String(e.pid ?? "")]], gateway?.processes ?? []))),
    panel("What is set", config.shown ? h("pre", { tabindex: 0 }, JSON.stringify(config.shown, null, 2)) : h("p", { class: "nothing" }, config.problem)),
  ];
});
