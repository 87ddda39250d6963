// The page: asks the server as its form or canvas changes, and shows what it answers.

import { chartOf, changesOf, explanationWords, inWords } from "./answer.js";
import { element, makeForm } from "./form.js";
import { makePicture, onFile } from "./picture.js";

const SECONDS_STILL = { answer: 0.12, explanation: 0.35 };
const at = (id) => document.getElementById(id);

async function ask(path, body, type) {
  const reply = await fetch(path, { method: body === undefined ? "GET" : "POST", body, headers: type ? { "content-type": type } : {} });
  if (reply.ok) return reply;
  const text = await reply.text();
  let message = text;
  try { message = JSON.parse(text).error; } catch { /* no JSON: a proxy's own page */ }
  throw new Error(message);
}

/** A function that is called once nothing has called it for a while, with the newest arguments. */
function afterAWhile(seconds, call) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), 1000 * seconds);
  };
}

function complain(error) {
  at("problem").textContent = error.message;
  at("problem").hidden = false;
  at("chart").classList.add("stale");
}

function listNotes(list, notes) {
  list.replaceChildren(...notes.map((note) => element("li", {}, note)));
}

function showAnswer(schema, answer) {
  at("problem").hidden = true;
  at("chart").classList.remove("stale");
  at("prediction").replaceChildren(...inWords(schema, answer));
  at("chart").replaceChildren(...chartOf(schema, answer));
  listNotes(at("notes"), answer.notes);
}

function coverage(schema) {
  return schema.has_coverage ? at("coverage").value : "";
}

function query(schema, more = {}) {
  const given = { ...more };
  if (coverage(schema)) given.coverage = coverage(schema);
  const text = new URLSearchParams(given).toString();
  return text && `?${text}`;
}

/** Functions that ask for an answer and for an explanation; only the newest answer is shown. */
function asker(schema) {
  let newest = 0;
  const name = encodeURIComponent(schema.name);
  return {
    async answer(body, type, invert = false) {
      const number = ++newest;
      try {
        const reply = await ask(`/predict/${name}${query(schema, invert ? { invert } : {})}`, body, type);
        const answer = await reply.json();
        if (number === newest) showAnswer(schema, answer);
      } catch (error) {
        if (number === newest) complain(error);
      }
    },
    async explanation(body) {
      const number = newest;
      try {
        const found = await (await ask(`/explain/${name}`, body, "application/json")).json();
        if (number !== newest) return;
        at("explanation-words").textContent = explanationWords(schema, found);
        at("changes").replaceChildren(...changesOf(schema, found));
        at("explanation").hidden = false;
      } catch {
        at("explanation").hidden = true; // the answer itself says what is wrong
      }
    },
  };
}

function showHead(schema) {
  document.title = `${schema.name} – multilayer`;
  at("name").textContent = schema.name;
  at("summary").textContent = `Answers with ${schema.summary}. Version ${schema.version}.`;
  if (schema.models.length > 1) {
    at("links").prepend(...schema.models.map((name) => {
      const link = element("a", { href: `/?model=${encodeURIComponent(name)}` }, name);
      if (name === schema.name) link.setAttribute("aria-current", "page");
      return element("li", {}, link);
    }));
  }
}

function showCoverage(schema, changed) {
  if (!schema.has_coverage) return;
  const what = schema.task === "regression" ? "interval holds the true number" : "set holds the true class";
  at("coverage-words").textContent = `the share of rows whose ${what}, by ${schema.num_held_out.toLocaleString("en")} held-out rows`;
  at("coverage-line").hidden = false;
  at("coverage").addEventListener("change", changed);
}

function takeTables(schema) {
  at("file").hidden = false;
  const outcome = at("file-outcome");
  onFile(at("file-drop"), at("file-input"), async (file) => {
    listNotes(at("file-notes"), []);
    if (file.size > schema.max_body_bytes) {
      outcome.textContent = `${file.name} has ${file.size.toLocaleString("en")} bytes; this server takes ${schema.max_body_bytes.toLocaleString("en")} at once. Use multilayer predict, which takes files of any size.`;
      return;
    }
    outcome.textContent = `${file.name} is being answered …`;
    try {
      const more = schema.task === "regression" ? {} : { probabilities: true };
      const reply = await ask(`/predict/${encodeURIComponent(schema.name)}${query(schema, more)}`, file, "text/csv");
      const name = `${file.name.replace(/\.[^.]*$/, "")}-answers.csv`;
      const link = element("a", { href: URL.createObjectURL(await reply.blob()), download: name }, name);
      outcome.replaceChildren("Answered: ", link);
      link.click();
      listNotes(at("file-notes"), JSON.parse(reply.headers.get("multilayer-notes") ?? "[]"));
    } catch (error) {
      outcome.textContent = `${file.name}: ${error.message}`;
    }
  });
}

async function begin() {
  const name = new URLSearchParams(location.search).get("model");
  const models = await (await ask("/models")).json();
  const schema = await (await ask(`/schema/${encodeURIComponent(name ?? models[0])}`)).json();
  showHead(schema);
  const { answer, explanation } = asker(schema);
  if (schema.image) {
    let last = [];
    const later = afterAWhile(SECONDS_STILL.answer, answer);
    at("picture").hidden = false;
    at("form").hidden = true;
    showCoverage(schema, () => answer(...last));
    makePicture(at("picture"), schema.image, (...given) => { last = given; later(...given); });
    return;
  }
  const changed = () => {
    answerLater();
    explainLater();
  };
  const row = makeForm(at("form"), schema.columns, changed);
  const answerLater = afterAWhile(SECONDS_STILL.answer, () => answer(JSON.stringify(row()), "application/json"));
  const explainLater = afterAWhile(SECONDS_STILL.explanation, () => explanation(JSON.stringify(row())));
  showCoverage(schema, changed);
  takeTables(schema);
  changed();
}

begin().catch(complain);
