// The specification as a page on which each address can be tried.

import { element } from "./form.js";

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 1); } catch { return text; }
}

function parametersOf(operation) {
  const inputs = (operation.parameters ?? []).map((one, place) => {
    const id = `${operation.operationId}-${place}`;
    const input = element("input", { id, type: "text", placeholder: one.schema.type });
    return { name: one.name, input, element: element("p", { className: "control" }, element("label", { htmlFor: id }, one.name), input, element("span", { className: "quiet" }, one.description)) };
  });
  const query = () => {
    const given = inputs.filter(({ input }) => input.value !== "").map(({ name, input }) => [name, input.value]);
    return given.length ? `?${new URLSearchParams(given)}` : "";
  };
  return [inputs, query];
}

function operationOf(path, method, operation) {
  const [inputs, query] = parametersOf(operation);
  const body = operation.requestBody?.content["application/json"];
  const types = Object.keys(operation.requestBody?.content ?? {});
  const box = element("textarea", { spellcheck: false, value: body ? JSON.stringify(body.example, null, 1) : "" });
  box.setAttribute("aria-label", "Body of the request");
  const button = element("button", { type: "button" }, "Send");
  const status = element("p", { className: "quiet" });
  status.setAttribute("role", "status");
  const reply = element("pre", { className: "reply", hidden: true, tabIndex: 0 });
  button.addEventListener("click", async () => {
    const began = performance.now();
    const options = body ? { method, body: box.value, headers: { "content-type": "application/json" } } : { method };
    try {
      const answer = await fetch(path + query(), options);
      reply.textContent = pretty(await answer.text());
      status.textContent = `status ${answer.status}, ${(performance.now() - began).toFixed(0)} ms`;
    } catch (error) {
      status.textContent = `no answer: ${error.message}`;
    }
    reply.hidden = false;
  });
  const summary = element("summary", {}, element("span", { className: "method" }, method.toUpperCase()),
    element("span", { className: "path" }, path), element("span", { className: "quiet" }, operation.summary));
  const made = element("details", { className: "operation" }, summary, ...inputs.map((one) => one.element));
  if (body) made.append(element("p", { className: "quiet" }, `Content: ${types.join(", ")}`), box);
  made.append(element("p", { className: "buttons" }, button, status), reply);
  return made;
}

async function begin() {
  const specification = await (await fetch("/openapi.json")).json();
  document.getElementById("summary").textContent = `multilayer ${specification.info.version}: ${specification.info.description}`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(specification.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      groups.set(tag, [...(groups.get(tag) ?? []), operationOf(path, method, operation)]);
    }
  }
  for (const [tag, operations] of groups) {
    document.getElementById("operations").append(element("section", {}, element("h2", {}, tag), ...operations));
  }
  document.querySelector("details").open = true;
}

begin();
