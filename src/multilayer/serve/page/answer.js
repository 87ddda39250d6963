// An answer as words, bars and intervals.

import { element } from "./form.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_CLASSES = 12;
const MOST_CHANGES = 8;

function drawn(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

export function shown(number) {
  if (number === null || number === undefined) return "missing";
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) return number.toExponential(3);
  return number.toLocaleString("en", { maximumSignificantDigits: size >= 1e5 ? 7 : 5 });
}

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 2 : 1)}%`;

/** A class as probabilities name it: 1.0 and true are "1.0" and "True" there. */
function nameOf(schema, label) {
  const place = schema.labels.findIndex((one) => one === label);
  return schema.classes[place] ?? String(label);
}

/** The answer in a line. */
export function inWords(schema, answer) {
  if (schema.task === "regression") {
    if (schema.targets.length > 1) return [schema.targets.map((name) => `${name} ${shown(answer.prediction[name])}`).join(", ")];
    const range = answer.interval ? element("small", {}, ` ${shown(answer.interval[0])} to ${shown(answer.interval[1])}`) : "";
    return [`${schema.targets[0]} ${shown(answer.prediction)}`, range];
  }
  if (schema.task === "multilabel") {
    const found = schema.targets.filter((name) => answer.prediction[name]);
    return [found.length ? found.join(", ") : "none of the labels"];
  }
  const label = nameOf(schema, answer.prediction);
  return [`${label}`, element("small", {}, ` with a probability of ${percent(answer.probabilities[label])}`)];
}

/** Bars of classes and labels, or a line for each number. */
export function chartOf(schema, answer) {
  if (schema.task === "regression") {
    const single = schema.targets.length === 1;
    return schema.targets.map((name, place) => intervalOf(
      name,
      single ? answer.prediction : answer.prediction[name],
      single ? answer.interval : answer.interval?.[name],
      single ? answer.quantiles : answer.quantiles?.[name],
      schema.lowest[place],
      schema.highest[place],
    ));
  }
  const inSet = new Set((answer.set ?? []).map((label) => nameOf(schema, label)));
  const shares = Object.entries(answer.probabilities);
  if (schema.task !== "multilabel") shares.sort((a, b) => b[1] - a[1]);
  const list = element("ul", { className: "classes" });
  for (const [place, [name, share]] of shares.slice(0, MOST_CLASSES).entries()) {
    const isFirst = schema.task === "multilabel" ? share > 0.5 : place === 0;
    const svg = drawn("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(drawn("rect", { class: "track", width: 100, height: 10 }), drawn("rect", { width: 100 * share, height: 10 }));
    const label = element("span", {}, name);
    if (inSet.has(name)) label.append(" ", element("span", { className: "badge" }, "in the set"));
    list.append(element("li", { className: isFirst ? "first" : "" }, label, svg, element("span", { className: "number" }, percent(share))));
  }
  const more = shares.length - MOST_CLASSES;
  return more > 0 ? [list, element("p", { className: "quiet" }, `and ${more} more with smaller probabilities`)] : [list];
}

function intervalOf(name, number, interval, quantiles, lowest, highest) {
  const ends = [number, lowest, highest, ...(interval ?? []), ...Object.values(quantiles ?? {})];
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const x = (value) => 20 + (440 * (value - low)) / (high - low || 1);
  const words = `${name} ${shown(number)}` + (interval ? `, from ${shown(interval[0])} to ${shown(interval[1])}` : "");
  const svg = drawn("svg", { viewBox: "0 0 480 74", role: "img", "aria-label": words });
  svg.append(drawn("line", { class: "axis", x1: x(lowest), x2: x(highest), y1: 36, y2: 36 }));
  if (interval) {
    svg.append(drawn("line", { class: "reach", x1: x(interval[0]), x2: x(interval[1]), y1: 36, y2: 36 }));
    const [left, right] = interval.map(x);
    if (right - left > 90) {
      svg.append(drawn("text", { x: left, y: 16, "text-anchor": left < 40 ? "start" : "middle" }, shown(interval[0])));
      svg.append(drawn("text", { x: right, y: 16, "text-anchor": right > 440 ? "end" : "middle" }, shown(interval[1])));
    }
  }
  for (const value of Object.values(quantiles ?? {})) svg.append(drawn("line", { class: "tick", x1: x(value), x2: x(value), y1: 28, y2: 44 }));
  svg.append(drawn("circle", { class: "point", cx: x(number), cy: 36, r: 7 }));
  svg.append(drawn("text", { class: "faint", x: 20, y: 66 }, `${shown(lowest)} is the lowest`));
  svg.append(drawn("text", { class: "faint", x: 460, y: 66, "text-anchor": "end" }, `${shown(highest)} the highest in training`));
  const figure = element("div", { className: "interval" });
  if (name) figure.append(svg);
  return figure;
}

/** Which columns moved the answer, the largest first. */
export function changesOf(schema, explanation) {
  const isShare = schema.task !== "regression";
  const changes = explanation.changes.slice(0, MOST_CHANGES);
  const most = Math.max(...changes.map((one) => Math.abs(one.change)), 1e-12);
  return changes.map((one) => {
    const width = (50 * Math.abs(one.change)) / most;
    const svg = drawn("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(drawn("rect", { class: "track", width: 100, height: 10 }));
    svg.append(drawn("rect", { class: one.change < 0 ? "down" : "up", x: one.change < 0 ? 50 - width : 50, width, height: 10 }));
    svg.append(drawn("line", { class: "middle", x1: 50, x2: 50, y1: -2, y2: 12, "vector-effect": "non-scaling-stroke" }));
    const size = isShare ? `${(100 * Math.abs(one.change)).toFixed(1)} pp` : shown(Math.abs(one.change));
    const sign = one.change < 0 ? "−" : one.change > 0 ? "+" : "";
    return element("li", {}, element("span", {}, one.column), svg, element("span", { className: "number" }, sign + size),
      element("span", { className: "against" }, `than with ${one.against}`));
  });
}

export function explanationWords(schema, explanation) {
  const what = schema.task === "regression" ? explanation.of : `the probability of ${explanation.of}`;
  return `By how much ${what} is higher (+) or lower (−) because a column is as it is.` +
    (schema.task === "regression" ? "" : " pp: percentage points.");
}
