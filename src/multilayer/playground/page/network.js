// The network as it is: neurons, the weights between them, and what each neuron says.

import { colour, css, mix, pictures, prepare, signed, unsigned } from "./colours.js";
import { say } from "./words.js";

const TALLEST = 330;
const APART = 44; // of neurons at most, in pixels
const LABELS = 38;

/** Draw a frame of a problem's network. */
export function drawNetwork(canvas, problem, frame) {
  const { shown, widths } = problem;
  const most = Math.max(...shown.map((layer) => layer.length));
  const { context, width, height } = prepare(canvas, Math.min(TALLEST, Math.max(3, most) * APART + LABELS));
  const size = Math.max(6, Math.min(34, (height - LABELS - 8) / most - 5, (width / widths.length) * 0.6));
  const places = shown.map((layer, at) => {
    const x = widths.length === 1 ? width / 2 : size + 4 + (at * (width - 2 * size - 8)) / (widths.length - 1);
    const gap = (height - LABELS - 8) / layer.length;
    const apart = Math.min(gap, size * 1.5 + 6);
    const first = (height - LABELS) / 2 - ((layer.length - 1) * apart) / 2;
    return layer.map((_, number) => ({ x, y: first + number * apart }));
  });
  if (frame) drawWeights(context, places, frame.arrays.weights.values);
  drawNeurons(context, places, size, frame?.arrays.maps);
  drawLabels(context, places, problem, height);
  canvas.setAttribute("aria-label", say("network_alt", { widths: widths.join(", ") }));
}

function drawWeights(context, places, weights) {
  let at = 0;
  const [paper, negative, positive] = [colour("--paper"), colour("--look-1"), colour("--look-0")];
  for (let layer = 0; layer + 1 < places.length; layer++) {
    const [from, to] = [places[layer], places[layer + 1]];
    const values = weights.subarray(at, at + from.length * to.length);
    at += values.length;
    const reach = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-12);
    const order = [...values.keys()].sort((a, b) => Math.abs(values[a]) - Math.abs(values[b]));
    for (const place of order) {
      const [start, end] = [from[Math.floor(place / to.length)], to[place % to.length]];
      const share = values[place] / reach;
      const strength = 0.12 + 0.88 * Math.abs(share);
      context.strokeStyle = `rgb(${mix(paper, share < 0 ? negative : positive, strength).join(" ")})`;
      context.lineWidth = 0.5 + 3 * Math.abs(share);
      context.beginPath();
      context.moveTo(start.x, start.y);
      const middle = (start.x + end.x) / 2;
      context.bezierCurveTo(middle, start.y, middle, end.y, end.x, end.y);
      context.stroke();
    }
  }
}

function drawNeurons(context, places, size, maps) {
  const drawn = maps && pictures(maps.values, maps.shape, (byte) => signed(0.9 * unsigned(byte)));
  let at = 0;
  context.lineWidth = 1.5;
  for (const layer of places) {
    for (const { x, y } of layer) {
      context.strokeStyle = css("--quiet");
      if (drawn) {
        context.drawImage(drawn[at], x - size / 2, y - size / 2, size, size);
        context.strokeRect(x - size / 2, y - size / 2, size, size);
      } else {
        context.fillStyle = css("--panel");
        context.beginPath();
        context.arc(x, y, Math.min(size / 2, 11), 0, 2 * Math.PI);
        context.fill();
        context.stroke();
      }
      at += 1;
    }
  }
}

function drawLabels(context, places, problem, height) {
  context.textBaseline = "alphabetic";
  places.forEach((layer, at) => {
    const isFirst = at === 0;
    const isLast = at === places.length - 1;
    context.textAlign = isFirst ? "left" : isLast ? "right" : "center";
    const x = isFirst ? 2 : isLast ? context.canvas.clientWidth - 2 : layer[0].x;
    context.fillStyle = css("--ink");
    const left = problem.widths[at] - layer.length;
    context.fillText(left ? `${layer.length} / ${problem.widths[at]}` : `${problem.widths[at]}`, x, height - 18);
    context.fillStyle = css("--quiet");
    if (isFirst || isLast) context.fillText(say(isFirst ? "inputs" : "outputs"), x, height - 3);
  });
}
