// A form made from a model's columns, and the row that it holds.

const TRUE = ["true", "yes", "t", "y", "on", "1"];
const FALSE = ["false", "no", "f", "n", "off", "0"];
const MOST_FIELDS_SHOWN = 40;

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Fill `form` with a field for each column; `changed` is called when a value changes. */
export function makeForm(form, columns, changed) {
  const fields = columns.map((column, place) => fieldOf(column, `field-${place}`));
  const shown = element("div", { className: "fields" });
  shown.append(...fields.slice(0, MOST_FIELDS_SHOWN).map((field) => field.element));
  form.replaceChildren(shown);
  const others = fields.slice(MOST_FIELDS_SHOWN);
  if (others.length) {
    const more = element("div", { className: "fields" });
    more.append(...others.map((field) => field.element));
    form.append(element("details", {}, element("summary", {}, `${others.length} more columns`), more));
  }
  const fill = (values) => {
    for (const field of fields) field.set(values(field.column));
    changed();
  };
  const example = element("button", { type: "button" }, "The example");
  example.addEventListener("click", () => fill((column) => column.example ?? column.typical));
  const typical = element("button", { type: "button" }, "Typical values");
  typical.addEventListener("click", () => fill((column) => column.typical ?? column.example));
  form.append(element("p", { className: "buttons" }, example, typical));
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const field of fields) field.set(field.column.example ?? field.column.typical);
  return () => Object.fromEntries(fields.map((field) => [field.column.name, field.get()]));
}

function fieldOf(column, id) {
  const made = { number: numberField, date: dateField, boolean: choiceField, choice: choiceField }[column.kind](column, id);
  const hint = element("p", { className: "hint", id: `${id}-hint` }, hintOf(column));
  const label = element("label", { htmlFor: id }, column.name);
  made.main.setAttribute("aria-describedby", `${id}-hint`);
  return { ...made, column, element: element("div", { className: "field" }, label, ...made.inputs, hint) };
}

function hintOf(column) {
  if (column.kind === "choice") return `${column.num_choices} choices`;
  return column.kind === "boolean" ? "yes or no" : column.hint;
}

function numberField(column, id) {
  const main = element("input", { id, type: "number", step: "any", placeholder: "missing" });
  const inputs = [main];
  const slider = element("input", { type: "range", ariaLabel: `${column.name}, as a slider` });
  const { low, high } = column;
  if (low < high) {
    slider.min = low;
    slider.max = high;
    slider.step = stepOf(column);
    slider.addEventListener("input", () => { main.value = String(Number(Number(slider.value).toPrecision(6))); });
    main.addEventListener("input", () => { slider.value = main.value === "" ? column.typical : main.value; });
    inputs.push(slider);
  }
  return {
    main,
    inputs,
    get: () => (main.value === "" ? null : Number(main.value)),
    set: (value) => {
      main.value = value ?? "";
      slider.value = value ?? column.typical;
    },
  };
}

function stepOf({ low, high, hint }) {
  if (hint.startsWith("whole numbers")) return 1;
  return 10 ** Math.floor(Math.log10((high - low) / 100));
}

function textField(column, id) {
  const main = element("input", { id, type: "text", placeholder: "missing" });
  return {
    main,
    inputs: [main],
    get: () => (main.value.trim() === "" ? null : main.value),
    set: (value) => { main.value = value ?? ""; },
  };
}

function dateField(column, id) {
  const field = textField(column, id);
  if (/^\d{4}-\d\d-\d\d$/.test(column.example ?? "")) field.main.type = "date";
  return field;
}

function choiceField(column, id) {
  if (column.choices.length < column.num_choices) {
    const field = textField(column, id);
    const list = element("datalist", { id: `${id}-list` }, ...column.choices.map((value) => element("option", { value })));
    field.main.setAttribute("list", list.id);
    return { ...field, inputs: [field.main, list] };
  }
  const words = { true: "yes", false: "no" };
  const options = column.choices.map((value) =>
    element("option", { value }, column.kind === "boolean" ? words[value] : value));
  const main = element("select", { id }, element("option", { value: "" }, "(missing)"), ...options);
  return {
    main,
    inputs: [main],
    get: () => (main.value === "" ? null : main.value),
    set: (value) => {
      main.value = column.kind === "boolean" ? booleanOf(value) : choiceOf(column, value);
    },
  };
}

function booleanOf(value) {
  const text = String(value ?? "").trim().toLowerCase();
  return TRUE.includes(text) ? "true" : FALSE.includes(text) ? "false" : "";
}

function choiceOf(column, value) {
  const text = String(value ?? "").trim();
  if (column.choices.includes(text)) return text;
  const same = column.choices.find((choice) => text !== "" && Number(choice) === Number(text));
  return same ?? "";
}
