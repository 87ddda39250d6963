// Training and held-out loss by epochs; of several networks the middle one and a band.

import { css, prepare } from "./colours.js";
import { ticks } from "./region.js";
import { element, number, percent, say } from "./words.js";

const HEIGHT = 210;
const MARGIN = { left: 44, right: 8, top: 8, bottom: 34 };
const LOOKS = ["--look-0", "--look-1"];

/** Draw the curves of a frame. */
export function drawCurves(canvas, frame, numNetworks) {
  const { context, width, height } = prepare(canvas, HEIGHT);
  const { values, shape: [num] } = frame.arrays.curve;
  const at = (point, kind, which) => values[(point * 2 + kind) * 3 + which];
  const box = { x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const last = Math.max(1, (num - 1) * frame.every);
  const finite = [...values].filter(Number.isFinite);
  const top = finite.length ? highest(values, num, at) : 1;
  const atX = (point) => box.x + ((point * frame.every) / last) * box.width;
  const atY = (loss) => box.y + (1 - Math.min(loss, 1.02 * top) / top) * box.height;
  axes(context, box, last, top, atY);
  context.save();
  context.beginPath();
  context.rect(box.x, box.y - 2, box.width + 2, box.height + 2);
  context.clip();
  for (const kind of [0, 1]) {
    if (numNetworks > 1) band(context, num, kind, at, atX, atY);
    context.strokeStyle = css(LOOKS[kind]);
    context.lineWidth = 2;
    context.setLineDash(kind ? [6, 3] : []);
    context.beginPath();
    let isDown = false;
    for (let point = 0; point < num; point++) {
      const loss = at(point, kind, 1);
      if (!Number.isFinite(loss)) { isDown = false; continue; }
      context[isDown ? "lineTo" : "moveTo"](atX(point), atY(loss));
      isDown = true;
    }
    context.stroke();
  }
  context.setLineDash([]);
  context.restore();
  canvas.setAttribute("aria-label", say("losses_alt", {
    epoch: frame.epoch, train: number(frame.train_loss), held_out: number(frame.held_out_loss), first: number(num ? at(0, 1, 1) : null),
  }));
}

/** The highest loss that is worth its place: far above the beginning it would flatten the rest. */
function highest(values, num, at) {
  const losses = [];
  for (let point = 0; point < num; point++) for (const kind of [0, 1]) losses.push(at(point, kind, 2));
  const finite = losses.filter(Number.isFinite);
  return Math.min(Math.max(...finite), 1.5 * finite[0]) || 1;
}

function axes(context, box, last, top, atY) {
  context.strokeStyle = css("--line");
  context.lineWidth = 1;
  context.fillStyle = css("--quiet");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const loss of ticks(0, top)) {
    context.beginPath();
    context.moveTo(box.x, atY(loss));
    context.lineTo(box.x + box.width, atY(loss));
    context.stroke();
    context.fillText(number(loss), box.x - 6, atY(loss));
  }
  context.textBaseline = "top";
  for (const epoch of ticks(0, last)) {
    if (!Number.isInteger(epoch)) continue;
    const x = box.x + (epoch / last) * box.width;
    context.textAlign = x > box.x + box.width - 12 ? "right" : "center";
    context.fillText(epoch, x, box.y + box.height + 4);
  }
  context.textAlign = "center";
  context.fillText(say("epochs"), box.x + box.width / 2, box.y + box.height + 18);
}

function band(context, num, kind, at, atX, atY) {
  context.fillStyle = css(LOOKS[kind]);
  context.globalAlpha = 0.22;
  context.beginPath();
  const known = [...Array(num).keys()].filter((point) => Number.isFinite(at(point, kind, 0)));
  known.forEach((point, place) => context[place ? "lineTo" : "moveTo"](atX(point), atY(at(point, kind, 2))));
  known.reverse().forEach((point) => context.lineTo(atX(point), atY(at(point, kind, 0))));
  context.fill();
  context.globalAlpha = 1;
}

/** The legend with the newest losses. */
export function curvesLegend(list, frame, numNetworks) {
  const line = (kind) => element("span", { class: `swatch swatch-${kind}`, "aria-hidden": "true" });
  const items = [
    element("li", {}, line(0), ` ${say("train_loss")} `, element("b", { class: "number" }, number(frame.train_loss))),
    element("li", {}, line(1), ` ${say("held_out_loss")} `, element("b", { class: "number" }, number(frame.held_out_loss))),
  ];
  if (frame.accuracy !== null) items.push(element("li", {}, `${say("accuracy")} `, element("b", { class: "number" }, percent(frame.accuracy))));
  if (numNetworks > 1) items.push(element("li", { class: "quiet" }, say("band", { number: numNetworks })));
  list.replaceChildren(...items);
}
