"use strict";
(() => {
  const board = JSON.parse(document.getElementById("board").textContent);
  const UNKNOWN = "not known", EVERY = "\u0000"; // no value of a column
  const chosen = {}; // control -> value, or [from, to]
  const byId = (id) => document.getElementById(id);
  const rowsOf = {};
  for (const [name, set] of Object.entries(board.datasets))
    rowsOf[name] = set.rows.map((row) => Object.fromEntries(set.columns.map((column, at) => [column, row[at]])));

  const period = (value, grain) => {
    if (value === null || value === undefined) return UNKNOWN;
    const [year, month] = value.split("-");
    if (grain === "quarter") return `${year} Q${Math.ceil(month / 3)}`;
    return grain === "month" ? `${year}-${month}` : value;
  };
  const shown = (value, format) => {
    if (value === null || value === undefined || value === "") return "\u2013";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (!format || typeof value !== "number") return String(value);
    const digits = Number(format[2]), style = format.endsWith("%") ? "percent" : "decimal"; // ",.1%": see Format in boards.py
    return value.toLocaleString("en-GB", { style, minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  const text = (tag, content, css) => {
    const made = document.createElement(tag);
    made.textContent = content;
    if (css) made.className = css;
    return made;
  };
  const has = (dataset, column) => board.datasets[dataset].columns.includes(column);
  const plain = (value) => (value === null ? UNKNOWN : String(value));

  function values(column) {
    const found = new Set();
    for (const [name, rows] of Object.entries(rowsOf)) if (has(name, column)) rows.forEach((row) => found.add(row[column]));
    return [...found];
  }

  function addSelect(place, label, options, value, changed) {
    const box = text("label", label + " ");
    const select = document.createElement("select");
    select.setAttribute("aria-label", label);
    for (const [key, name] of options) select.add(new Option(name, key, false, key === value));
    select.addEventListener("change", () => { changed(select.value); draw(); });
    box.append(select);
    place.append(box);
  }

  function controls() {
    const place = byId("controls");
    board.filters.forEach((control, at) => {
      const found = values(control.column);
      if (!found.length) { place.append(text("label", `${control.label}: nothing to choose from`)); return; }
      if (control.kind === "period") {
        const days = found.filter((day) => day !== null).sort();
        const options = days.map((day) => [day, period(day, control.grain)]);
        chosen[at] = [days[0], days[days.length - 1]];
        addSelect(place, `${control.label} from`, options, chosen[at][0], (day) => { chosen[at][0] = day; });
        addSelect(place, "to", options, chosen[at][1], (day) => { chosen[at][1] = day; });
      } else {
        const names = found.map(plain).sort((a, b) => (b === control.default) - (a === control.default) || a.localeCompare(b));
        const options = names.map((name) => [name, name]);
        if (control.every) options.unshift([EVERY, control.every]);
        chosen[at] = options[0][0];
        addSelect(place, control.label, options, chosen[at], (name) => { chosen[at] = name; });
      }
    });
  }

  const selected = (dataset) => rowsOf[dataset].filter((row) => board.filters.every((control, at) => {
    if (!has(dataset, control.column) || chosen[at] === undefined) return true;
    const value = row[control.column];
    if (control.kind === "period") return value !== null && value >= chosen[at][0] && value <= chosen[at][1];
    return chosen[at] === EVERY || plain(value) === chosen[at];
  }));

  const unfiltered = (dataset) => board.filters.filter((control) => !has(dataset, control.column)).map((control) => control.label.toLowerCase());

  function empty(place, dataset, rows) {
    const why = !rowsOf[dataset].length ? "The marts hold no rows for this."
      : rows.length ? `The ${rows.length} rows of this selection have no value for this.`
      : "This selection has no rows. Choose another period or another value above.";
    place.replaceChildren(text("p", why, "empty"));
  }

  function tile(place, about) {
    const rows = selected(about.dataset);
    const ordered = about.period ? [...rows].sort((a, b) => (a[about.period] < b[about.period] ? -1 : 1)) : rows;
    const last = ordered[ordered.length - 1], before = about.period ? ordered[ordered.length - 2] : undefined;
    const value = last ? last[about.column] : null;
    place.replaceChildren(text("span", about.label), text("b", shown(value, about.format)), text("span", about.unit));
    if (!last) { place.append(text("span", "no rows in this selection")); return; }
    if (about.period) place.append(text("span", period(last[about.period], about.grain)));
    if (before) place.append(text("span", `before: ${shown(before[about.column], about.format)}`));
  }

  const config = {
    font: "system-ui, -apple-system, 'Segoe UI', Arial, sans-serif", background: "transparent", view: { stroke: null },
    axis: { labelFontSize: 12, titleFontSize: 12, labelColor: "#1a1a1a", titleColor: "#1a1a1a", gridColor: "#e4e4e4", labelLimit: 170 },
    legend: { orient: "bottom", labelFontSize: 12, titleFontSize: 12, labelLimit: 220, columns: 3, symbolType: "square" }, mark: { color: "#1f4e79" },
    line: { strokeWidth: 2.2, point: { size: 26 } }, bar: { tooltip: true },
    range: { category: ["#1f4e79", "#c8553d", "#4a8a6f", "#7a5c94", "#c08a1e", "#555555", "#3aa0b8", "#a03060"] },
  };
  const drawn = {};

  async function chart(about) {
    const place = byId(`chart-${about.id}`), notes = byId(`notes-${about.id}`);
    const rows = selected(about.dataset);
    const usable = about.measures.length ? rows.filter((row) => about.measures.some((name) => row[name] !== null)) : rows;
    const said = unfiltered(about.dataset).map((label) => `Not filtered by ${label}.`);
    for (const name of about.dimensions) {
      const lost = usable.filter((row) => row[name] === null).length;
      if (lost) said.push(`${name.replaceAll("_", " ")} is not known in ${lost} of ${usable.length} rows.`);
    }
    notes.textContent = said.join(" ");
    if (drawn[about.id]) { drawn[about.id].finalize(); delete drawn[about.id]; }
    if (!usable.length) { empty(place, about.dataset, rows); return; }
    const dates = board.datasets[about.dataset].dates;
    // "2026/09/01" is local midnight in every browser, "2026-09-01" is midnight in Greenwich: an axis would slip a day.
    const data = usable.map((row) => {
      const copy = { ...row };
      for (const name of dates) if (copy[name] !== null) copy[name] = copy[name].replaceAll("-", "/");
      for (const name of about.dimensions) if (copy[name] === null) copy[name] = UNKNOWN;
      return copy;
    });
    const spec = { width: "container", height: 230, ...about.vega, data: { values: data }, config };
    drawn[about.id] = await vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: true });
  }

  function table(about) {
    const place = byId(`chart-${about.id}`);
    const rows = selected(about.dataset);
    byId(`notes-${about.id}`).textContent = [
      rows.length > about.rows ? `The first ${about.rows} of ${rows.length} rows.` : "",
      ...unfiltered(about.dataset).map((label) => `Not filtered by ${label}.`),
    ].join(" ").trim();
    if (!rows.length) { empty(place, about.dataset, rows); return; }
    const made = document.createElement("table"), head = made.createTHead().insertRow(), body = made.createTBody();
    for (const column of about.columns) {
      const cell = text("th", column.label, column.format ? "n" : "");
      if (column.unit) cell.append(text("small", column.unit));
      head.append(cell);
    }
    for (const row of rows.slice(0, about.rows)) {
      const line = body.insertRow();
      for (const column of about.columns) line.append(text("td", shown(row[column.column], column.format), column.format ? "n" : ""));
    }
    const scroll = text("div", "", "scroll");
    scroll.append(made);
    place.replaceChildren(scroll);
  }

  let wanted = 0;
  async function draw() {
    const run = ++wanted;
    document.documentElement.removeAttribute("data-drawn");
    board.tiles.forEach((about, at) => tile(byId(`tile-${at}`), about));
    board.tables.forEach(table);
    for (const about of board.charts) if (run === wanted) await chart(about);
    if (run === wanted) document.documentElement.dataset.drawn = Math.round(performance.now());
  }
  controls();
  draw();
})();
