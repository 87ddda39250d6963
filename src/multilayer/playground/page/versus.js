// The settings on the page against others that were kept.

import { element, ofPair, say } from "./words.js";

const HIDDEN = ["target"];

/** The panel of two settings; `query` gives those of the page, `send` asks the server. */
export function versusPanel(place, query, send) {
  let [kept, isRunning, sentences] = [null, false, null];
  const told = element("p", { class: "quiet small" });
  const keep = element("button", { type: "button", id: "versus-keep" });
  const compare = element("button", { type: "button", id: "versus-compare" });
  const stop = element("button", { type: "button", id: "versus-stop" });
  const differing = element("p", { id: "versus-differing" });
  const outcome = element("div", { role: "status", id: "versus-outcome" });
  place.replaceChildren(told, element("div", { class: "buttons" }, keep, compare, stop), differing, outcome);
  keep.addEventListener("click", () => { kept = query(); sentences = null; refresh(); });
  compare.addEventListener("click", () => {
    [isRunning, sentences] = [true, null];
    send({ do: "compare", first: kept });
    refresh();
  });
  stop.addEventListener("click", () => send({ do: "stop_comparing" }));

  /** Fields in which the kept settings and those of the page differ. */
  function differences() {
    const [ours, theirs] = [new URLSearchParams(kept), new URLSearchParams(query())];
    const names = [...new Set([...ours.keys(), ...theirs.keys()])];
    return names.filter((name) => !HIDDEN.includes(name) && ours.get(name) !== theirs.get(name))
      .map((name) => `${name} ${ours.get(name) ?? "–"} → ${theirs.get(name) ?? "–"}`);
  }

  function refresh() {
    told.textContent = say("versus_told");
    keep.textContent = say("versus_keep");
    compare.textContent = say("versus_compare");
    stop.textContent = say("versus_stop");
    const found = kept ? differences() : [];
    compare.disabled = isRunning || found.length === 0;
    stop.disabled = !isRunning;
    differing.textContent = !kept ? say("versus_first") : found.length ? say("versus_differing", { fields: found.join("; ") }) : say("versus_same");
    const words = (sentences ?? []).map((pair) => element("p", {}, ofPair(pair)));
    if (isRunning) words.push(element("p", { class: "quiet" }, say("versus_running")));
    outcome.replaceChildren(...words);
  }

  refresh();
  return {
    refresh,
    show(message) {
      isRunning = !message.is_over;
      const [english, russian] = message.sentences ?? [[], []];
      sentences = english.map((sentence, at) => [sentence, russian[at]]);
      refresh();
    },
  };
}
