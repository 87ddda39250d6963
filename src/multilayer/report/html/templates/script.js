"use strict";
// Pointing at a chart shows, in its legend, the values of all series at the nearest key.
for (const figure of document.querySelectorAll(".chart[data-key-name]:not([data-key-name=''])")) {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const pointed = figure.querySelector(".pointed");
  const values = [...figure.querySelectorAll(".legend b")];
  const traces = [...svg.querySelectorAll("g[data-keys]")].map((group) => ({
    x: group.dataset.x.split(" ").map(Number),
    keys: group.dataset.keys.split(" "),
    labels: group.dataset.labels.split(" "),
  }));
  const rest = () => {
    cursor.setAttribute("hidden", "");
    pointed.textContent = "";
    values.forEach((value) => (value.textContent = value.dataset.last));
  };
  svg.addEventListener("pointerleave", rest);
  svg.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY);
    const across = place.matrixTransform(svg.getScreenCTM().inverse()).x;
    let nearest = { distance: Infinity };
    for (const trace of traces) {
      trace.x.forEach((x, index) => {
        const distance = Math.abs(x - across);
        if (distance < nearest.distance) nearest = { distance, x, key: trace.keys[index] };
      });
    }
    if (nearest.key === undefined) return;
    cursor.setAttribute("transform", `translate(${nearest.x} 0)`);
    cursor.removeAttribute("hidden");
    pointed.textContent = `${figure.dataset.keyName} ${nearest.key}`;
    traces.forEach((trace, number) => {
      const index = trace.keys.indexOf(nearest.key);
      values[number].textContent = index < 0 ? "–" : trace.labels[index];
    });
  });
}
