import { get } from "./data.js";
import { el, table } from "./dom.js";
import { play } from "./replay.js";

export async function notes(place) {
  const text = el("pre", { class: "wrapped" });
  place.append(el("h1", {}, "Notes"), text);
  return async () => {
    text.textContent = (await get("notes")) || "No notes yet. Write some:  homeostat notes add RUN";
  };
}

export async function workloads(place) {
  const found = await get("workloads");
  place.append(el("h1", {}, "Workloads"), ...found.map((w) =>
    el("details", {},
      el("summary", {}, el("b", {}, w.name), ` ${w.what}`),
      el("p", { class: "soft" }, `Configurations: ${w.configs.join(", ") || "none"}`),
      table([
        { head: "parameter", cell: (p) => p.name }, { head: "default", cell: (p) => p.default },
        { head: "range", cell: (p) => `${p.range}${p.log ? " log" : ""}` }, { head: "tier", cell: (p) => p.tier, number: true },
        { head: "note", cell: (p) => p.why || p.help, long: true },
      ], w.parameters))));
}

export async function replays(place) {
  const list = el("div");
  place.append(el("h1", {}, "Replays of evolved creatures"), list);
  return async () => {
    const found = (await get("replays")).filter((name) => !name.startsWith("studies/"));  // on their own pages
    list.replaceChildren(found.length
      ? el("ul", {}, found.map((name) => el("li", {}, el("a", { href: `#/replay/${encodeURIComponent(name)}` }, name))))
      : el("p", { class: "empty" }, "No replays here yet. Make one:  nas replay --run RUN"));
  };
}

export async function replay(place, name) {
  const film = await get(`replays/${encodeURIComponent(name)}`);
  let begun = false;
  return async () => {
    if (!begun) play(place, film);
    begun = true;
  };
}
