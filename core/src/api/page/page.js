"use strict";
const by = (id) => document.getElementById(id);
const MOST = 200;
let source;

function state(text) {
  by("state").textContent = text;
  by("state").dataset.state = text;
}

function problem(text) {
  by("problem").textContent = text ?? "";
  by("problem").hidden = !text;
}

function show(kind, text, from, time, id) {
  const item = document.createElement("li");
  item.className = kind;
  for (const [name, value, tag] of [["data", text, "span"], ["when", time, "time"], ["from", from, "span"], ["id", id, "span"]]) {
    const part = document.createElement(tag);
    part.className = name;
    part.textContent = value;
    item.append(part);
  }
  by("events").prepend(item);
  while (by("events").children.length > MOST) by("events").lastChild.remove();
  by("empty").hidden = by("hint").hidden = true;
}

function follow(channel) {
  source?.close();
  by("events").replaceChildren();
  by("empty").hidden = by("hint").hidden = false;
  by("hint").textContent = `tidewire publish ${location.origin} --channel '${channel}' 'hello'\n`
    + `curl -N '${location.origin}/v1/events?channel=${encodeURIComponent(channel)}'`;
  state("connecting");
  source = new EventSource(`/v1/events?channel=${encodeURIComponent(channel)}`);
  source.onopen = () => { state("open"); problem(); };
  source.onerror = () => state(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
  source.onmessage = (event) => {
    const it = JSON.parse(event.data);
    const text = typeof it.data === "string" ? it.data : JSON.stringify(it.data);
    show("message", text, it.user_id, new Date(it.timestamp).toLocaleTimeString(), event.lastEventId);
  };
  source.addEventListener("gap", (event) => {
    const gap = JSON.parse(event.data);
    show("gap", `Something is missing here (${gap.reason}).`, "", "", event.lastEventId);
  });
}

by("follow").addEventListener("submit", (event) => {
  event.preventDefault();
  const channel = by("channel").value;
  location.hash = encodeURIComponent(channel);
  problem();
  follow(channel);
});

by("publish").addEventListener("submit", async (event) => {
  event.preventDefault();
  const channel = encodeURIComponent(by("channel").value);
  try {
    const answer = await fetch(`/v1/channels/${channel}/publish`, {
      method: "POST", headers: { "content-type": "text/plain; charset=utf-8" }, body: by("text").value,
    });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    by("text").value = "";
    problem();
  } catch (error) {
    problem(`Not published: ${error.message}`);
  }
});

try {
  by("channel").value = decodeURIComponent(location.hash.slice(1)) || "demo";
} catch {
  // Not percent-encoded text: somebody else's fragment.
}
follow(by("channel").value);
