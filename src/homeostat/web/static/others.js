import { get } from "./data.js";
import { el, table } from "./dom.js";

export async function notes(place) {
  const text = el("pre");
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
