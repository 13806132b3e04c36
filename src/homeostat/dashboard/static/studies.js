import { change, get, rights } from "./data.js";
import { badge, card, el, show, table } from "./dom.js";

const link = (name) => el("a", { href: `#/study/${encodeURIComponent(name)}` }, name);
const told = (outcomes) => Object.entries(outcomes).map(([word, n]) => `${n} ${word}`).join(", ");

export async function studies(place) {
  const list = el("div");
  place.append(el("h1", {}, "Studies"), list);
  return async () => {
    const found = await get("studies");
    if (!found.length) {
      list.replaceChildren(el("p", { class: "empty" }, "No studies here yet. Start one:  homeostat tune WORKLOAD"));
      return;
    }
    list.replaceChildren(table([
      { head: "study", cell: (s) => link(s.name) },
      { head: "workload", cell: (s) => s.workload },
      { head: "state", cell: (s) => badge(s.state) },
      { head: "trials", cell: (s) => s.trials, number: true },
      { head: "outcomes", cell: (s) => told(s.outcomes) },
      { head: "objective", cell: (s) => `${s.goal} ${s.metric}` },
      { head: "winner", cell: (s) => s.winner === null ? "none yet" : `trial ${s.winner}` },
      { head: "on fresh seeds", cell: (s) => s.on_fresh_seeds, number: true },
      { head: "best in the search", cell: (s) => s.best_in_search === null ? "none" : `trial ${s.best_in_search}` },
      { head: "which scored there (chosen on)", cell: (s) => s.in_search, number: true },
    ], found));
  };
}

// The page of a study is the report's, section by section; only its table can be sorted here.
export async function study(place, name) {
  const path = `studies/${encodeURIComponent(name)}`;
  const [first, may] = await Promise.all([get(path), rights()]);
  const cards = el("div", { class: "cards" });
  const stopped = el("span", { class: "soft", role: "status" });
  const stop = el("button", { class: "plain", onclick: async () => {
    stopped.textContent = await change(`${path}/stop`, {}, {}).then(() => "asked to stop between two steps", (error) => error.message);
  } }, "Stop the search");
  const tools = el("div", { class: "tools", hidden: true }, stop, stopped);
  const all = el("p", {}, el("a", { href: `#/runs/${encodeURIComponent(`studies/${name}`)}` }, "All runs of this study"));
  const film = `study ${name}`;
  if ((await get("replays")).includes(film)) all.append(" · ", el("a", { href: `#/replay/${encodeURIComponent(film)}` }, "Watch the best of each way to move"));
  const trials = trialTable(name, first);
  const sections = first.sections.map((section) => [section, el("section", { id: section })]);
  const shown = new Map();
  for (const [section, node] of sections) {
    place.append(node);
    if (section === "verdict") place.append(cards, tools);
    if (section === "table") place.append(el("section", { id: "trial-table" }, trials.node, all));
  }
  async function look(section, node) {
    const blocks = await get(`${path}/sections/${section}`);
    const text = blocks.map((block) => block.html).join("");
    if (shown.get(section) !== text) {
      // Made by pages/study/html.py, which escapes whatever a user named.
      node.innerHTML = text;
      shown.set(section, text);
    }
    for (const block of blocks) await drawAll(node, block.figures);
  }
  return async () => {
    const now = await get(path);
    tools.hidden = !(may.change && now.state === "running");
    cards.replaceChildren(
      card("state", now.state), card("trials", show(now.trials)),
      card("winner", now.winner === null ? "none yet" : `trial ${now.winner}`),
      card(`${now.metric} on fresh seeds`, show(now.on_fresh_seeds)),
      card(`best ${now.metric} in the search (chosen on)`, show(now.in_search)),
    );
    await Promise.all([trials.look(), ...sections.map(([section, node]) => look(section, node))]);
  };
}

function trialTable(name, first) {
  const state = { page: 0, sort: "number", down: true, find: "" };
  const rows = el("div");
  const count = el("span", { class: "soft", role: "status" });
  const back = el("button", { class: "plain", onclick: () => turn(-1) }, "← newer");
  const on = el("button", { class: "plain", onclick: () => turn(1) }, "older →");
  const search = el("input", {
    type: "search", placeholder: "Filter: completed, lr=0.0, trial 12 …  ( / )", "aria-label": "Filter trials", size: 34,
    oninput: (event) => { state.find = event.target.value; state.page = 0; look(); },
  });
  const turn = (by) => { state.page += by; look(); };
  const onsort = (sort) => {
    state.down = state.sort === sort ? !state.down : false;
    Object.assign(state, { sort, page: 0 });
    look();
  };
  let asked = 0;
  async function look() {
    const mine = ++asked;
    const found = await get(`studies/${encodeURIComponent(name)}/trials`, {
      page: state.page, sort: state.sort, down: state.down, find: state.find,
    });
    if (mine !== asked) return;  // a later question has been asked: its answer counts
    const metrics = Object.keys(first.objectives);
    const columns = [
      { head: "trial", cell: (t) => el("a", { href: `#/trial/${encodeURIComponent(`${name}/${t.number}`)}`, "aria-label": `trial ${t.number}` }, String(t.number)), number: true, sort: "number" },
      { head: "outcome", cell: (t) => outcome(t), sort: "outcome" },
      ...metrics.map((m) => ({ head: m, cell: (t) => t.values[m], number: true, sort: m })),
      { head: "seconds", cell: (t) => t.seconds, number: true, sort: "seconds" },
      ...first.parameters.map((p) => ({ head: p, cell: (t) => t.parameters[p], number: found.trials.every((t) => typeof (t.parameters[p] ?? 0) === "number"), sort: p })),
    ];
    rows.replaceChildren(table(columns, found.trials, { sorted: { name: state.sort, down: state.down }, onsort }));
    const from = found.total ? state.page * found.size + 1 : 0;
    count.textContent = `${from}–${Math.min(found.total, (state.page + 1) * found.size)} of ${found.total}`;
    back.disabled = state.page === 0;
    on.disabled = (state.page + 1) * found.size >= found.total;
  }
  return { node: el("div", {}, el("div", { class: "tools" }, search, back, on, count), rows), look };
}

function outcome(trial) {
  const made = badge(trial.outcome);
  if (trial.reason) made.title = trial.reason;
  return made;
}
