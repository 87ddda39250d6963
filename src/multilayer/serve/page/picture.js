// A canvas to draw on, and a place to drop a picture.

import { element } from "./form.js";

const SIDE = 320;

/** Fill `place`; `changed` is called with a request's body and its type when there is a new image. */
export function makePicture(place, { height, width }, changed) {
  const scale = SIDE / Math.max(height, width);
  const canvas = element("canvas", { width: width * scale, height: height * scale, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Canvas. Draw with the pointer, or move with the arrow keys and draw with the space bar held down by turns: space switches the pen on and off.");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const small = element("canvas", { width, height });
  small.setAttribute("role", "img");
  small.setAttribute("aria-label", "What the network sees");
  const smallContext = small.getContext("2d", { willReadFrequently: true });
  const pen = { x: canvas.width / 2, y: canvas.height / 2, isDown: false };

  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    show();
  };
  const show = () => {
    smallContext.imageSmoothingEnabled = true;
    smallContext.imageSmoothingQuality = "high";
    smallContext.drawImage(canvas, 0, 0, width, height);
    const values = smallContext.getImageData(0, 0, width, height).data;
    const rows = Array.from({ length: height }, (_, row) =>
      Array.from({ length: width }, (_, column) => values[4 * (row * width + column)]));
    changed(JSON.stringify(rows), "application/json");
  };
  const line = (x, y) => {
    context.strokeStyle = "#fff";
    context.lineWidth = 1.8 * scale;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    show();
  };
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    [pen.x, pen.y] = placeOf(event);
    pen.isDown = true;
    line(pen.x, pen.y);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pen.isDown || !event.buttons) return;
    const [x, y] = placeOf(event);
    line(x, y);
    [pen.x, pen.y] = [x, y];
  });
  canvas.addEventListener("pointerup", () => { pen.isDown = false; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === " ") pen.isDown = !pen.isDown;
    else if (step === undefined) return;
    event.preventDefault();
    const [dx, dy] = step ?? [0, 0];
    const x = Math.min(Math.max(pen.x + dx * scale, 0), canvas.width);
    const y = Math.min(Math.max(pen.y + dy * scale, 0), canvas.height);
    if (pen.isDown) line(x, y);
    [pen.x, pen.y] = [x, y];
    status.textContent = `Pen ${pen.isDown ? "down" : "up"}, column ${Math.floor(x / scale) + 1}, row ${Math.floor(y / scale) + 1}.`;
  });

  const status = element("p", { className: "quiet" }, "White on black, with the pointer or with the arrow keys and the space bar.");
  status.setAttribute("aria-live", "polite");
  const button = element("button", { type: "button" }, "Clear");
  button.addEventListener("click", clear);
  const invert = element("input", { type: "checkbox", id: "invert" });
  const input = element("input", { type: "file", accept: "image/png,image/jpeg", id: "picture-input", className: "hidden" });
  const drop = element("div", { className: "drop" },
    element("label", { htmlFor: "picture-input", className: "button" }, "Choose a PNG or JPEG picture"), input,
    element("span", { className: "quiet" }, "or drop it here"),
    element("label", { htmlFor: "invert" }, invert, " dark on light: swap black and white"));
  let dropped = null;
  const send = async (file) => {
    dropped = file;
    changed(file, file.type, invert.checked);
    const picture = await createImageBitmap(file).catch(() => null);
    if (picture === null) return; // the server says what is wrong with it
    context.filter = invert.checked ? "invert(1)" : "none";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    context.filter = "none";
    smallContext.drawImage(canvas, 0, 0, width, height);
  };
  invert.addEventListener("change", () => dropped && send(dropped));
  onFile(drop, input, send);
  place.replaceChildren(canvas, status, element("p", { className: "buttons" }, button),
    element("div", { className: "preview" }, small, element("span", { className: "quiet" }, `what the network sees: ${height} × ${width} pixels`)), drop);
  clear();
}

/** Call `send` with a file that is dropped on `drop` or chosen by `input`. */
export function onFile(drop, input, send) {
  const take = (files) => { if (files.length) send(files[0]); };
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
}
