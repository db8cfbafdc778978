// Elements, and how figures are written.

/** Make an element. `on…` attributes are listeners; null, undefined and false leave an attribute or a child out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("aria-") && typeof value === "boolean") { element.setAttribute(name, String(value)); continue; }
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

export const count = (value) => (value === null || value === undefined ? "" : Number(value).toLocaleString("en"));

export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function money(dollars) {
  if (dollars === null || dollars === undefined) return "";
  if (dollars === 0) return "$0";
  return dollars < 0.01 ? `$${dollars.toFixed(6)}` : `$${dollars.toFixed(dollars < 1 ? 4 : 2)}`;
}

const QUALITIES = { excellent: "good", good: "good", neutral: "dim", poor: "warn", severe: "bad" };
const VERDICTS = { allow: "good", pass: "good", passed: "good", clean: "good", redact: "warn", redacted: "warn", block: "bad", blocked: "bad", error: "bad" };

export const statusClass = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");
export const quality = (word) => (word ? h("span", { class: QUALITIES[word] ?? "dim" }, word) : "");
export const verdict = (word) => h("span", { class: `tag ${VERDICTS[String(word).split(":").pop()] ?? "dim"}` }, word);

/** A table: columns are [title, cell of an entry, class]; a column without a value anywhere is left out. Those of class
 * `second` go where there is little room, those of class `third` before them. `empty` is said where there is no entry. */
export function table(columns, entries, { label, rows = {}, empty = "Nothing yet." } = {}) {
  if (!entries.length) return h("p", { class: "nothing" }, empty);
  const cells = entries.map((entry) => columns.map(([, cell]) => cell(entry)));
  const used = columns.map((_, index) => cells.some((row) => row[index] !== "" && row[index] !== null && row[index] !== undefined));
  const head = columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title));
  return h("table", { "aria-label": label },
    h("thead", null, h("tr", null, head.filter((_, index) => used[index]))),
    h("tbody", null, cells.map((row, number) => h("tr", rows.of ? rows.of(entries[number]) : null,
      row.map((cell, index) => used[index] && h("td", { class: columns[index][2] }, cell ?? ""))))));
}

export const fields = (pairs) => h("dl", { class: "fields" },
  pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
