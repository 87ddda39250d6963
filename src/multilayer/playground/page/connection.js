// The connection to the session that trains: JSON there, numbers back.

const TYPES = { f4: Float32Array, u1: Uint8Array };

/** A message of the server, see messages.py: its JSON object, whose arrays are typed arrays. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  const arrays = {};
  for (const [name, type, shape] of message.arrays) {
    const size = shape.reduce((a, b) => a * b, 1);
    const Kind = TYPES[type];
    arrays[name] = { values: new Kind(buffer, place, size), shape };
    place += 8 * Math.ceil((size * Kind.BYTES_PER_ELEMENT) / 8);
  }
  return { ...message, arrays };
}

/** Connect; `onMessage` gets each message, `onOpen` and `onClose` are called once. */
export function connect({ onOpen, onMessage, onClose }) {
  const address = new URL("session", location.href);
  address.protocol = "ws:";
  address.hash = "";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", onOpen);
  socket.addEventListener("message", (event) => onMessage(unpack(event.data)));
  socket.addEventListener("close", onClose);
  return (command) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  };
}
