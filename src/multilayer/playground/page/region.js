// What the network answers over the plane, with the points on it.

import { colour, css, mix, ofClass, prepare } from "./colours.js";
import { element, number, percent, say } from "./words.js";

const MARGIN = { left: 34, bottom: 30, top: 4, right: 4 };
const PALE = 0.5; // how far a region's colour is from the paper

/** A view of a problem in the plane; `update` draws a frame, or without one the points alone. */
export function planeView(problem, place) {
  const canvas = element("canvas", { role: "img", id: "region" });
  const legend = element("ul", { class: "legend small" });
  place.replaceChildren(canvas, legend);
  const isNumber = problem.task === "numbers";

  function legends() {
    const names = isNumber ? [] : problem.classes;
    legend.replaceChildren(
      ...names.map((name, at) => element("li", {}, mark(at), ` ${name}`)),
      ...(isNumber ? [element("li", {}, scale(problem))] : []),
      element("li", {}, say("held_out_points")),
    );
  }

  function update(frame) {
    const side = Math.min(canvas.clientWidth || 320, 420);
    const { context, width } = prepare(canvas, side);
    const [left, right, bottom, top] = problem.limits;
    const box = { x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: side - MARGIN.top - MARGIN.bottom };
    context.imageSmoothingEnabled = true;
    if (frame) context.drawImage(regionImage(frame.arrays.region, isNumber), box.x, box.y, box.width, box.height);
    const atX = (x) => box.x + ((x - left) / (right - left)) * box.width;
    const atY = (y) => box.y + ((top - y) / (top - bottom)) * box.height;
    axes(context, box, problem, atX, atY);
    drawPoints(context, problem, atX, atY, isNumber);
    canvas.setAttribute("aria-label", alternative(frame, problem, isNumber));
  }

  legends();
  return { update, language: legends };
}

function regionImage({ values, shape: [height, width, outputs] }, isNumber) {
  const canvas = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  const paper = colour("--paper");
  const ofOutputs = Array.from({ length: outputs }, (_, at) => colour(ofClass(at)));
  const [low, high] = [colour("--look-1"), colour("--look-0")];
  for (let pixel = 0; pixel < height * width; pixel++) {
    const shade = [0, 0, 0];
    if (isNumber) {
      const share = values[pixel] / 255;
      const end = share < 0.5 ? low : high;
      mix(paper, end, 0.85 * Math.abs(2 * share - 1)).forEach((value, at) => { shade[at] = value; });
    } else {
      let sum = 0;
      for (let output = 0; output < outputs; output++) {
        const share = values[pixel * outputs + output];
        sum += share;
        for (let at = 0; at < 3; at++) shade[at] += share * ofOutputs[output][at];
      }
      for (let at = 0; at < 3; at++) shade[at] = paper[at] + (1 - PALE) * (shade[at] / (sum || 1) - paper[at]);
    }
    image.data.set(shade, 4 * pixel);
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function axes(context, box, problem, atX, atY) {
  const [left, right, bottom, top] = problem.limits;
  context.fillStyle = css("--quiet");
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const x of ticks(left, right)) context.fillText(number(x), atX(x), box.y + box.height + 3);
  context.fillText(short(problem.columns[0]), box.x + box.width / 2, box.y + box.height + 16);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const y of ticks(bottom, top)) context.fillText(number(y), box.x - 4, atY(y));
  context.save();
  context.translate(8, box.y + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(short(problem.columns[1]), 0, 0);
  context.restore();
}

const short = (name) => (name.length > 28 ? `${name.slice(0, 27)}…` : name);

/** Two to five round numbers between two others. */
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const size = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power;
  const found = [];
  for (let at = Math.ceil(low / size); at * size <= high + 1e-9 * size; at++) found.push(at * size);
  return found;
}

function drawPoints(context, problem, atX, atY, isNumber) {
  const { points, values, is_held_out: isHeldOut } = problem.arrays;
  const [low, high] = problem.reach ?? [0, 1];
  const size = values.values.length > 600 ? 2.6 : 3.6;
  context.lineWidth = 1;
  for (let at = 0; at < values.values.length; at++) {
    const [x, y] = [atX(points.values[2 * at]), atY(points.values[2 * at + 1])];
    const value = values.values[at];
    const share = (value - low) / (high - low || 1);
    const ofNumber = mix(colour("--paper"), colour(share < 0.5 ? "--look-1" : "--look-0"), Math.abs(2 * share - 1));
    context.fillStyle = isNumber ? `rgb(${ofNumber.join(" ")})` : css(ofClass(value));
    outline(context, x, y, size, isNumber ? 0 : value);
    context.fill();
    context.strokeStyle = css(isHeldOut.values[at] ? "--ink" : "--paper");
    if (isNumber && !isHeldOut.values[at]) context.strokeStyle = css("--quiet");
    context.stroke();
  }
}

/** A circle, square, triangle or diamond, so that classes differ in more than colour. */
function outline(context, x, y, size, kind) {
  context.beginPath();
  if (kind % 4 === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (kind % 4 === 1) context.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  else {
    const corners = kind % 4 === 2 ? [[0, -1.25], [1.15, 0.9], [-1.15, 0.9]] : [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]];
    corners.forEach(([dx, dy], at) => context[at ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
    context.closePath();
  }
}

function mark(at) {
  const canvas = element("canvas", { width: 28, height: 28, class: "mark-canvas", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = css(ofClass(at));
  outline(context, 7, 7, 4.5, at);
  context.fill();
  return canvas;
}

function scale(problem) {
  const [low, high] = problem.reach.map((value) => number(value * problem.scale[1] + problem.scale[0]));
  const canvas = element("canvas", { width: 64, height: 10, class: "scale-canvas", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  for (let x = 0; x < 64; x++) {
    const share = x / 63;
    context.fillStyle = `rgb(${mix(colour("--paper"), colour(share < 0.5 ? "--look-1" : "--look-0"), Math.abs(2 * share - 1)).join(" ")})`;
    context.fillRect(x, 0, 1, 10);
  }
  return element("span", {}, `${problem.target}: ${low} `, canvas, ` ${high}`);
}

function alternative(frame, problem, isNumber) {
  const [x, y] = problem.columns;
  if (!frame) return say("points_alt", { number: problem.arrays.values.shape[0], x, y });
  if (isNumber) {
    const [low, high] = problem.reach.map((value) => number(value * problem.scale[1] + problem.scale[0]));
    return say("surface_alt", { x, y, low, high, loss: number(frame.held_out_loss) });
  }
  const { values, shape: [height, width, outputs] } = frame.arrays.region;
  const counts = new Array(outputs).fill(0);
  for (let pixel = 0; pixel < height * width; pixel++) {
    let best = 0;
    for (let at = 1; at < outputs; at++) if (values[pixel * outputs + at] > values[pixel * outputs + best]) best = at;
    counts[best] += 1;
  }
  const shares = counts.map((one, at) => `${problem.classes[at]} ${percent(one / (height * width))}`).join(", ");
  return say("region_alt", { x, y, shares, accuracy: percent(frame.accuracy) });
}
