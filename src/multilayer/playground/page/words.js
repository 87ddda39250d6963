// The words of the page, in the language that the reader chose.

let words = {};
let language = "en";

/** Take the words, {key: [English, Russian]}, and the language to begin with. */
export function begin(given, first) {
  words = given;
  setLanguage(first ?? (navigator.language.startsWith("ru") ? "ru" : "en"));
}

/** Show everything that does not change in a language, "en" or "ru". */
export function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = language;
  document.title = `${say("title")} – multilayer`;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = say(one.dataset.word);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(one.dataset.label));
  for (const one of ["en", "ru"]) {
    document.getElementById(`language-${one}`).setAttribute("aria-pressed", String(one === language));
  }
}

/** One of a pair [English, Russian]. */
export function ofPair(pair) {
  return pair[language === "ru" ? 1 : 0];
}

export const hasWord = (key) => key in words;

/** A text by its key, {name} in it being filled in. */
export function say(key, values = {}) {
  const text = key in words ? ofPair(words[key]) : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** A number as people read it: three digits that count. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const written = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return written.replace("-", "−");
}

/** A share as a percentage. */
export const percent = (value) => (value === null ? "–" : `${number(100 * value)}\u202f%`);

/** A count with thin spaces between thousands. */
export const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** An element with attributes and children; text is text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
