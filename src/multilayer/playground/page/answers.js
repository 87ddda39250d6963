// What the network answers where there is no plane to draw: pictures, classes, numbers.

import { css, pictures, prepare, signed, unsigned } from "./colours.js";
import { planeView, ticks } from "./region.js";
import { element, number, percent, say } from "./words.js";

/** The view of a problem's answers, in a place of the page. */
export function answerView(problem, place) {
  if (problem.limits) return planeView(problem, place);
  if (problem.image_shape) return pictureView(problem, place);
  if (problem.task === "numbers") return scatterView(problem, place);
  return confusionView(problem, place);
}

function pictureView(problem, place) {
  const { pictures: shown, picture_classes: truths } = problem.arrays;
  const title = element("p", { class: "small quiet" });
  const list = element("ul", { class: "pictures" });
  const items = pictures(shown.values, shown.shape, (byte) => [byte, byte, byte]).map((picture) => {
    const canvas = element("canvas", { role: "img", width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    const words = element("span", {});
    list.append(element("li", {}, canvas, words));
    return { canvas, words };
  });
  place.replaceChildren(title, list);
  return {
    language: () => { title.textContent = say("pictures"); },
    update(frame) {
      title.textContent = say("pictures");
      items.forEach(({ canvas, words }, at) => {
        const [guessed, share] = [frame.arrays.guesses.values[2 * at], frame.arrays.guesses.values[2 * at + 1] / 255];
        const [truth, guess] = [problem.classes[truths.values[at]], problem.classes[guessed]];
        words.textContent = `${guessed === truths.values[at] ? "✓" : "✗"} ${guess}, ${percent(Number(share.toFixed(2)))}`;
        words.className = guessed === truths.values[at] ? "right" : "wrong";
        canvas.setAttribute("aria-label", say("picture_alt", { truth, guess, share: percent(Number(share.toFixed(2))) }));
      });
    },
  };
}

function confusionView(problem, place) {
  const names = problem.classes;
  const table = element("table", { class: "confusion" });
  place.replaceChildren(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("confusion") }, table));
  const update = (frame) => {
    const counts = frame.arrays.confusion;
    if (!counts) {
      place.replaceChildren(element("p", { class: "quiet" }, say("many_classes", { number: names.length })));
      return;
    }
    const most = Math.max(1, ...counts.values);
    const head = element("tr", {}, element("th", { scope: "col" }, `${say("truth")} ↓ ${say("answer")} →`), ...names.map((name) => element("th", { scope: "col" }, name)));
    const rows = names.map((name, row) => element("tr", {}, element("th", { scope: "row" }, name), ...names.map((_, column) => {
      const value = counts.values[row * names.length + column];
      const cell = element("td", { class: "number" }, String(value));
      cell.style.background = `color-mix(in srgb, ${css(row === column ? "--look-0" : "--look-1")} ${Math.round((45 * value) / most)}%, transparent)`;
      return cell;
    })));
    table.replaceChildren(element("caption", {}, say("confusion")), element("thead", {}, head), element("tbody", {}, ...rows));
  };
  return { update, language() {} };
}

function scatterView(problem, place) {
  const canvas = element("canvas", { role: "img" });
  const title = element("p", { class: "small quiet" });
  place.replaceChildren(title, canvas);
  const [mean, deviation] = problem.scale;
  const [low, high] = problem.reach;
  return {
    language() { title.textContent = say("scatter"); },
    update(frame) {
      title.textContent = say("scatter");
      const { values, shape: [rows] } = frame.arrays.pairs;
      const { context, width, height } = prepare(canvas, Math.min(320, canvas.clientWidth || 320));
      const box = { x: 52, y: 8, width: width - 64, height: height - 44 };
      const margin = 0.08 * (high - low || 1);
      const [from, to] = [low - margin, high + margin];
      const share = (value) => (value - from) / (to - from);
      context.fillStyle = css("--quiet");
      context.strokeStyle = css("--line");
      for (const tick of ticks(from * deviation + mean, to * deviation + mean)) {
        const part = share((tick - mean) / deviation);
        context.textAlign = "right";
        context.textBaseline = "middle";
        context.fillText(number(tick), box.x - 5, box.y + (1 - part) * box.height);
        context.textAlign = "center";
        context.textBaseline = "top";
        context.fillText(number(tick), box.x + part * box.width, box.y + box.height + 4);
      }
      context.fillText(say("truth"), box.x + box.width / 2, box.y + box.height + 19);
      context.save();
      context.translate(9, box.y + box.height / 2);
      context.rotate(-Math.PI / 2);
      context.fillText(say("answer"), 0, -5);
      context.restore();
      context.strokeRect(box.x, box.y, box.width, box.height);
      context.beginPath();
      context.rect(box.x, box.y, box.width, box.height);
      context.clip();
      context.beginPath();
      context.moveTo(box.x, box.y + box.height);
      context.lineTo(box.x + box.width, box.y);
      context.stroke();
      context.fillStyle = css("--look-0");
      context.globalAlpha = 0.7;
      for (let row = 0; row < rows; row++) {
        context.beginPath();
        context.arc(box.x + share(values[2 * row]) * box.width, box.y + (1 - share(values[2 * row + 1])) * box.height, 3, 0, 2 * Math.PI);
        context.fill();
      }
      context.globalAlpha = 1;
      canvas.setAttribute("aria-label", say("scatter_alt", { number: rows, loss: number(frame.held_out_loss) }));
    },
  };
}

/** First weights of neurons as pictures. */
export function drawFilters(place, frame) {
  const filters = frame.arrays.filters;
  place.hidden = !filters;
  if (!filters) return;
  const [num, height, width] = filters.shape;
  if (place.children.length === 0 || place.dataset.number !== String(num)) {
    place.dataset.number = String(num);
    place.replaceChildren(element("h3", {}), element("canvas", { role: "img", class: "filters" }));
  }
  const [title, canvas] = place.children;
  title.textContent = say("filters");
  canvas.setAttribute("aria-label", say("filters_alt", { number: num }));
  const size = width * Math.max(1, Math.round(56 / width));
  const across = Math.max(1, Math.floor((place.clientWidth || 300) / (size + 6)));
  const { context } = prepare(canvas, Math.ceil(num / across) * (Math.round((size * height) / width) + 6));
  context.imageSmoothingEnabled = false;
  pictures(filters.values, filters.shape, (byte) => signed(unsigned(byte))).forEach((picture, at) => {
    const down = Math.round((size * height) / width);
    context.drawImage(picture, (at % across) * (size + 6), Math.floor(at / across) * (down + 6), size, down);
  });
}
