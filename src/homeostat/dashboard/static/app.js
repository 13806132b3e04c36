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
let refresh = null;
let turn = 0;

async function open() {
  const mine = ++turn;
  const path = location.hash.replace(/^#/, "") || "/";
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === `#${path}`;
    here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  refresh = null;
  const [pattern, page] = PAGES.find(([candidate]) => candidate.test(path)) || PAGES[0];
  const name = decodeURIComponent((path.match(pattern) || [])[1] || "");
  const place = el("div");
  try {
    const again = await page(place, name);
    if (mine !== turn) return;
    main.replaceChildren(place);
    await (again && again());
    refresh = again;
  } catch (error) {
    if (mine === turn) main.replaceChildren(el("p", { class: "empty", role: "alert" }, error.message));
  }
}

addEventListener("hashchange", () => { open(); scrollTo(0, 0); main.focus({ preventScroll: true }); });
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
    const field = document.querySelector("input[type=search]");
    if (field) { field.focus(); event.preventDefault(); }
  }
});
listen(() => refresh && refresh().catch(() => {}));
open();
