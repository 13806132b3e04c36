// Elements are made, never parsed: what a user named can only ever be text.

export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

export function show(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return String(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

export const badge = (word) => el("span", { class: `badge ${word}` }, word);

// columns: [{head, cell: row => Node or value, number: bool, sort: name}]
export function table(columns, rows, { sorted, onsort } = {}) {
  const head = columns.map((c) => {
    const mark = sorted && sorted.name === c.sort ? (sorted.down ? " ↓" : " ↑") : "";
    const label = c.sort && onsort ? el("button", { onclick: () => onsort(c.sort) }, c.head + mark) : c.head;
    const direction = mark ? (sorted.down ? "descending" : "ascending") : null;
    return el("th", { scope: "col", class: c.number ? "number" : null, "aria-sort": direction }, label);
  });
  const body = rows.map((row) =>
    el("tr", {}, columns.map((c) => {
      const content = c.cell(row);
      const shown = content instanceof Node ? content : show(content);
      return el("td", { class: c.number ? "number" : c.long ? "long" : null }, shown);
    })));
  return el("div", { class: "scroll", tabindex: "0" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)));
}

export const card = (what, value) => el("div", { class: "card" }, el("b", {}, value), el("span", {}, what));
