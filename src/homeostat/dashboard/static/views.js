// What only a run's workload knows how to draw: each view with its caption, of one seed.
import { get, plot } from "./data.js";
import { el } from "./dom.js";

export function views(name, heading) {
  const drawn = el("div");
  const seed = el("select", { "aria-label": "Seed of the views", onchange: () => look().catch(fail) });
  const tools = el("div", { class: "tools" }, "seed", seed);
  const place = el("section", { id: "views", hidden: true }, el("h2", {}, heading), tools, drawn);
  let asked = 0;
  const look = async () => {
    const mine = ++asked;
    const chosen = seed.value;
    const found = await get("run/views", chosen ? { name, seed: chosen } : { name });
    if (mine !== asked) return;  // another seed has been asked for since
    const none = found.views.length === 0;
    place.hidden = none && !chosen;
    tools.hidden = found.seeds.length < 2;
    seed.replaceChildren(...found.seeds.map((s) => el("option", { value: s, selected: s === found.seed }, String(s))));
    const made = found.views.map((view) => [view, el("div", { class: "figure", id: `view-${view.name}` })]);
    drawn.replaceChildren(
      ...(none ? [el("p", { class: "soft" }, "This seed kept nothing to show.")] : []),
      ...made.flatMap(([view, figure]) => (view.wrong
        ? [el("p", { class: "soft", role: "alert" }, view.wrong)]
        : [el("h3", {}, view.title), figure, el("p", { class: "soft" }, view.caption)])),
    );
    for (const [view, figure] of made) if (view.figure) await plot(figure, view.figure);
  };
  const fail = (error) => {
    place.hidden = false;
    drawn.replaceChildren(el("p", { class: "soft", role: "alert" }, error.message));
  };
  // Nobody waits for the pictures: some are computed when they are first asked for.
  const afresh = () => { seed.replaceChildren(); look().catch(fail); };
  return { place, look: afresh };
}
