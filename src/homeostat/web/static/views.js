// What only a run's workload knows how to draw: each view with its caption, of one seed.
import { get, plot } from "./data.js";
import { el } from "./dom.js";

export function views(name, seeds) {
  const drawn = el("div");
  const seed = el("select", { "aria-label": "Seed of the views", onchange: () => look() });
  const tools = el("div", { class: "tools" }, "seed", seed);
  const place = el("section", { hidden: true }, el("h2", {}, "Views"), tools, drawn);
  tools.hidden = seeds.length < 2;
  const look = async () => {
    const chosen = seed.value;
    const found = await get(`runs/${encodeURIComponent(name)}/views`, chosen ? { seed: chosen } : {});
    if (!chosen) seed.replaceChildren(...seeds.map((s) => el("option", { value: s, selected: s === found.seed }, String(s))));
    const none = found.views.length === 0;
    place.hidden = none && !chosen;
    drawn.replaceChildren(...(none ? [el("p", { class: "soft" }, "This seed kept nothing to show.")] : []));
    for (const view of found.views) {
      const figure = el("div", { class: "figure", id: `view-${view.name}` });
      drawn.append(...(view.wrong
        ? [el("p", { class: "soft", role: "alert" }, view.wrong)]
        : [el("h3", {}, view.title), figure, el("p", { class: "soft" }, view.caption)]));
      if (view.figure) await plot(figure, view.figure);
    }
  };
  return { place, look };
}
