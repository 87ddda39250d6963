// The hidden layers, changed by hand.

import { element, say } from "./words.js";

/** Show an editor of hidden layers; `onChange` is called with widths and activations. */
export function showLayers(list, addButton, { widths, activations }, start, onChange) {
  const change = (at, width, activation, number = 1) => {
    const [newWidths, newActivations] = [[...widths], [...activations]];
    newWidths.splice(at, number, ...(width === undefined ? [] : [width]));
    newActivations.splice(at, number, ...(width === undefined ? [] : [activation]));
    onChange(newWidths, newActivations);
  };
  addButton.disabled = widths.length >= start.most_layers;
  addButton.onclick = () => change(widths.length, widths.at(-1) ?? 8, activations.at(-1) ?? "tanh", 0);
  const focused = document.activeElement?.id;
  list.replaceChildren(...widths.map((width, at) => {
    const number = at + 1;
    const input = element("input", { type: "number", min: 1, max: start.widest, step: 1, value: width, id: `width-${number}`, "aria-label": say("neurons_of", { number }) });
    const select = element("select", { id: `activation-${number}`, "aria-label": say("activation_of", { number }) }, ...start.choices.activations.map((name) => element("option", { value: name }, name)));
    select.value = activations[at];
    const remove = element("button", { type: "button", class: "small-button", "aria-label": say("remove_layer", { number }), id: `remove-${number}` }, "×");
    input.onchange = () => change(at, input.valueAsNumber, activations[at]);
    select.onchange = () => change(at, widths[at], select.value);
    remove.onclick = () => change(at, undefined);
    return element("li", {}, element("span", { class: "small quiet" }, say("layer", { number })), element("span", { class: "layer" }, input, select, remove));
  }));
  if (focused) document.getElementById(focused)?.focus();
}
