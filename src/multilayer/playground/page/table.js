// A table that is dropped on the page.

import { count, say } from "./words.js";

/** The text in bytes of UTF-8, or of UTF-16 with its mark; null where they are neither. */
function textOf(bytes) {
  const [first, second] = new Uint8Array(bytes);
  const encoding = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Let a file be dropped or chosen; `onText` gets its name and its text. */
export function tableDrop(place, input, mostBytes, complain, onText) {
  async function take(file) {
    if (!file) return;
    complain("");
    if (file.size > mostBytes) {
      complain(say("file_too_large", { name: file.name, bytes: count(file.size), most: count(mostBytes) }));
      return;
    }
    const text = textOf(await file.arrayBuffer());
    if (text === null) complain(say("not_text", { name: file.name }));
    else onText(file.name, text);
  }
  input.addEventListener("change", () => { take(input.files[0]); input.value = ""; });
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add("over"); });
  }
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  // A file that misses the place must not take the reader away from the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
}
