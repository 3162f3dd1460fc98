"use strict";
// The table of diagrams: built once, then rows are hidden and moved.

const ROW_PARTS = 40; // rows that are drawn at a time, so that the page answers meanwhile
const LONG_FORMULA = 90; // characters; it is scrolled to
const LONG = 250; // from so many rows on only those in sight are laid out

const COLUMNS = [
  { name: "text", label: "Diagram", sorted: (row) => row.place, cell: pictureCell },
  { name: "order", label: "Order", number: true },
  { name: "blocks", label: "Blocks", number: true },
  { name: "links", label: "Links", number: true, shown: (value) => (value === true ? "yes" : value ? written(value) : "–") },
  { name: "ties", label: "Ties", shown: YES_NO("tied", "–") },
  { name: "tied", label: "Root", shown: YES_NO("tied", "–"), onlyVaried: true },
  { name: "one_pass", label: "In one pass", short: "One pass", shown: YES_NO("yes", "–") },
  { name: "symmetry_factor", label: "Symmetry factor", short: "|Aut|", number: true },
  { name: "count", label: "Count", sorted: (row) => row.count.text, cell: (row) => formulaOf(row.count) },
  { name: "value", label: "Value", sorted: (row) => row.value.text, cell: (row) => formulaOf(row.value) },
];

/** Return the rows with what the table needs of them: whether any nodes are tied, and the words to search. */
function preparedRows(diagrams) {
  return diagrams.map((diagram, place) => {
    const { text, value, count } = diagram;
    const texts = [text, value?.text, count?.text].filter(Boolean);
    const squeezed = texts.map((text) => text.replaceAll(" ", ""));
    return { ...diagram, ties: diagram.blocks <= diagram.order, place, haystack: [...texts, ...squeezed].join("\n").toLowerCase() };
  });
}

/** Build the table and return what shows the rows that a question keeps. */
function buildTable(table, rows, { howMany, nothing }) {
  const columns = COLUMNS.filter(({ name, onlyVaried }) => {
    const values = new Set(rows.map((row) => row[name] ?? null));
    return onlyVaried ? values.size > 1 : values.size > 1 || !values.has(null);
  });
  const [head, body] = [table.tHead, table.tBodies[0]];
  const headings = columns.map((column) => headingOf(column));
  table.prepend(element("colgroup", {}, ...columns.map((column) => widthOf(column, rows))));
  head.append(element("tr", { role: "row" }, ...headings));
  head.setAttribute("role", "rowgroup");
  body.setAttribute("role", "rowgroup");
  table.setAttribute("role", "table"); // kept where a narrow screen lays rows out as cards
  rows.forEach((row) => { row.line = element("tr", { role: "row" }); });
  body.append(...rows.map((row) => row.line));
  const cards = sortChoice(columns);
  table.before(cards.field);

  let sorted = { column: columns[0], isDown: false };
  let drawn = 0;

  function draw(until) {
    for (; drawn < Math.min(until, rows.length); drawn += 1) {
      const row = rows[drawn];
      row.line.append(...columns.map((column) => cellOf(column, row)));
    }
  }

  function drawRest() {
    draw(drawn + ROW_PARTS);
    if (drawn < rows.length) setTimeout(drawRest);
    else table.removeAttribute("aria-busy");
  }

  function sort(column, isDown) {
    sorted = { column, isDown };
    headings.forEach((heading, i) => {
      if (columns[i] === column) heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    cards.select.value = column.name;
    const key = column.sorted ?? ((row) => Number(row[column.name]));
    const keyed = rows.map((row) => [key(row), row]);
    const sign = isDown ? -1 : 1;
    const compared = new Intl.Collator("en", { numeric: true }).compare;
    const order = (a, b) => (typeof a === "string" ? compared(a, b) : a - b);
    keyed.sort(([a, one], [b, other]) => sign * order(a, b) || one.place - other.place);
    body.append(...keyed.map(([, row]) => row.line));
  }

  function show(question) {
    let kept = 0;
    for (const row of rows) {
      const isKept = question(row);
      row.line.hidden = !isKept;
      kept += isKept;
    }
    nothing.hidden = kept > 0;
    const all = `${rows.length} ${rows.length === 1 ? "diagram" : "diagrams"}`;
    howMany.textContent = kept === rows.length ? all : `${kept} of ${all}`;
  }

  headings.forEach((heading, i) => {
    heading.querySelector("button").addEventListener("click", () => {
      sort(columns[i], sorted.column === columns[i] && !sorted.isDown);
    });
  });
  cards.select.addEventListener("change", () => {
    sort(columns.find(({ name }) => name === cards.select.value), false);
  });
  addEventListener("beforeprint", () => draw(rows.length));
  table.setAttribute("aria-busy", "true");
  table.classList.toggle("is-long", rows.length >= LONG);
  sort(columns[0], false);
  show(() => true);
  drawRest();
  return { show };
}

/** Widths are told, not found: the browser then lays out only the rows in sight. */
function widthOf({ name, short, label }, rows) {
  const column = element("col");
  const longest = (texts) => Math.max(4, ...texts.map((text) => text?.length ?? 0));
  if (name === "text") column.style.width = `${Math.min(Math.max(0.5 * longest(rows.map((row) => row.text)), 8), 18) + 1.5}rem`;
  else if (name === "count") column.style.width = `min(${Math.max(0.5 * longest(rows.map((row) => row.count?.text)), 6)}rem, 32vw)`;
  else if (name !== "value") column.style.width = `${0.48 * (short ?? label).length + 2.3}rem`;
  return column;
}

function headingOf({ label, short, number, name }) {
  const button = element("button", { type: "button" }, element("span", {}, short ?? label));
  if (short) button.setAttribute("aria-label", label);
  if (short) button.title = label;
  return element("th", { scope: "col", role: "columnheader", class: `column-${name}${number ? " number" : ""}` }, button);
}

/** On a narrow screen there is no line of headings to sort by. */
function sortChoice(columns) {
  const options = columns.map(({ name, label }) => element("option", { value: name }, label));
  const select = element("select", { id: "sort" }, ...options);
  return { select, field: element("p", { class: "field sort-choice no-print" }, element("label", { for: "sort" }, "Sort by"), select) };
}

function cellOf(column, row) {
  const { name, label, number } = column;
  const content = column.cell ? column.cell(row) : (column.shown ?? written)(row[name]);
  const isHead = name === "text";
  const attributes = {
    class: `column-${name}${number ? " number" : ""}`, role: isHead ? "rowheader" : "cell",
    "data-label": column.short ?? label, scope: isHead && "row",
  };
  return element(isHead ? "th" : "td", attributes, ...(Array.isArray(content) ? content : [content]));
}

function pictureCell(row) {
  const picture = adopted(row.svg);
  picture.setAttribute("aria-hidden", "true"); // its name is the text below
  picture.removeAttribute("role");
  const text = element("code", {}, row.text);
  const frame = element("span", { class: "picture late" }, picture);
  frame.style.containIntrinsicSize = `auto ${picture.getAttribute("width")}px auto ${picture.getAttribute("height")}px`;
  return [frame, text];
}

function formulaOf(formula) {
  if (!formula) return "–";
  const isLong = formula.text.length > LONG_FORMULA;
  const box = element("span", { class: `formula late${isLong ? " is-wide" : ""}` });
  const shown = formula.mathml ? adopted(formula.mathml) : formula.text;
  if (formula.mathml) {
    shown.removeAttribute("display");
    box.title = formula.text;
  }
  box.append(shown);
  return box;
}
