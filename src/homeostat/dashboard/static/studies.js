import { draw, get } from "./data.js";
import { badge, card, el, show, table } from "./dom.js";
import { views } from "./views.js";

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

export async function study(place, name) {
  const first = await get(`studies/${encodeURIComponent(name)}`);
  const cards = el("div", { class: "cards" });
  const verdict = el("ul", { id: "verdict" });
  const best = el("pre");
  const phases = el("div");
  const round = el("div", { id: "checklist" });
  const figures = [];
  const figure = (kind, title) => {
    const head = el("h2", {}, title);
    const drawn = el("div", { class: "figure", id: `figure-${kind}` });
    figures.push([kind, drawn, head]);
    return [head, drawn];
  };
  const trials = trialTable(name, first);
  const pictures = views(`studies/${encodeURIComponent(name)}`, "What the best looks like");
  let shown;
  place.append(
    el("h1", {}, name),
    el("p", { class: "lead" }, `${first.workload}: ${Object.entries(first.objectives).map(([m, g]) => `${g} ${m}`).join(", ")}`),
    verdict,
    cards,
    ...figure("history", "Every trial"),
    ...(Object.keys(first.objectives).length > 1 ? figure("pareto", "Trade-offs between the objectives") : []),
    ...figure("parallel", "Settings"),
    ...figure("importance", "Which parameters mattered"),
    ...figure("curves", "Curves of the best"),
    pictures.place,
    round,
    el("h2", {}, "Trials"), el("div", { id: "trials" }, trials.node),
    el("h2", {}, "Run a trial again, the one to take first"), best, phases,
  );
  return async () => {
    const now = await get(`studies/${encodeURIComponent(name)}`);
    cards.replaceChildren(
      card("state", now.state), card("trials", show(now.trials)),
      card("winner", now.winner === null ? "none yet" : `trial ${now.winner}`),
      card(`${now.metric} on fresh seeds`, show(now.on_fresh_seeds)),
      card(`best ${now.metric} in the search (chosen on)`, show(now.in_search)),
      ...Object.entries(now.outcomes).map(([word, n]) => card(word, show(n))),
    );
    verdict.replaceChildren(...now.verdict.lines.map((line) => el("li", {}, line)));
    best.textContent = now.top.map((t) => t.command).join("\n") || "No trial has completed yet.";
    phases.replaceChildren(...phaseList(now));
    await Promise.all([
      trials.look(),
      get(`studies/${encodeURIComponent(name)}/checklist`).then(
        (checks) => round.replaceChildren(...checkTable("Before the next round", checks))),
      ...figures.map(async ([kind, drawn, head]) => {
        await draw(drawn, `studies/${encodeURIComponent(name)}/figures/${kind}`);
        head.hidden = drawn.classList.contains("none");
      }),
    ]);
    if (now.to_take !== shown) {
      shown = now.to_take;
      pictures.look();
    }
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
      { head: "trial", cell: (t) => t.number, number: true, sort: "number" },
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

function phaseList(now) {
  if (!now.phases.length) return [];
  const faults = now.checks.filter((c) => c.status === "fault" || c.status === "warning");
  return [
    el("h2", {}, "What was done and decided"),
    ...now.phases.map((p) =>
      el("details", { open: p.status === "stopped" },
        el("summary", {}, `${p.name}: ${p.status}`),
        el("ul", {}, [...p.sentences, ...p.decisions.map((d) => `→ ${d}`)].map((line) => el("li", {}, line))))),
    ...checkTable("What the probe found", faults),
  ];
}

function checkTable(title, checks) {
  if (!checks.length) return [];
  return [
    el("h2", {}, title),
    table([
      { head: "check", cell: (c) => c.check }, { head: "status", cell: (c) => badge(c.status) },
      { head: "saw", cell: (c) => c.saw, long: true }, { head: "what to do", cell: (c) => c.remedy, long: true },
    ], checks),
  ];
}
