// The pages: the part of the address after # says which. When the server reports a change, the same
// page is drawn anew, where the reader was.
import { listen } from "./data.js";
import { el } from "./dom.js";
import { notes, replay, replays, workloads } from "./others.js";
import { comparison, run, runs, trial } from "./runs.js";
import { studies, study } from "./studies.js";

const PAGES = [
  [/^\/?$/, studies], [/^\/study\/(.+)$/, study], [/^\/runs(?:\/(.+))?$/, runs], [/^\/run\/(.+)$/, (place, name) => run(place, name)],
  [/^\/trial\/(.+)$/, trial],
  [/^\/compare\/(.+)$/, comparison], [/^\/workloads$/, workloads], [/^\/notes$/, notes],
  [/^\/replays$/, replays], [/^\/replay\/(.+)$/, replay],
];
const main = document.getElementById("main");
let turn = 0;      // how often a page was opened
let changes = 0;   // how often the server has told of something new
let wake = () => {};

async function open() {
  const mine = ++turn;
  const path = location.hash.replace(/^#/, "") || "/";
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === `#${path}`;
    here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  const [pattern, page] = PAGES.find(([candidate]) => candidate.test(path)) || PAGES[0];
  const name = decodeURIComponent((path.match(pattern) || [])[1] || "");
  const place = el("div");
  try {
    const again = await page(place, name);
    if (mine !== turn) return;
    main.replaceChildren(place);
    if (again) await follow(again, () => mine === turn);
  } catch (error) {
    if (mine !== turn) return;
    main.replaceChildren(el("p", { class: "empty", role: "alert" }, error.message));
    wake = () => { if (mine === turn) open(); };  // what could not be read may be there after a change
  }
}

// Draws a page as long as it is open: once, and again for whatever has changed since a drawing began,
// one drawing at a time, so that no change is missed and no old answer overwrites a newer one.
async function follow(again, isOpen) {
  let first = true;
  while (isOpen()) {
    const seen = changes;
    try {
      await again();
    } catch (error) {
      if (first) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2000));  // a server that is away comes back
      continue;
    }
    first = false;
    while (isOpen() && seen === changes) await new Promise((resolve) => { wake = resolve; });
  }
}

addEventListener("hashchange", () => { wake(); open(); scrollTo(0, 0); main.focus({ preventScroll: true }); });
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
    const field = document.querySelector("input[type=search]");
    if (field) { field.focus(); event.preventDefault(); }
  }
});
listen(() => { changes += 1; wake(); });
open();
