// Follows the stream at the URL with npm's `eventsource-client`, which reconnects by itself: node eventsource-client.cjs PACKAGES URL
const { createRequire } = require("node:module");
const { createEventSource } = createRequire(process.argv[2] + "/package.json")("eventsource-client");

let isFirst = true;
createEventSource({
  url: process.argv[3],
  onMessage: ({ event, data }) => {
    if (event !== "connected") console.log((event ?? "message") + " " + data);
    else if (isFirst) console.log("connected");
    isFirst = false;
  },
});
