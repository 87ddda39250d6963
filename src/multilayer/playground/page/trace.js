// Backpropagation, one value after the other.

import { element, hasWord, number, say } from "./words.js";

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
      element("h3", {}, titleOf(value)),
      ...(hasWord(`${value.name}.text`) ? [element("p", {}, say(`${value.name}.text`))] : []),
      element("p", { class: "formula" }, value.formula),
      ...(value.by_hand ? [element("p", { class: "formula by-hand" }, value.by_hand)] : []),
      element("p", { class: "small quiet" }, shapeOf(value)),
      numbersOf(value),
      element("p", { class: "small quiet" }, say("trace_code", { line: value.line })),
      element("pre", { tabindex: "0", role: "region", "aria-label": say("trace_code", { line: value.line }) }, element("code", {}, value.code)),
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
    jump.replaceChildren(...values.map((value, number) => element("option", { value: number }, `${value.symbol} – ${titleOf(value)}`)));
    go(at);
  }

  language();
  return { language, show: (given) => { values = given; fill(); } };
}

const titleOf = (value) => `${say(`trace_${value.phase}`)}, ${say("trace_layer", { number: value.layer })}: ${say(value.name)}`;

function shapeOf(value) {
  const shape = value.shape.length ? value.shape.join(" × ") : "1";
  const [rows, columns] = [value.numbers.length, value.numbers[0]?.length ?? 0];
  const all = value.shape.reduce((a, b) => a * b, 1);
  const part = all > rows * columns ? `, ${say("trace_part", { rows: range(value.first[0], rows), columns: range(value.first[1], columns) })}` : "";
  return say("trace_shape", { shape }) + part;
}

const range = (first, number) => (number === 1 ? String(first + 1) : `${first + 1}–${first + number}`);

function numbersOf(value) {
  const most = Math.max(1e-12, ...value.numbers.flat().map(Math.abs));
  const rows = value.numbers.map((row, down) => element("tr", {}, ...row.map((one, across) => {
    const cell = element("td", { class: "number" }, number(one));
    const isFollowed = value.place && value.place[0] === value.first[0] + down && value.place[1] === value.first[1] + across;
    if (isFollowed) cell.classList.add("followed");
    const share = Math.round((40 * Math.abs(one)) / most);
    cell.style.background = `color-mix(in srgb, var(${one < 0 ? "--look-1" : "--look-0"}) ${share}%, transparent)`;
    return cell;
  })));
  const table = element("table", { class: "numbers" }, element("caption", { class: "hidden" }, value.symbol), element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": value.symbol }, table);
}
