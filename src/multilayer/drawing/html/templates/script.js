"use strict";
// Pointing at a chart, or moving the slider below it, shows in the chart's legend the values of all
// series at a key; the slider says them to a screen reader.
for (const figure of document.querySelectorAll(".chart[data-key-name]:not([data-key-name=''])")) {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const pointed = figure.querySelector(".pointed");
  const reader = figure.querySelector(".reader");
  const names = [...figure.querySelectorAll(".legend span")].map((name) => name.textContent);
  const values = [...figure.querySelectorAll(".legend b")];
  const traces = [...svg.querySelectorAll("g[data-keys]")].map((group) => ({
    x: group.dataset.x.split(" ").map(Number),
    keys: group.dataset.keys.split(" "),
    labels: group.dataset.labels.split(" "),
  }));
  // Each key once, from left to right, where the last of its points lies.
  const placeOf = new Map(traces.flatMap((trace) => trace.keys.map((key, n) => [key, trace.x[n]])));
  const places = [...placeOf].map(([key, x]) => ({ key, x })).sort((a, b) => a.x - b.x);
  const labelsAt = (key) =>
    traces.map((trace) => trace.labels[trace.keys.indexOf(key)] ?? "–");
  const say = (number) => {
    const labels = labelsAt(places[number].key);
    const said = names.map((name, n) => `${name} ${labels[n]}`).join(", ");
    reader.value = number;
    reader.setAttribute("aria-valuetext", `${figure.dataset.keyName} ${places[number].key}: ${said}`);
    return labels;
  };
  const show = (number) => {
    const labels = say(number);
    cursor.setAttribute("transform", `translate(${places[number].x} 0)`);
    cursor.removeAttribute("hidden");
    pointed.textContent = `${figure.dataset.keyName} ${places[number].key}`;
    values.forEach((value, n) => (value.textContent = labels[n]));
  };
  const rest = () => {
    cursor.setAttribute("hidden", "");
    pointed.textContent = "";
    values.forEach((value) => (value.textContent = value.dataset.last));
  };
  if (places.length === 0) continue;
  reader.max = places.length - 1;
  reader.hidden = false;
  say(places.length - 1);
  reader.addEventListener("focus", () => show(Number(reader.value)));
  reader.addEventListener("input", () => show(Number(reader.value)));
  reader.addEventListener("blur", rest);
  svg.addEventListener("pointerleave", rest);
  svg.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY);
    const across = place.matrixTransform(svg.getScreenCTM().inverse()).x;
    let nearest = { distance: Infinity, key: "" };
    for (const trace of traces) {
      trace.x.forEach((x, index) => {
        const distance = Math.abs(x - across);
        if (distance < nearest.distance) nearest = { distance, key: trace.keys[index] };
      });
    }
    show(places.findIndex(({ key }) => key === nearest.key));
  });
}
