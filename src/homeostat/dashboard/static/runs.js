import { draw, get } from "./data.js";
import { badge, card, el, show, table } from "./dom.js";
import { views } from "./views.js";

const link = (name) => el("a", { href: `#/run/${encodeURIComponent(name)}` }, name);
const spread = (run) => (run.mean === null ? "–" : `${show(run.mean)}${run.sd === null ? "" : ` ± ${show(run.sd)}`}`);

export async function runs(place) {
  const chosen = new Set();
  const list = el("div");
  let find = "";
  const compare = el("button", {
    class: "plain", disabled: true,
    onclick: () => { location.hash = `#/compare/${encodeURIComponent([...chosen].join("/"))}`; },
  }, "Compare selected");
  const search = el("input", {
    type: "search", placeholder: "Filter by name, workload, outcome  ( / )", "aria-label": "Filter runs", size: 34,
    oninput: (event) => { find = event.target.value.toLowerCase(); fill(); },
  });
  let found = [];
  const tick = (run) => el("input", {
    type: "checkbox", "aria-label": `Compare ${run.name}`, checked: chosen.has(run.name),
    onchange: (event) => {
      event.target.checked ? chosen.add(run.name) : chosen.delete(run.name);
      compare.disabled = chosen.size < 2;
    },
  });
  const fill = () => {
    const shown = found.filter((r) => `${r.name} ${r.workload} ${r.outcome}`.toLowerCase().includes(find));
    list.replaceChildren(shown.length ? table([
      { head: "", cell: tick },
      { head: "run", cell: (r) => link(r.name) },
      { head: "workload", cell: (r) => r.workload },
      { head: "outcome", cell: (r) => badge(r.outcome) },
      { head: "seeds", cell: (r) => r.seeds.length, number: true },
      { head: "step", cell: (r) => `${r.step + 1} / ${r.budget}`, number: true },
      { head: "metric", cell: (r) => r.metric },
      { head: "value", cell: spread, number: true },
    ], shown) : el("p", { class: "empty" }, found.length ? "No run matches." : "No runs here yet. Make one:  homeostat run WORKLOAD"));
  };
  place.append(el("h1", {}, "Runs"), el("div", { class: "tools" }, search, compare), list);
  return async () => { found = await get("runs"); fill(); };
}

export async function run(place, name) {
  const first = await get(`runs/${encodeURIComponent(name)}`);
  const cards = el("div", { class: "cards" });
  const seeds = el("div");
  const drawn = el("div", { class: "figure", id: "figure-curves" });
  const metric = el("select", { "aria-label": "Metric", onchange: () => look() },
    first.metrics.map((m) => el("option", { value: m, selected: m === first.metric }, m)));
  const parts = first.families.map((stem) => [stem, el("div", { class: "figure", id: `figure-${stem}` })]);
  const pictures = views(`runs/${encodeURIComponent(name)}`, "Views");
  let ended = "";
  const look = () => Promise.all([
    draw(drawn, "curves", { run: name, metric: metric.value || first.metric }),
    ...parts.map(([stem, place]) => draw(place, `runs/${encodeURIComponent(name)}/families/${encodeURIComponent(stem)}`)),
  ]);
  place.append(
    el("h1", {}, name), el("p", { class: "lead" }, first.workload), cards,
    el("h2", {}, "Curves"), el("div", { class: "tools" }, metric), drawn,
    ...parts.flatMap(([stem, place]) => [el("h2", {}, `${stem}, part by part`), place]),
    pictures.place,
    el("h2", {}, "Seeds"), seeds,
    el("h2", {}, "Configuration"),
    ...first.adjustments.map((line) => el("p", { class: "soft" }, line)),
    table([
      { head: "parameter", cell: ([n]) => n },
      { head: "value", cell: ([, v]) => v },
      { head: "set", cell: ([n]) => (n in first.given ? "explicitly" : "") },
    ], Object.entries(first.config)),
  );
  return async () => {
    const now = await get(`runs/${encodeURIComponent(name)}`);
    cards.replaceChildren(
      card("outcome", now.outcome), card(now.metric, spread(now)), card("seeds", show(now.seeds.length)),
      card(`${now.unit}s`, `${now.step + 1} of ${now.budget}`),
    );
    seeds.replaceChildren(table([
      { head: "seed", cell: (a) => a.seed, number: true },
      { head: "outcome", cell: (a) => badge(a.outcome) },
      { head: "last step", cell: (a) => a.step, number: true },
      { head: now.metric, cell: (a) => a.values[now.metric], number: true },
      { head: "seconds", cell: (a) => a.seconds, number: true },
      { head: "why", cell: (a) => a.reason, long: true },
    ], now.attempts));
    await look();
    // Views are of what a seed kept at its end: drawn again when one more has ended.
    const outcomes = now.attempts.map((a) => a.outcome).join();
    if (outcomes !== ended) {
      ended = outcomes;
      pictures.look();
    }
  };
}

export async function comparison(place, joined) {
  const names = joined.split("/");
  const found = await get("compare", { run: names });
  const drawn = el("div", { class: "figure", id: "figure-curves" });
  const interval = (i) => `${show(i.low)} … ${show(i.high)}`;
  place.append(
    el("h1", {}, "Compared"),
    el("p", { class: "lead" }, `${found.metric} (${found.goal}); each against ${names[0]}, pair by pair.`),
    drawn,
    el("h2", {}, "Means"),
    table([
      { head: "run", cell: (a) => link(a.name) }, { head: "seeds", cell: (a) => a.seeds, number: true },
      { head: "mean", cell: (a) => a.mean, number: true }, { head: "s.d.", cell: (a) => a.sd, number: true },
      { head: "IQM", cell: (a) => a.iqm, number: true }, { head: "95 %", cell: (a) => interval(a.interval) },
    ], found.arms),
    el("h2", {}, "Differences"),
    table([
      { head: "run", cell: (c) => c.name }, { head: "verdict", cell: (c) => badge(c.verdict) },
      { head: "pairs", cell: (c) => c.pairs, number: true }, { head: "difference", cell: (c) => c.difference, number: true },
      { head: "95 %", cell: (c) => interval(c.interval) }, { head: "p (Holm)", cell: (c) => c.p_value, number: true },
      { head: "beats it in", cell: (c) => (c.improvement === null ? "–" : `${Math.round(100 * c.improvement)} %`), number: true },
    ], found.contrasts),
    ...found.notes.map((line) => el("p", { class: "soft" }, line)),
  );
  return () => draw(drawn, "curves", { run: names, metric: found.metric });
}
