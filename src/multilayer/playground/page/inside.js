// Values, weights and gradients of each layer: norms and histograms.

import { element, number, percent, say } from "./words.js";

const PARTS = ["values", "weights", "gradient"];
const SVG = "http://www.w3.org/2000/svg";

/** Show what a frame says of the layers, in a table. */
export function drawInside(table, frame) {
  if (table.rows.length !== frame.layers.length + 1 || table.dataset.language !== document.documentElement.lang) build(table, frame);
  frame.layers.forEach((layer, at) => {
    PARTS.forEach((part, column) => {
      const [words, picture] = table.rows[at + 1].cells[column + 1].children;
      const view = layer[part];
      const size = number(view.norm);
      const silent = part === "values" && view.zero > 0 ? `, ${say("silent", { share: percent(view.zero) })}` : "";
      words.textContent = size + silent;
      bars(picture, view.bins);
      picture.setAttribute("aria-label", `${number(view.low)} … ${number(view.high)}`);
      table.rows[at + 1].cells[column + 1].children[2].textContent = `${number(view.low, 2)} … ${number(view.high, 2)}`;
    });
  });
}

function build(table, frame) {
  table.dataset.language = document.documentElement.lang;
  const head = element("tr", {}, ...["layer", ...PARTS].map((part) => element("th", { scope: "col" }, say(`inside_${part}`))));
  const rows = frame.layers.map((_, at) => {
    const name = at === frame.layers.length - 1 ? say("of_outputs") : String(at + 1);
    return element("tr", {}, element("th", { scope: "row" }, name), ...PARTS.map((part) => {
      const picture = document.createElementNS(SVG, "svg");
      picture.setAttribute("viewBox", "0 0 105 30");
      picture.setAttribute("preserveAspectRatio", "none");
      picture.setAttribute("role", "img");
      picture.setAttribute("class", `histogram-${part}`);
      return element("td", {}, element("span", { class: "number" }), picture, element("span", { class: "number quiet" }));
    }));
  });
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
}

function bars(picture, bins) {
  if (picture.children.length !== bins.length) {
    picture.replaceChildren(...bins.map((_, at) => {
      const bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("x", 5 * at + 0.5);
      bar.setAttribute("width", 4.5);
      return bar;
    }));
  }
  const most = Math.max(1, ...bins);
  bins.forEach((bin, at) => {
    const height = bin ? Math.max(1, (29 * bin) / most) : 0;
    picture.children[at].setAttribute("y", 30 - height);
    picture.children[at].setAttribute("height", height);
  });
}
