// The page: views, keys, the line at its head.

import { count, h, money } from "./dom.js";
import { KEPT, connect, known, watch } from "./live.js";
import * as playground from "./playground.js";
import * as requests from "./requests.js";
import { agents, configuration, cost, guards, providers, signals, traces } from "./views.js";

const VIEWS = [
  ["requests", "Requests", requests.view], ["traces", "Traces", traces], ["signals", "Signals", signals], ["cost", "Cost", cost],
  ["guards", "Guards", guards], ["providers", "Providers", providers], ["configuration", "Configuration", configuration],
  ["playground", "Playground", playground.view], ["agents", "Agents", agents],
];
const view = document.getElementById("view"), nav = document.querySelector("nav"), dialog = document.getElementById("keys");
let current = null;

function go() {
  const name = location.hash.slice(1) || "requests";
  const [id, title, make] = VIEWS.find(([id]) => id === name) ?? VIEWS[0];
  current = make();
  document.title = `${title} · Plano console`;
  view.replaceChildren(h("h2", { class: "hidden" }, title), current.root);
  for (const link of nav.children) {
    if (link.hash === `#${id}`) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}

function head() {
  const gateway = known.gauges.gateway, config = known.gauges.config, words = [];
  if (known.ended) words.push(h("span", { class: "bad" }, "this console has ended; open the address of the one that runs"));
  else if (!known.connected && gateway) words.push(h("span", { class: "bad" }, "no connection to the console; trying again…"));
  else if (!gateway) words.push("connecting…");
  else if (!gateway.running) words.push(h("span", { class: "warn" }, `no gateway runs in ${gateway.home}`));
  else words.push(h("span", { class: gateway.ready ? "good" : "warn" }, gateway.ready ? "ready" : "not ready"), config ? `, generation ${config.generation}` : "");
  document.getElementById("gateway").replaceChildren(...words);
  const all = [...known.exchanges.values()], sum = (name) => all.reduce((total, e) => total + (e[name] ?? 0), 0);
  const costs = all.some((e) => e.cost !== undefined && e.cost !== null);
  const totals = [[all.length < KEPT ? "requests" : "latest requests", count(all.length)], ["errors", count(all.filter((e) => e.status >= 400).length)],
    ["tokens", count(sum("input_tokens") + sum("output_tokens"))], ["cost", costs ? money(sum("cost")) : "–"]];
  document.getElementById("totals").replaceChildren(...totals.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

function theme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("plano-theme", root.dataset.theme);
}

function pressed(event) {
  if (event.metaKey || event.altKey || dialog.open) return;
  const inField = event.target.matches("input, textarea, select");
  const name = event.ctrlKey ? `Control+${event.key}` : event.key;
  if (inField && name === "Escape") { event.target.blur(); return; }
  if ((inField || event.ctrlKey) && name !== "Control+Enter") return;
  if (event.target.matches("button, a") && name === "Enter") return;
  const number = Number(name);
  const act = current.keys[name] ?? { "?": () => dialog.showModal(), t: theme }[name]
    ?? (VIEWS[number - 1] && (() => { location.hash = VIEWS[number - 1][0]; }));
  if (act) { event.preventDefault(); act(); }
}

const stored = localStorage.getItem("plano-theme");
if (stored === "dark" || stored === "light") document.documentElement.dataset.theme = stored;
nav.append(...VIEWS.map(([id, title], index) => h("a", { href: `#${id}` }, title, h("kbd", { "aria-hidden": "true" }, String(index + 1)))));
document.getElementById("theme").addEventListener("click", theme);
document.getElementById("help").addEventListener("click", () => dialog.showModal());
addEventListener("hashchange", go);
addEventListener("keydown", pressed);
watch(() => { head(); if (!known.paused || current.always) current.update(); });
connect();
go();
head();
