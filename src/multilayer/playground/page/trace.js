// Backpropagation, one value after the other.

import { element, number, ofPair, say } from "./words.js";

/** The panel of the steps; `show` takes the values, see backpropagation_trace.py. */
export function tracePanel(place) {
  let [values, at] = [[], 0];
  const told = element("p", { class: "quiet small" });
  const previous = element("button", { type: "button", id: "trace-previous" });
  const next = element("button", { type: "button", id: "trace-next" });
  const jump = element("select", { id: "trace-value" });
  const jumpWord = element("span", {});
  const where = element("span", { role: "status", id: "trace-place", class: "quiet small" });
  const shown = element("div", { id: "trace-shown" });
  place.replaceChildren(told, element("div", { class: "buttons" }, previous, next, element("label", { class: "inline" }, jumpWord, " ", jump), where), shown);
  previous.addEventListener("click", () => go(at - 1));
  next.addEventListener("click", () => go(at + 1));
  jump.addEventListener("change", () => go(Number(jump.value)));

  function go(to) {
    at = Math.max(0, Math.min(values.length - 1, to));
    previous.disabled = at === 0;
    next.disabled = at >= values.length - 1;
    const value = values[at];
    if (!value) {
      shown.replaceChildren(element("p", { class: "quiet" }, say("trace_waiting")));
      where.textContent = "";
      return;
    }
    jump.value = String(at);
    where.textContent = say("trace_place", { number: at + 1, total: values.length });
    shown.replaceChildren(
      element("h3", {}, ofPair(value.title)),
      element("p", { class: "formula" }, value.formula),
      element("p", { class: "small quiet" }, shapeOf(value)),
      numbersOf(value),
      element("p", { class: "small quiet" }, say("trace_code")),
      element("pre", { tabindex: "0", role: "region", "aria-label": say("trace_code") }, element("code", {}, value.code)),
    );
  }

  function language() {
    told.textContent = say("trace_told");
    previous.textContent = say("trace_previous");
    next.textContent = say("trace_next");
    jumpWord.textContent = say("trace_value");
    fill();
  }

  function fill() {
    jump.replaceChildren(...values.map((value, number) => element("option", { value: number }, `${value.symbol} – ${ofPair(value.title)}`)));
    go(at);
  }

  language();
  return { language, show: (given) => { values = given; fill(); } };
}

function shapeOf(value) {
  const shape = value.shape.length ? value.shape.join(" × ") : "1";
  const [rows, columns] = [value.numbers.length, value.numbers[0]?.length ?? 0];
  const all = value.shape.reduce((a, b) => a * b, 1);
  const part = all > rows * columns ? `, ${say("trace_part", { rows, columns })}` : "";
  return say("trace_shape", { shape }) + part;
}

function numbersOf(value) {
  const most = Math.max(1e-12, ...value.numbers.flat().map(Math.abs));
  const rows = value.numbers.map((row) => element("tr", {}, ...row.map((one) => {
    const cell = element("td", { class: "number" }, number(one));
    const share = Math.round((40 * Math.abs(one)) / most);
    cell.style.background = `color-mix(in srgb, var(${one < 0 ? "--look-1" : "--look-0"}) ${share}%, transparent)`;
    return cell;
  })));
  const table = element("table", { class: "numbers" }, element("caption", { class: "hidden" }, value.symbol), element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": value.symbol }, table);
}
