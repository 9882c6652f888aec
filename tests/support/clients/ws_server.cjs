// Waits for one client with npm's `ws` and does what standard input says: node ws_server.cjs PACKAGES OPTIONS, where OPTIONS are JSON:
// `protocol` to choose, `status` and `body` to refuse with, and what the package takes. First it tells its port.
const { createRequire } = require("node:module");
const { WebSocketServer } = createRequire(process.argv[2] + "/package.json")("ws");
const { follow, tell } = require("./ws_steps.cjs");

const { protocol, status, body, ...options } = JSON.parse(process.argv[3]);
const handleProtocols = (offered) => (offered.has(protocol) ? protocol : false);
const verifyClient = (_, accept) => (status ? accept(false, status, body) : accept(true));
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols, verifyClient, ...options });
server.on("listening", () => tell("listening", server.address().port));
let extensions = "";
server.on("headers", (headers) => {
  const field = headers.find((line) => line.toLowerCase().startsWith("sec-websocket-extensions:"));
  extensions = field?.split(": ")[1] ?? "";
});
server.on("connection", (socket, request) => {
  tell("open", socket.protocol, extensions, request.url, request.headers["user-agent"] ?? "");
  follow(socket);
});
