// The form and the link: the same fields, one text.

import { element, hasWord, say } from "./words.js";

const NUMBERS = ["noise", "num_rows", "seed", "learning_rate", "batch_size", "dropout", "weight_decay", "num_seeds", "num_epochs"];
const CHOICES = ["problem", "optimizer", "initialization"];
const MADE = ["noise", "num_rows"]; // of problems that are made from a seed
const STEPS = [1, 3]; // of a learning rate with the arrow keys, times powers of ten

/** Fill the choices, in the language that is set; the table is one of the problems once it is there. */
export function fillChoices(form, start, hasTable) {
  for (const name of CHOICES) {
    const select = form.elements[name];
    const chosen = select.value;
    const values = start.choices[name].filter((value) => value !== "table" || hasTable);
    select.replaceChildren(...values.map((value) => element("option", { value }, hasWord(`${name}_${value}`) ? say(`${name}_${value}`) : value)));
    if (chosen) select.value = chosen;
  }
  for (const name of [...NUMBERS, ...CHOICES, "target"]) {
    const label = form.elements[name].closest("label").querySelector("span");
    const begins = !start.goes_on.includes(name);
    label.textContent = say(name) + (begins ? " ↻" : "");
    if (begins) label.title = say("begins_anew");
  }
}

/** Show a link's settings in the form. */
export function showSettings(form, query, start, columns) {
  const given = new URLSearchParams(query);
  for (const name of [...NUMBERS, ...CHOICES]) {
    const field = form.elements[name];
    if (given.has(name) && document.activeElement !== field) field.value = NUMBERS.includes(name) ? String(Number(given.get(name))) : given.get(name);
  }
  const problem = given.get("problem");
  for (const one of form.querySelectorAll("[data-for=made]")) one.hidden = !start.made_problems.includes(problem);
  const ofTable = form.querySelector("[data-for=table]");
  ofTable.hidden = problem !== "table" || columns.length === 0;
  const target = form.elements.target;
  target.replaceChildren(...columns.map((name) => element("option", { value: name }, name)));
  target.value = given.get("target") || columns.at(-1) || "";
}

/** The link's settings with those of the form in place of theirs; a problem has its own fields alone. */
export function readSettings(form, query, start) {
  const given = new URLSearchParams(query);
  for (const name of [...NUMBERS, ...CHOICES, "target"]) given.set(name, form.elements[name].value);
  const problem = given.get("problem");
  const isMade = start.made_problems.includes(problem);
  for (const name of MADE) {
    if (!isMade) given.delete(name);
    else if (given.get(name) === "") given.set(name, new URLSearchParams(start.defaults).get(name));
  }
  if (problem !== "table") given.delete("target");
  return clean(given);
}

/** Other hidden layers in a link's settings. */
export function withLayers(query, widths, activations) {
  const given = new URLSearchParams(query);
  given.set("hidden_widths", widths.join(","));
  given.set("activations", activations.join(","));
  return clean(given);
}

/** Widths and activations of a link's hidden layers. */
export function layersOf(query) {
  const given = new URLSearchParams(query);
  const parts = (name) => (given.get(name) ? given.get(name).split(",") : []);
  return { widths: parts("hidden_widths").map(Number), activations: parts("activations") };
}

const clean = (given) => given.toString().replaceAll("%2C", ",");

/** Let the arrow keys take learning rate and weight decay through 0.1, 0.3, 1, 3 and so on. */
export function ladder(field) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const isUp = event.key === "ArrowUp";
    const rungs = [0];
    for (let power = -6; power <= 1; power++) for (const step of STEPS) rungs.push(Number(`${step}e${power}`));
    const now = field.valueAsNumber || 0;
    const next = isUp ? rungs.find((rung) => rung > now * (1 + 1e-9)) : rungs.findLast((rung) => rung < now * (1 - 1e-9));
    if (next === undefined) return;
    field.value = String(next);
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
