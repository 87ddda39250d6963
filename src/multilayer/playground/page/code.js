// What is on the page as code, in four forms.

import { element, say } from "./words.js";

const FORMS = ["scratch", "book", "command", "python"];

/** The panel of code; `show` takes the four texts, `language` says its words again. */
export function codePanel(place) {
  let [forms, chosen] = [{}, "scratch"];
  const told = element("p", { class: "quiet small" });
  const tabs = element("div", { role: "tablist", class: "buttons" });
  const text = element("code", {});
  const panel = element("pre", { id: "code-text", role: "tabpanel", tabindex: "0" }, text);
  const copy = element("button", { type: "button", id: "copy-code" });
  const outcome = element("span", { role: "status", class: "quiet small" });
  const buttons = FORMS.map((form) => {
    const button = element("button", { type: "button", role: "tab", id: `code-${form}`, "aria-controls": "code-text" });
    button.addEventListener("click", () => choose(form));
    return button;
  });
  tabs.append(...buttons);
  tabs.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    choose(FORMS[(FORMS.indexOf(chosen) + by + FORMS.length) % FORMS.length]);
    buttons[FORMS.indexOf(chosen)].focus();
  });
  copy.addEventListener("click", () => copyText(text.textContent, outcome, panel));
  place.replaceChildren(told, tabs, panel, element("p", {}, copy, " ", outcome));

  function choose(form) {
    chosen = form;
    outcome.textContent = "";
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(FORMS[at] === chosen));
      button.tabIndex = FORMS[at] === chosen ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `code-${chosen}`);
    text.textContent = forms[chosen] ?? "";
  }

  function language() {
    told.textContent = say("code_told");
    buttons.forEach((button, at) => { button.textContent = say(`code_${FORMS[at]}`); });
    tabs.setAttribute("aria-label", say("code"));
    copy.textContent = say("copy");
  }

  language();
  choose(chosen);
  return { language, show: (given) => { forms = given; choose(chosen); } };
}

/** Put a text on the clipboard, and say whether it is there. */
export async function copyText(text, outcome, selectable) {
  try {
    await navigator.clipboard.writeText(text);
    outcome.textContent = say("copied");
  } catch {
    outcome.textContent = say("not_copied");
    if (selectable) getSelection().selectAllChildren(selectable);
  }
}
