// What the server knows, and the stream that says when it has changed.

// Whether this reader may change anything: with the token only.
export const rights = () => get("rights");

export async function change(path, query, body) {
  const asked = new URL(`api/${path}`, document.baseURI.split("#")[0]);
  for (const [name, value] of Object.entries(query)) asked.searchParams.append(name, value);
  const reply = await fetch(asked, {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Homeostat": "yes" },
  });
  if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).error || reply.statusText);
  return reply.json();
}

export async function get(path, query = {}) {
  const asked = new URL(`api/${path}`, document.baseURI.split("#")[0]);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) asked.searchParams.append(name, one);
  }
  const reply = await fetch(asked);
  if (!reply.ok) {
    const told = await reply.json().catch(() => ({ error: reply.statusText, hint: "" }));
    throw new Error([told.error, told.hint].filter(Boolean).join("  "));
  }
  return (reply.headers.get("content-type") || "").includes("json") ? reply.json() : reply.text();
}

export function listen(changed) {
  const lamp = document.getElementById("live");
  const tell = (state, word) => { lamp.className = state; lamp.textContent = word; };
  const events = new EventSource("api/events");
  let first = true;
  events.onerror = () => tell("off", "connection lost");
  // Live from the first message on: what changes after that look at the disk is told.
  events.onmessage = () => { tell("on", "live"); if (!first) changed(); first = false; };
}

// drawFigure is of pages/draw.js, as a file of a page has it too.
export const plot = (place, figure) => drawFigure(place, figure);

export async function draw(place, path, query) {
  await plot(place, await get(path, query));
}
