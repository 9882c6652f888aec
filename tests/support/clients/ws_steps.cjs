// What npm's `ws` does on one connection, a line of standard input each, with one line of standard output for it.
const { createHash } = require("node:crypto");

exports.tell = (...line) => console.log(JSON.stringify(line));

/// Takes steps once `open` has been told; what came in the meantime waits in order.
exports.follow = (socket) => {
  const events = [];
  let waiting = null;
  const happened = (...event) => (waiting ? waiting(event) : events.push(event));
  const next = async (...kinds) => {
    for (;;) {
      const event = events.shift() ?? (await new Promise((resolve) => (waiting = resolve)));
      waiting = null;
      if (kinds.includes(event[0]) || event[0] === "closed") return event;
    }
  };
  socket.on("message", (data, isBinary) => happened(isBinary ? "binary" : "text", data));
  socket.on("pong", (data) => happened("pong", data.toString()));
  socket.on("close", (code, reason) => happened("closed", code, reason.toString()));
  socket.on("error", (error) => exports.tell("error", error.message));

  const message = async () => {
    const [kind, data, reason] = await next("text", "binary");
    return kind === "closed" ? [kind, data, reason] : [kind, kind === "text" ? data.toString() : data.toString("hex")];
  };
  const steps = {
    text: async (text) => (socket.send(text), message()),
    binary: async (hex) => (socket.send(Buffer.from(hex, "hex")), message()),
    "no text": async (hex) => (socket.send(Buffer.from(hex, "hex"), { binary: false }), message()),
    fragments: async (...parts) => {
      parts.forEach((part, at) => socket.send(part, { fin: at === parts.length - 1 }));
      return message();
    },
    // A long message there and back, in frames of so many bytes.
    fill: async (kind, size, frame) => {
      const data = fill(kind, size);
      for (let at = 0; at === 0 || at < size; at += frame) {
        socket.send(data.subarray(at, at + frame), { binary: kind === "binary", fin: at + frame >= size });
      }
      const [came, echo, reason] = await next("text", "binary");
      return came === "closed" ? [came, echo, reason] : [came, echo.length, digest(echo) === digest(data)];
    },
    ping: async (text) => (socket.ping(text), next("pong")),
    receive: async () => message(),
    close: async (code, reason) => (code ? socket.close(code, reason) : socket.close(), next("closed")),
    closed: async () => next("closed"),
    terminate: async () => (socket.terminate(), next("closed")),
    bytes: async () => ["bytes", socket._socket.bytesRead, socket._socket.bytesWritten],
  };
  const take = async () => {
    for await (const line of require("node:readline").createInterface({ input: process.stdin })) {
      const [step, ...rest] = JSON.parse(line);
      exports.tell(...(await steps[step](...rest)));
    }
    process.exit(0);
  };
  take();
};

const digest = (data) => createHash("sha1").update(data).digest("hex");

/// Text that compresses, or bytes that do not (xorshift32).
const fill = (kind, size) => {
  if (kind === "text") return Buffer.from("wired for the tide, ".repeat(Math.ceil(size / 20))).subarray(0, size);
  let state = 2463534242;
  return Buffer.from(Array.from({ length: size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  }));
};
