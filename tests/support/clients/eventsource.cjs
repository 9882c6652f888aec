// Follows the stream at the URL with npm's `eventsource`, which reconnects by itself: node eventsource.cjs PACKAGES URL
const { createRequire } = require("node:module");
const { EventSource } = createRequire(process.argv[2] + "/package.json")("eventsource");

const source = new EventSource(process.argv[3]);
source.addEventListener("connected", () => console.log("connected"), { once: true });
source.addEventListener("message", (event) => console.log("message " + event.data));
source.addEventListener("gap", (event) => console.log("gap " + event.data));
source.addEventListener("error", () => source.readyState === 2 && console.log("gave up"));
