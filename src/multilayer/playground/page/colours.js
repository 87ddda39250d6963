// Colours of the style sheet as numbers, and canvases as sharp as the screen.

let known = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { known = new Map(); });

/** A colour of the style sheet, such as "--look-0", as [red, green, blue]. */
export function colour(name) {
  if (!known.has(name)) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(name, [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
  }
  return known.get(name);
}

export const css = (name) => `rgb(${colour(name).join(" ")})`;

const CLASSES = ["--look-0", "--look-1", "--look-2", "--look-3", "--look-4", "--class-5", "--class-6", "--class-7", "--class-8", "--class-9"];

/** The colour of a class, by its number. */
export const ofClass = (number) => CLASSES[number % CLASSES.length];

/** Between two colours: 0 is the first, 1 the second. */
export const mix = (a, b, share) => a.map((value, at) => value + share * (b[at] - value));

/** From orange (−1) over paper (0) to blue (1). */
export function signed(value) {
  const size = Math.min(1, Math.abs(value));
  return mix(colour("--paper"), colour(value < 0 ? "--look-1" : "--look-0"), size);
}

/** Make a canvas as large as it is shown, with a drawing context in pixels of the page. */
export function prepare(canvas, height) {
  const width = canvas.clientWidth || 300;
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  return { context, width, height };
}

/** Pictures of one byte a pixel as canvases; `paint` gives a byte's colour. */
export function pictures(values, [number, height, width], paint) {
  const table = Array.from({ length: 256 }, (_, byte) => paint(byte));
  return Array.from({ length: number }, (_, at) => {
    const canvas = new OffscreenCanvas(width, height);
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const shade = table[values[at * width * height + pixel]];
      image.data.set(shade, 4 * pixel);
      image.data[4 * pixel + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  });
}

/** A byte from 0 to 255 as a number from −1 to 1. */
export const unsigned = (byte) => (byte - 127.5) / 127.5;
