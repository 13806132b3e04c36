// A film of creatures: bodies in three dimensions, the winner's network, fitness over time.
import { el, show } from "./dom.js";

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const shorts = (text) => new Int16Array(bytes(text).buffer);
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const ease = (a, b, share) => a + (b - a) * share;

// Red where a muscle is shorter than it wants to be at rest, blue where it is stretched.
function strained(share) {
  const s = Math.max(-1, Math.min(1, 3 * share));
  return s < 0 ? `hsl(8 ${40 + 50 * -s}% ${58 - 8 * -s}%)` : `hsl(212 ${25 + 55 * s}% ${60 - 8 * s}%)`;
}

export function play(place, film) {
  const bodies = film.films.map((one, i) => ({
    ...film.creatures[i], scored: one.fitness, size: film.creatures[i].nodes.length,
    where: shorts(one.nodes), goal: shorts(one.pellet), rest: shorts(one.length),
  }));
  const signals = new Int8Array(bytes(film.activations).buffer);
  const state = { time: 0, speed: 1, playing: true, turn: 0.7, tilt: 0.5, far: 8, follow: true, shown: [0] };
  const length = film.frames / film.frames_per_s;
  const stages = el("div", { class: "stages" });
  const scrub = el("input", { type: "range", min: 0, max: film.frames - 1, step: "any", value: 0, "aria-label": "Time", class: "scrub", oninput: (e) => { state.time = Number(e.target.value) / film.frames_per_s; draw(); } });
  const clock = el("output", { id: "clock" });
  const pause = el("button", { class: "plain", onclick: () => { state.playing = !state.playing; pause.textContent = state.playing ? "Pause" : "Play"; } }, "Pause");
  const speed = el("select", { "aria-label": "Speed", onchange: (e) => { state.speed = Number(e.target.value); } }, SPEEDS.map((s) => el("option", { value: s, selected: s === 1 }, `${s}×`)));
  const follow = el("button", { class: "plain", "aria-pressed": "true", onclick: () => { state.follow = !state.follow; follow.setAttribute("aria-pressed", state.follow); follow.textContent = state.follow ? "Following" : "From afar"; draw(); } }, "Following");
  const pick = el("select", { "aria-label": "Creatures", multiple: true, size: 6, onchange: () => { state.shown = [...pick.selectedOptions].slice(0, 4).map((o) => Number(o.value)); stage(); } },
    bodies.map((b, i) => el("option", { value: i, selected: i === 0 }, `${i + 1}. creature ${b.name}: ${show(Math.round(b.fitness))} ${film.judged}, ${show(Math.round(b.scored))} here${b.strategy ? `, ${b.strategy}` : ""}`)));
  const map = archive(bodies, film.archive_of, (i, more) => {
    const shown = new Set(more ? state.shown : []);
    if (!shown.delete(i) || !shown.size) shown.add(i);
    state.shown = [...shown].slice(-4);
    [...pick.options].forEach((o) => { o.selected = state.shown.includes(Number(o.value)); });
    stage();
  });
  const network = el("canvas", { class: "network", "aria-label": "The winner's network" });
  const curve = el("canvas", { class: "network", "aria-label": "Fitness over the generations" });
  place.replaceChildren(
    el("h1", {}, "Replay"),
    el("p", { class: "lead" }, `Generation ${film.generation}, seed ${film.seed}. On ${film.held_out.layouts} held-out layouts the best scores ${show(film.held_out.fitness)} and collects ${show(film.held_out.pellets)} pellets; this one, layout ${film.layout}, is its median. Drag to turn, scroll to zoom, press space to pause.`),
    stages, el("div", { class: "tools" }, pause, speed, follow, clock), scrub,
    el("div", { class: "beside" },
      el("div", {}, el("h2", {}, "Creatures (up to four side by side)"), pick, ancestry(film)),
      el("div", {}, el("h2", {}, "The winner's network, now"), network),
      map,
      film.fitness_curve.length ? el("div", {}, el("h2", {}, "Fitness over the generations"), curve) : null));

  let canvases = [];
  function stage() {
    canvases = state.shown.map((i) => {
      const canvas = el("canvas", { class: "stage", tabindex: "0", "aria-label": `Creature ${bodies[i].name}` });
      canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); canvas.held = [e.clientX, e.clientY]; });
      canvas.addEventListener("pointerup", () => { canvas.held = null; });
      canvas.addEventListener("pointermove", (e) => {
        if (!canvas.held) return;
        state.turn += (e.clientX - canvas.held[0]) * 0.008;
        state.tilt = Math.max(0.05, Math.min(1.5, state.tilt + (e.clientY - canvas.held[1]) * 0.006));
        canvas.held = [e.clientX, e.clientY];
        draw();
      });
      canvas.addEventListener("wheel", (e) => { state.far = Math.max(2, Math.min(40, state.far * Math.exp(e.deltaY * 0.001))); e.preventDefault(); draw(); }, { passive: false });
      return canvas;
    });
    stages.replaceChildren(...canvases);
    map?.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", state.shown.includes(Number(b.value))));
    draw();
  }

  const at = (values, width, frame, share) => {
    const next = Math.min(film.frames - 1, frame + 1);
    return Array.from({ length: width }, (_, k) => ease(values[frame * width + k], values[next * width + k], share) / 1000);
  };

  function draw() {
    const now = Math.min(film.frames - 1, state.time * film.frames_per_s);
    const frame = Math.floor(now);
    state.shown.forEach((i, k) => paint(canvases[k], bodies[i], frame, now - frame));
    drawNetwork(network, film, signals, frame);
    scrub.value = now;
    clock.textContent = `${state.time.toFixed(1)} of ${length.toFixed(0)} s`;
    place.dataset.frame = frame;
  }

  function paint(canvas, body, frame, share) {
    const [pen, wide, high, ink] = ready(canvas);
    const flat = at(body.where, 3 * body.size, frame, share);
    const nodes = body.nodes.map((_, n) => flat.slice(3 * n, 3 * n + 3));
    const centre = [0, 1, 2].map((a) => nodes.reduce((sum, n) => sum + n[a], 0) / nodes.length);
    const middle = state.follow ? [centre[0], 0.3, centre[2]] : [0, 0, 0];
    const far = state.follow ? state.far : Math.max(14, state.far * 2.2);
    const [ct, st, cu, su] = [Math.cos(state.turn), Math.sin(state.turn), Math.cos(state.tilt), Math.sin(state.tilt)];
    const scale = 0.9 * Math.min(wide, high);
    const see = ([x, y, z]) => {
      const [dx, dy, dz] = [x - middle[0], y - middle[1], z - middle[2]];
      const [rx, rz] = [ct * dx - st * dz, st * dx + ct * dz];
      const depth = far + cu * rz - su * dy;
      const size = scale / Math.max(0.3, depth);
      return [wide / 2 + rx * size, high * 0.55 - (cu * dy + su * rz) * size, depth, size];
    };
    const line = (a, b, colour, width) => {
      const [p, q] = [see(a), see(b)];
      if (p[2] < 0.35 || q[2] < 0.35) return;
      pen.strokeStyle = colour; pen.lineWidth = width;
      pen.beginPath(); pen.moveTo(p[0], p[1]); pen.lineTo(q[0], q[1]); pen.stroke();
    };
    const reach = state.follow ? 8 : 20;
    const [ox, oz] = [Math.round(middle[0]), Math.round(middle[2])];
    for (let k = -reach; k <= reach; k++) {
      const colour = ink(0.5 * (1 - Math.abs(k) / (reach + 1)) * 0.45);
      line([ox + k, 0, oz - reach], [ox + k, 0, oz + reach], colour, 1);
      line([ox - reach, 0, oz + k], [ox + reach, 0, oz + k], colour, 1);
    }
    for (let f = 2; f <= frame; f += 2) {
      const [a, b] = [middleOf(body, f - 2), middleOf(body, f)];
      line([a[0], 0, a[1]], [b[0], 0, b[1]], "hsl(150 45% 45% / .8)", 1.6);
    }
    const goal = at(body.goal, 3, frame, 0);
    for (const b of [...nodes, goal]) {
      const [x, y, depth, size] = see([b[0], 0, b[2]]);
      if (depth > 0.35) { pen.fillStyle = ink(0.14); pen.beginPath(); pen.ellipse(x, y, 0.16 * size, 0.16 * size * Math.max(0.15, su), 0, 0, 7); pen.fill(); }
    }
    const things = body.muscles.map(({ ends: [a, b] }, m) => {
      const apart = Math.hypot(...nodes[a].map((v, k) => v - nodes[b][k]));
      const rest = body.rest[frame * body.muscles.length + m] / 1000 || 1;
      const depth = (see(nodes[a])[2] + see(nodes[b])[2]) / 2;
      return [depth, () => line(nodes[a], nodes[b], strained(apart / rest - 1), Math.max(1.5, 0.06 * scale / depth))];
    });
    const ball = (where, radius, hue) => {
      const [x, y, depth, size] = see(where);
      return [depth, () => {
        if (depth < 0.35) return;
        const r = Math.max(2, radius * size);
        const light = pen.createRadialGradient(x - r / 3, y - r / 3, r / 8, x, y, r);
        light.addColorStop(0, `hsl(${hue} 60% 78%)`); light.addColorStop(1, `hsl(${hue} 55% 42%)`);
        pen.fillStyle = light; pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.fill();
      }];
    };
    nodes.forEach((n, k) => things.push(ball(n, body.nodes[k].radius, 215)));
    things.push(ball(goal, 0.16, 130));
    things.sort((a, b) => b[0] - a[0]).forEach(([, make]) => make());
    pen.fillStyle = ink(0.8); pen.font = "13px system-ui";
    pen.fillText(`creature ${body.name}`, 10, 20);
  }

  function middleOf(body, frame) {
    const sum = [0, 0];
    for (let n = 0; n < body.size; n++) {
      sum[0] += body.where[(frame * body.size + n) * 3];
      sum[1] += body.where[(frame * body.size + n) * 3 + 2];
    }
    return sum.map((v) => v / body.size / 1000);
  }

  addEventListener("keydown", (e) => {
    if (!place.isConnected || /INPUT|SELECT|BUTTON/.test(document.activeElement.tagName)) return;
    if (e.key === " ") { pause.click(); e.preventDefault(); }
  });
  addEventListener("resize", () => place.isConnected && draw());
  let last = performance.now();
  function tick(now) {
    if (!place.isConnected) return;
    if (state.playing) {
      state.time = (state.time + state.speed * (now - last) / 1000) % length;
      draw();
    }
    last = now;
    requestAnimationFrame(tick);
  }
  stage();
  drawCurve(curve, film.fitness_curve);
  requestAnimationFrame((now) => { last = now; tick(now); });
}

// A canvas as sharp as the screen, cleared, and the page's ink at any strength.
function ready(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(wide * ratio)) canvas.width = Math.round(wide * ratio);
  if (canvas.height !== Math.round(high * ratio)) canvas.height = Math.round(high * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return [pen, wide, high, (strength) => (dark ? `rgb(230 233 239 / ${strength})` : `rgb(29 35 48 / ${strength})`)];
}

// The map of elites: a row for each tenth of ground contact, a column for each 0.2 m/s; the fitter the darker.
function archive(bodies, whole, choose) {
  const found = new Map(bodies.flatMap((b, i) => (b.cell ? [[b.cell.join(), i]] : [])));
  if (!found.size) return null;
  const elites = [...found.values()].map((i) => bodies[i]);
  const [top, low, right] = [Math.max(...elites.map((b) => b.cell[0])), Math.min(...elites.map((b) => b.cell[0])), Math.max(...elites.map((b) => b.cell[1]))];
  const best = Math.max(1, ...elites.map((b) => b.fitness));
  const cells = [];
  for (let contact = low; contact <= top; contact++) {
    cells.push(el("span", {}, `${10 * contact}–${10 * contact + 10} %`));
    for (let speed = 0; speed <= right; speed++) {
      const i = found.get(`${contact},${speed}`);
      const share = i === undefined ? 0 : bodies[i].fitness / best;
      cells.push(i === undefined ? el("i", {}) : el("button", {
        class: "plain", value: i, "aria-pressed": "false",
        style: `background: hsl(160 55% ${88 - 50 * share}%); color: ${share > 0.6 ? "white" : "#1d2330"}`,
        title: `${bodies[i].strategy}: creature ${bodies[i].name}, ${bodies[i].size} nodes, ${bodies[i].muscles.length} muscles, fitness ${show(Math.round(bodies[i].fitness))}`,
        onclick: (e) => choose(i, e.shiftKey),
      }, show(Math.round(bodies[i].fitness))));
    }
  }
  cells.push(el("span", {}, "m/s"), ...Array.from({ length: right + 1 }, (_, s) => el("span", {}, (0.2 * s).toFixed(1))));
  const counts = [...new Set(elites.map((b) => b.strategy))].map((name) => `${name} (${elites.filter((b) => b.strategy === name).length})`);
  return el("div", {}, el("h2", {}, "The fittest of each way to move"),
    el("p", { class: "soft" }, `${whole}, by share of nodes on the ground (rows) and speed from … on (columns): ${counts.join(", ")}. Press a cell to see it move; with Shift, beside the others.`),
    el("div", { class: "elites", style: `grid-template-columns: auto repeat(${right + 1}, minmax(2rem, 1fr))` }, cells));
}

function ancestry(film) {
  const line = film.ancestors.slice(0, 12);
  return el("p", { class: "soft" }, `${film.ancestors.length - 1} generations of mothers: ${line.join(" ← ")}${film.ancestors.length > 12 ? " ← …" : ""}`);
}

function drawNetwork(canvas, film, signals, frame) {
  const [pen, wide, high, ink] = ready(canvas);
  const winner = film.creatures[0];
  const names = Object.entries(film.senses).sort((a, b) => b[1] - a[1]);
  const named = (column) => { const [name, from] = names.find(([, start]) => column >= start); return `${name}${column > from || ["direction", "motion", "strain"].includes(name) ? ` ${column - from + 1}` : ""}`; };
  const value = (column) => signals[frame * film.columns + column] / 100;
  const used = [...new Set(winner.links.map(([from]) => from))].filter((c) => c < film.senses.hidden).sort((a, b) => a - b);
  const spread = (count, k) => 18 + (high - 36) * (count === 1 ? 0.5 : k / (count - 1));
  const spot = new Map(used.map((c, k) => [c, [92, spread(used.length, k)]]));
  for (let h = 0; h < winner.hidden; h++) spot.set(film.senses.hidden + h, [wide / 2, spread(winner.hidden, h)]);
  const out = (m) => [wide - 78, spread(winner.muscles.length, m)];
  for (const [from, row, weight] of winner.links) {
    const [a, b] = [spot.get(from), row < winner.hidden ? spot.get(film.senses.hidden + row) : out(row - winner.hidden)];
    const flow = Math.min(1, Math.abs(value(from) * weight));
    pen.strokeStyle = weight > 0 ? `hsl(212 70% 55% / ${0.15 + 0.75 * flow})` : `hsl(8 70% 55% / ${0.15 + 0.75 * flow})`;
    pen.lineWidth = Math.min(5, 0.6 + 1.6 * Math.abs(weight));
    pen.beginPath(); pen.moveTo(...a); pen.lineTo(...b); pen.stroke();
  }
  pen.font = "11px system-ui"; pen.textBaseline = "middle";
  const dot = ([x, y], share) => { pen.fillStyle = share > 0 ? `hsl(212 70% ${78 - 38 * Math.min(1, share)}%)` : `hsl(8 70% ${78 - 38 * Math.min(1, -share)}%)`; pen.beginPath(); pen.arc(x, y, 5, 0, 7); pen.fill(); };
  for (const [column, where] of spot) {
    dot(where, value(column));
    if (column < film.senses.hidden) { pen.fillStyle = ink(0.75); pen.textAlign = "right"; pen.fillText(named(column), where[0] - 9, where[1]); }
  }
  pen.textAlign = "left";
  winner.muscles.forEach((_, m) => { dot(out(m), 0); pen.fillStyle = ink(0.75); pen.fillText(`muscle ${m + 1}`, out(m)[0] + 9, out(m)[1]); });
}

function drawCurve(canvas, rows) {
  if (!rows.length) return;
  const [pen, wide, high, ink] = ready(canvas);
  const top = Math.max(...rows.map((r) => r[1]));
  const low = Math.min(0, ...rows.map((r) => r[2]));
  const x = (g) => 40 + (wide - 50) * g / Math.max(1, rows.length - 1);
  const y = (v) => high - 22 - (high - 40) * (v - low) / Math.max(1e-9, top - low);
  [[1, "hsl(24 75% 55%)", "best"], [2, "hsl(216 70% 55%)", "average"]].forEach(([column, colour, name], k) => {
    pen.strokeStyle = colour; pen.lineWidth = 2; pen.beginPath();
    rows.forEach((r, g) => (g ? pen.lineTo(x(g), y(r[column])) : pen.moveTo(x(g), y(r[column]))));
    pen.stroke();
    pen.fillStyle = colour; pen.font = "12px system-ui"; pen.fillText(name, 46 + 60 * k, 14);
  });
  pen.fillStyle = ink(0.7); pen.fillText(show(Math.round(top)), 4, y(top) + 4); pen.fillText(show(Math.round(low)), 4, y(low) + 4);
  pen.fillText(`generation ${rows.length}`, wide - 96, high - 4);
}
