// A table that is dropped on the page.

import { count, say } from "./words.js";

/** Let a file be dropped or chosen; `onText` gets its name and its text. */
export function tableDrop(place, input, mostBytes, complain, onText) {
  async function take(file) {
    if (!file) return;
    complain("");
    if (file.size > mostBytes) {
      complain(say("file_too_large", { name: file.name, bytes: count(file.size), most: count(mostBytes) }));
      return;
    }
    onText(file.name, await file.text());
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
