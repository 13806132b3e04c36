import { change, draw, get, rights } from "./data.js";
import { badge, card, el, show, table } from "./dom.js";
import { views } from "./views.js";

const link = (name, text = name) => el("a", { href: `#/run/${encodeURIComponent(name)}` }, text);
const spread = (run) => (run.sd === null || run.sd === undefined ? show(run.mean) : `${show(run.mean)} ± ${show(run.sd)}`);
const tagged = (tags) => el("span", {}, tags.map((tag) => el("span", { class: "badge" }, tag)));

export async function runs(place, group) {
  const list = el("div");
  const chosen = new Set();
  const state = { of: group, page: 0, find: "" };
  const compare = el("button", {
    class: "plain", disabled: true,
    onclick: () => { location.hash = `#/compare/${encodeURIComponent([...chosen].join("|"))}`; },
  }, "Compare selected");
  const search = el("input", {
    type: "search", placeholder: "Filter by name  ( / )", "aria-label": "Filter runs", size: 28,
    oninput: (event) => { state.find = event.target.value; state.page = 0; look(); },
  });
  const of = el("select", { "aria-label": "Whose runs", onchange: () => { location.hash = of.value ? `#/runs/${encodeURIComponent(of.value)}` : "#/runs"; } });
  const count = el("span", { class: "soft", role: "status" });
  const turn = (by) => { state.page += by; look(); };
  const back = el("button", { class: "plain", onclick: () => turn(-1) }, "← newer");
  const on = el("button", { class: "plain", onclick: () => turn(1) }, "older →");
  const tick = (run) => el("input", {
    type: "checkbox", "aria-label": `Compare ${run.name}`, checked: chosen.has(run.name),
    onchange: (event) => {
      event.target.checked ? chosen.add(run.name) : chosen.delete(run.name);
      compare.disabled = chosen.size < 2;
    },
  });
  async function look() {
    const found = await get("runs", state);
    of.replaceChildren(el("option", { value: "", selected: !group }, "runs of their own"),
      ...found.groups.map((name) => el("option", { value: name, selected: name === group }, name)));
    list.replaceChildren(found.runs.length ? table([
      { head: "compare", cell: tick },
      { head: "run", cell: (r) => link(r.name, r.name.split("/").pop()) },
      { head: "workload", cell: (r) => r.workload },
      { head: "outcome", cell: (r) => badge(r.outcome) },
      { head: "seeds", cell: (r) => r.seeds.length, number: true },
      { head: "step", cell: (r) => `${r.step + 1} / ${r.budget}`, number: true },
      { head: "metric", cell: (r) => r.metric },
      { head: "value", cell: spread, number: true },
      { head: "tags", cell: (r) => tagged(r.tags) },
    ], found.runs) : el("p", { class: "empty" }, state.find ? "No run matches." : "No runs here yet. Make one:  homeostat run WORKLOAD"));
    const from = found.total ? found.page * found.size + 1 : 0;
    count.textContent = `${from}–${Math.min(found.total, (found.page + 1) * found.size)} of ${found.total}`;
    back.disabled = found.page === 0;
    on.disabled = (found.page + 1) * found.size >= found.total;
  }
  place.append(el("h1", {}, group ? `Runs of ${group}` : "Runs"), el("div", { class: "tools" }, of, search, compare, back, on, count), list);
  return look;
}

// A trial of a study: what it set against the default, and its run where that is on this disk.
export async function trial(place, joined) {
  const [, study, number] = joined.match(/^(.*)\/(\d+)$/);
  const found = await get(`studies/${encodeURIComponent(study)}/trials/${number}`);
  place.append(
    el("h1", {}, `Trial ${found.number}`),
    el("p", { class: "lead" }, "of study ", el("a", { href: `#/study/${encodeURIComponent(study)}` }, study)),
    el("div", { class: "cards" }, card("outcome", found.outcome), ...found.metrics.map((m) => card(`${m} in the search`, show(found.values[m]))), card("seconds", show(found.seconds))),
    ...(found.reason ? [el("p", {}, found.reason)] : []),
    el("h2", {}, found.default_number === null ? "Settings" : `Settings, against the default (trial ${found.default_number})`),
    table([
      { head: "parameter", cell: ([name]) => name }, { head: "value", cell: ([, value]) => value },
      { head: "default", cell: ([name]) => found.default[name] },
      { head: "differs", cell: ([name, value]) => (name in found.default && found.default[name] !== value ? badge("yes") : "") },
    ], Object.entries(found.parameters)),
    ...(found.command ? [el("h2", {}, "Run it again"), el("pre", { class: "wrapped" }, found.command)] : []),
  );
  if (!found.run) {
    place.append(el("p", { class: "soft" }, "Its run is not on this disk: there are no curves, log or files to show."));
    return () => {};
  }
  const inside = el("div");
  place.append(inside);
  return run(inside, found.run, { within: true });
}

export async function run(place, name, { within = false } = {}) {
  const [first, may, films] = await Promise.all([get("run", { name }), rights(), get("replays")]);
  const cards = el("div", { class: "cards" });
  const seeds = el("div");
  const drawn = el("div", { class: "figure", id: "figure-curves" });
  const metric = el("select", { "aria-label": "Metric", onchange: () => look() },
    first.metrics.map((m) => el("option", { value: m, selected: m === first.metric }, m)));
  const parts = first.families.map((stem) => [stem, el("div", { class: "figure", id: `figure-${stem}` })]);
  const pictures = views(name, "Views");
  let ended = "";
  const look = () => Promise.all([
    draw(drawn, "curves", { run: name, metric: metric.value || first.metric }),
    ...parts.map(([stem, where]) => draw(where, "run/family", { name, stem })),
  ]);
  const differ = first.config.filter((p) => p.differs);
  const columns = [
    { head: "parameter", cell: (p) => p.name }, { head: "value", cell: (p) => p.value },
    ...(first.default ? [{ head: "default", cell: (p) => p.default }] : []),
    { head: "set", cell: (p) => (p.set ? "explicitly" : "") },
  ];
  if (!within) {
    const [study, group] = name.includes("/") ? [name.match(/^studies\/(.*)\/[^/]*$/), name.replace(/\/[^/]*$/, "")] : [null, ""];
    const whose = study ? [" of study ", el("a", { href: `#/study/${encodeURIComponent(study[1])}` }, study[1])]
      : group ? [" of ", el("a", { href: `#/runs/${encodeURIComponent(group)}` }, group)] : [];
    place.append(el("h1", {}, name.split("/").pop()), el("p", { class: "lead" }, first.workload, ...whose), cards);
    if (first.default) {
      place.append(el("h2", {}, "Difference from the default"),
        differ.length ? table(columns, differ) : el("p", { class: "soft" }, "None: this is the default."));
    }
  }
  if (films.includes(name)) place.append(el("p", {}, el("a", { href: `#/replay/${encodeURIComponent(name)}` }, "Watch its creatures move")));
  place.append(
    el("h2", {}, "Curves"), el("div", { class: "tools" }, metric), drawn,
    ...parts.flatMap(([stem, where]) => [el("h2", {}, `${stem}, part by part`), where]),
    pictures.place,
    el("h2", {}, "Seeds"), seeds,
    ...remarks(name, first, may),
    ...logs(name, first),
    ...(within ? [] : [el("h2", {}, "What to type"), el("pre", { class: "wrapped" }, first.commands.join("\n"))]),
    el("details", {}, el("summary", {}, `The whole configuration: ${first.config.length} parameters`),
      ...first.adjustments.map((line) => el("p", { class: "soft" }, line)), table(columns, first.config)),
  );
  return async () => {
    const now = await get("run", { name });
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
      { head: "files", cell: (a) => el("span", {}, a.files.flatMap((f) => [
        el("a", { href: `api/run/file?${new URLSearchParams({ name, seed: a.seed, file: f.name })}`, title: `${f.bytes} bytes` }, f.name), " "])) },
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

function logs(name, first) {
  const shown = el("pre", { class: "wrapped", tabindex: "0" });
  const seed = el("select", { "aria-label": "Seed of the log", onchange: () => look() },
    first.attempts.map((a) => el("option", { value: a.seed }, String(a.seed))));
  const look = async () => { shown.textContent = (await get("run/log", { name, seed: seed.value })) || "It printed nothing."; };
  const box = el("details", { ontoggle: () => box.open && look() },
    el("summary", {}, "Log: what it printed, and what it raised"), el("div", { class: "tools" }, "seed", seed), shown);
  return first.attempts.length ? [box] : [];
}

function remarks(name, first, may) {
  if (!may.change) {
    if (!first.note && !first.tags.length) return [];
    return [el("h2", {}, "Remarks"), el("p", {}, tagged(first.tags), " ", first.note)];
  }
  const note = el("textarea", { rows: 3, cols: 60, "aria-label": "Note" });
  note.value = first.note;
  const tags = el("input", { type: "text", "aria-label": "Tags, with commas between them", placeholder: "tags, with commas", size: 30 });
  tags.value = first.tags.join(", ");
  const said = el("span", { class: "soft", role: "status" });
  const save = async () => {
    const kept = await change("run/remarks", { name }, { note: note.value, tags: tags.value.split(",") });
    tags.value = kept.tags.join(", ");
    said.textContent = "kept";
  };
  return [el("h2", {}, "Remarks"), el("div", { class: "tools" }, note), el("div", { class: "tools" }, tags,
    el("button", { class: "plain", onclick: () => save().catch((error) => { said.textContent = error.message; }) }, "Keep"), said)];
}

export async function comparison(place, joined) {
  const names = joined.split("|");
  const found = await get("compare", { run: names });
  const drawn = el("div", { class: "figure", id: "figure-curves" });
  const interval = (i) => `${show(i.low)} … ${show(i.high)}`;
  place.append(
    el("h1", {}, "Compared"),
    el("p", { class: "lead" }, `${found.metric} (${found.goal}); each against ${names[0]}, pair by pair.`),
    drawn,
    el("h2", {}, "Means"),
    table([
      { head: "run", cell: (a) => a.name }, { head: "seeds", cell: (a) => a.seeds, number: true },
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
    el("h2", {}, "What their configurations differ in"),
    found.configuration.length ? table([
      { head: "parameter", cell: (p) => p.name },
      ...names.map((name, i) => ({ head: name.split("/").pop(), cell: (p) => p.values[i] })),
    ], found.configuration) : el("p", { class: "soft" }, "Nothing: they are the same."),
    el("p", {}, "Open: ", ...names.flatMap((name) => [link(name), " "])),
  );
  return () => draw(drawn, "curves", { run: names, metric: found.metric });
}
