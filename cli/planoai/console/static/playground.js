// A prompt to any listener, and how it was decided.

import { duration, fields, h, statusClass } from "./dom.js";
import { ask, known, lines } from "./live.js";
import { fill } from "./trace.js";

const APIS = [["openai.chat", "OpenAI chat completions"], ["anthropic.messages", "Anthropic messages"], ["openai.responses", "OpenAI responses"],
  ["gemini.generate", "Gemini generateContent"]];
const kept = { listener: "", api: "openai.chat", model: "", system: "", prompt: "", stream: true };

export function view() {
  const bound = (name, more) => ({ ...more, id: `ask-${name}`, value: kept[name], oninput: (event) => { kept[name] = event.target.value; } });
  const listener = h("select", bound("listener", { onchange: (event) => { kept.listener = event.target.value; } }));
  const models = h("datalist", { id: "models" });
  const prompt = h("textarea", bound("prompt", { required: true, placeholder: "What would you like to know?" }));
  const key = h("input", { id: "ask-key", type: "password", autocomplete: "off", placeholder: "if the listener asks for one" });
  const api = h("select", { id: "ask-api", onchange: (event) => { kept.api = event.target.value; } },
    APIS.map(([value, title]) => h("option", { value, selected: value === kept.api }, title)));
  const stream = h("input", { type: "checkbox", id: "ask-stream", checked: kept.stream, onchange: (event) => { kept.stream = event.target.checked; } });
  const decided = h("div", { class: "panel", id: "decided", "aria-live": "polite" }, h("p", { class: "nothing" }, "How it is decided shows here."));
  const answered = h("div", { class: "panel", id: "answered", "aria-live": "polite" }, h("p", { class: "nothing" }, "The answer shows here."));
  const form = h("form", { class: "ask panel", onsubmit: (event) => { event.preventDefault(); send(); } },
    h("div", { class: "line" },
      h("label", null, "listener", listener), h("label", null, "as a client of", api),
      h("label", null, "model", h("input", { ...bound("model", { list: "models", placeholder: "none: the gateway decides" }) }), models),
      h("label", null, "client key", key)),
    h("label", null, "system prompt", h("input", bound("system", { placeholder: "none" }))),
    h("label", null, "prompt", prompt),
    h("div", { class: "line" },
      h("button", { class: "first", id: "send" }, "Send"),
      h("button", { type: "button", id: "explain", onclick: () => explain() }, "Only explain"),
      h("label", { class: "check" }, stream, "stream")));
  const asked = () => ({ ...kept, listener: listener.value, key: key.value });

  const explain = async () => {
    decided.replaceChildren(h("h2", null, "Decision"), h("p", { class: "dim" }, "…"));
    try {
      decided.replaceChildren(h("h2", null, "Decision, without a call"), explained(await ask("/api/explain", asked())));
    } catch (error) {
      decided.replaceChildren(h("h2", null, "Decision"), h("p", { class: "nothing" }, error.message));
    }
  };

  const send = async () => {
    explain();
    const text = h("pre"), facts = h("div"), trace = h("div");
    answered.replaceChildren(h("h2", null, "Answer"), facts, text, trace);
    let request = null;
    try {
      for await (const line of lines("/api/try", asked())) {
        if (line.type === "status") {
          request = line.headers["x-request-id"];
          facts.replaceChildren(fields([["status", h("span", { class: statusClass(line.status) }, `${line.status} after ${duration(line.ms)}`)],
            ...Object.entries(line.headers).filter(([name]) => name.startsWith("x-plano-")).map(([name, value]) => [name.slice(8).replaceAll("-", " "), value]),
            ["request", request]]));
        } else if (line.type === "text") text.append(line.text);
        else if (line.type === "error") text.append(h("span", { class: "bad" }, line.message));
        else if (line.type === "end") facts.append(h("p", { class: "dim" }, `complete after ${duration(line.ms)}`));
      }
    } catch (error) {
      text.append(h("span", { class: "bad" }, error.message));
    }
    if (request) awaitTrace(trace, request);
  };

  const update = () => {
    const found = known.gauges.gateway?.listeners ?? [];
    const names = found.map((entry) => entry.name).join();
    if (listener.dataset.names === names) return;
    listener.dataset.names = names;
    listener.replaceChildren(...found.map((entry) => h("option", { value: entry.name, selected: entry.name === kept.listener }, `${entry.name} (${entry.type}, ${entry.port})`)));
    models.replaceChildren(...(known.gauges.config?.models ?? []).map((name) => h("option", { value: name })));
  };
  update();
  return {
    root: h("div", null, form, h("div", { class: "split" }, answered, decided)), update,
    keys: { "/": () => prompt.focus(), "Control+Enter": () => form.requestSubmit() },
  };
}

function explained(found) {
  return h("div", null,
    fields([["listener", `${found.listener.name} (${found.listener.type})`], ["function", found.target], ["agent", found.agent], ["route", found.route],
      ["model", found.model], ["provider", found.provider], ["because", found.reason],
      ["scores", Object.entries(found.scores ?? {}).map(([name, score]) => `${name} ${score.toFixed(2)}`).join(", ")], ["then", found.then?.join(", ")]]),
    found.upstreams?.length ? h("h3", null, "Sent to") : null,
    h("ul", null, (found.upstreams ?? []).map((up) => h("li", null, `${up.path} → ${up.url}${up.translated ? `, translated to ${up.api}` : ", as it is"}`))));
}

/** Show the trace of a request once its spans have come; without tracing there is none. */
async function awaitTrace(element, request, tries = 12) {
  const found = [...known.exchanges.values()].find((exchange) => exchange.request_id === request && exchange.trace_id);
  if (found) {
    await fill(element, found.trace_id);
    element.prepend(h("h3", null, "Trace"));
  } else if (tries) setTimeout(() => awaitTrace(element, request, tries - 1), 250);
}
