// Connects to the URL with npm's `ws` and does what standard input says: node ws_client.cjs PACKAGES URL OPTIONS, where OPTIONS are JSON:
// `protocols`, and what the package takes.
const { createRequire } = require("node:module");
const { WebSocket } = createRequire(process.argv[2] + "/package.json")("ws");
const { follow, tell } = require("./ws_steps.cjs");

const { protocols, ...options } = JSON.parse(process.argv[4]);
const socket = new WebSocket(process.argv[3], protocols ?? [], { perMessageDeflate: false, ...options });
let extensions = "";
socket.on("upgrade", (response) => (extensions = response.headers["sec-websocket-extensions"] ?? ""));
socket.on("unexpected-response", (request, response) => {
  let body = "";
  response.on("data", (data) => (body += data));
  response.on("end", () => (tell("refused", response.statusCode, body), process.exit(0)));
});
socket.on("open", () => tell("open", socket.protocol, extensions));
follow(socket);
