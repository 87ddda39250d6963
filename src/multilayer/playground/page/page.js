// The page: what is set goes to the session that trains, what it sends is drawn.

import { answerView, drawFilters } from "./answers.js";
import { codePanel, copyText } from "./code.js";
import { connect } from "./connection.js";
import { curvesLegend, drawCurves } from "./curves.js";
import { drawInside } from "./inside.js";
import { showLayers } from "./layers.js";
import { drawNetwork } from "./network.js";
import { fillChoices, ladder, layersOf, readSettings, showSettings, withLayers } from "./settings.js";
import { tableDrop } from "./table.js";
import { tracePanel } from "./trace.js";
import { versusPanel } from "./versus.js";
import { begin, count, element, number, ofPair, say, setLanguage } from "./words.js";

const SPEEDS = [2, 20, 100, 500, 0];
const at = (id) => document.getElementById(id);
const form = at("settings");
const start = await (await fetch("start.json")).json();

const codes = codePanel(at("code-view"));
const traces = tracePanel(at("trace-view"));

let [send, problem, frame, view] = [() => {}, null, null, null];
let sketch = null; // the points and the network's shape, until there is a network
let query = location.hash.slice(1) || start.query || start.defaults;
let [columns, isPlaying, isOpen, isDrawingPlanned] = [start.table ? start.table[1] : [], false, false, false];
let working = 0; // a timer: says so where the answer takes long
let [speed, stepsTold, traceSteps] = [100, 0, -1];

const versus = versusPanel(at("versus-view"), () => query, (command) => { complain(""); send(command); });

function tell(key, values) {
  at("status").textContent = say(key, values);
}

function complain(message) {
  at("refusal").replaceChildren(message);
  at("refusal").hidden = !message;
}

/** Show a reason: in the reader's language if its words are the playground's own, else in English. */
function showRefusal({ message, russian }) {
  complain("");
  if (russian) at("refusal").replaceChildren(`${say("refused_own")} ${ofPair([message, russian])}`);
  else at("refusal").replaceChildren(`${say("refused")} `, element("span", { lang: "en" }, message));
  at("refusal").hidden = false;
}

/** Ask for other settings; what is wrong with them comes back as a refusal. */
function set(text) {
  complain("");
  send({ do: "set", query: text });
  clearTimeout(working);
  working = setTimeout(() => tell("working"), 400);
}

function takeQuery(text) {
  query = text;
  history.replaceState(null, "", `#${query}`);
  showSettings(form, query, start, columns);
  const layers = layersOf(query);
  showLayers(at("layers"), at("add-layer"), layers, start, (widths, activations) => set(withLayers(query, widths, activations)));
  const known = start.presets.findIndex((preset) => preset.query === query);
  versus.refresh();
  at("preset").value = known < 0 ? "" : String(known);
  at("lead").textContent = known < 0 ? say("lead") : ofPair(start.presets[known].text);
}

function showProblem() {
  at("parameters").textContent = say("network_told", { parameters: count(problem.num_parameters) });
  at("rows").textContent = say("rows_told", { rows: count(problem.num_rows), held_out: count(problem.num_held_out) });
  const notes = problem.table_notes.map((note) => element("li", { lang: "en" }, note));
  if (notes.length) notes.unshift(element("li", {}, say("table_notes")));
  if (problem.num_more_notes) notes.push(element("li", {}, say("more_notes", { number: count(problem.num_more_notes) })));
  at("notes").replaceChildren(...problem.notes.map((pair) => element("li", {}, ofPair(pair))), ...notes);
  at("network-legend").textContent = say(problem.limits ? "network_legend" : "network_legend_plain");
}

function draw() {
  isDrawingPlanned = false;
  if (!problem && sketch) {
    drawNetwork(at("drawing"), sketch, null);
    view?.update(null);
  }
  if (!frame) return;
  drawNetwork(at("drawing"), problem, frame);
  view.update(frame);
  const numNetworks = Number(new URLSearchParams(query).get("num_seeds"));
  drawCurves(at("curves"), frame, numNetworks);
  curvesLegend(at("curves-legend"), frame, numNetworks);
  drawInside(at("inside-table"), frame);
  drawFilters(at("filter-view"), frame);
  at("counter").textContent = say("counter", { epoch: count(frame.epoch), batch: frame.batch, batches: count(frame.num_batches) });
  document.body.dataset.steps = frame.steps;
  showPlaying(frame.is_playing);
}

/** Ask for what is shown in the panels that are open and is no longer of now. */
function refreshPanels({ isNewCode = false } = {}) {
  if (!problem) return;
  if (isNewCode && at("code").open) send({ do: "code" });
  if (at("trace").open && frame && !frame.is_playing && traceSteps !== frame.steps) {
    traceSteps = frame.steps;
    send({ do: "trace" });
  }
}

function planDrawing() {
  if (!isDrawingPlanned) requestAnimationFrame(draw);
  isDrawingPlanned = true;
}

function showPlaying(now) {
  at("play").textContent = say(now ? "pause" : "play");
  at("play").setAttribute("aria-pressed", String(now));
  if (now && !isPlaying) tell("playing");
  const isNews = frame && frame.steps > 0 && (isPlaying || frame.steps !== stepsTold);
  if (frame) stepsTold = frame.steps;
  if (!now && isNews) tell("paused", { epoch: count(frame.epoch), train: number(frame.train_loss), held_out: number(frame.held_out_loss) });
  isPlaying = now;
}

const takes = {
  sketch(message) {
    if (problem) return;
    sketch = message;
    view = sketch.limits ? answerView(sketch, at("answer-view")) : null;
    takeQuery(sketch.query);
    planDrawing();
  },
  problem(message) {
    problem = message;
    frame = null;
    view = answerView(problem, at("answer-view"));
    takeQuery(message.query);
    showProblem();
    traceSteps = -1;
    refreshPanels({ isNewCode: true });
    tell(isPlaying ? "playing" : "ready");
  },
  frame(message) {
    const isFirst = frame === null;
    frame = message;
    if (isFirst) at("filter-view").replaceChildren();
    requestAnimationFrame(() => {
      draw();
      send({ do: "drawn", number: message.number });
      refreshPanels();
    });
  },
  changed(message) {
    takeQuery(message.query);
    refreshPanels({ isNewCode: true });
    tell("went_on");
  },
  refusal(message) {
    showRefusal(message);
    if (!problem && query !== start.defaults) {
      query = start.defaults; // so that there is something to go on with, below the reason
      send({ do: "begin", query });
    } else if (problem) takeQuery(query);
  },
  rested: () => tell("rested"),
  verdict: (message) => versus.show(message),
  code: (message) => codes.show(message.forms),
  trace(message) {
    traceSteps = message.steps;
    traces.show(message.values);
  },
  table(message) {
    columns = message.columns;
    fillChoices(form, start, true);
    showSettings(form, query.replace(/problem=[^&]*/, "problem=table"), start, columns);
    set(readSettings(form, query, start));
  },
};

function languages() {
  fillChoices(form, start, columns.length > 0);
  at("speed").replaceChildren(...SPEEDS.map((one) => element("option", { value: one }, one ? say("speed_steps", { number: one }) : say("speed_all"))));
  at("speed").value = String(speed);
  at("preset").replaceChildren(
    element("option", { value: "" }, say("preset_own")),
    ...start.presets.map((preset, number) => element("option", { value: number }, `${preset.section} ${ofPair(preset.title)}`)),
  );
  codes.language();
  traces.language();
  versus.refresh();
  if (sketch && !problem) {
    view?.language();
    planDrawing();
  }
  if (!problem) return;
  takeQuery(query);
  showProblem();
  view.language();
  planDrawing();
}

for (const language of ["en", "ru"]) {
  at(`language-${language}`).addEventListener("click", () => { setLanguage(language); languages(); });
}
for (const name of ["step", "epoch", "reset"]) at(name).addEventListener("click", () => send({ do: name }));
at("play").addEventListener("click", () => send({ do: isPlaying ? "pause" : "play" }));
at("speed").addEventListener("change", () => {
  speed = Number(at("speed").value);
  send({ do: "speed", steps: speed });
});
at("preset").addEventListener("change", () => {
  const preset = start.presets[Number(at("preset").value)];
  if (at("preset").value !== "") set(preset.query);
});
form.addEventListener("change", (event) => {
  if (event.target.id !== "file") set(readSettings(form, query, start));
});
form.addEventListener("submit", (event) => event.preventDefault());
at("code").addEventListener("toggle", () => refreshPanels({ isNewCode: true }));
at("trace").addEventListener("toggle", () => refreshPanels());
at("copy-link").addEventListener("click", () => copyText(`#${query}`, at("link-outcome"), null));
ladder(form.elements.learning_rate);
ladder(form.elements.weight_decay);
tableDrop(at("drop"), at("file"), start.most_table_bytes, complain, (name, text) => send({ do: "table", name, text }));
document.addEventListener("visibilitychange", () => send({ do: document.hidden ? "hidden" : "seen" }));
addEventListener("hashchange", () => set(location.hash.slice(1)));
addEventListener("resize", planDrawing);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { view?.language(); planDrawing(); });

begin(start.words, start.language);
languages();
tell("connecting");
send = connect({
  onOpen() {
    isOpen = true;
    tell("loading");
    send({ do: "begin", query });
    send({ do: "speed", steps: speed });
    if (document.hidden) send({ do: "hidden" });
  },
  onMessage(message) {
    if (["problem", "changed", "refusal"].includes(message.kind)) clearTimeout(working);
    takes[message.kind]?.(message);
  },
  onClose() {
    showPlaying(false);
    tell("closed");
    document.body.classList.toggle("stale", isOpen);
  },
});
