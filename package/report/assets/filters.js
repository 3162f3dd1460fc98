"use strict";
// The search and the filters of the table: a form whose answer is a question to ask of every row.

const YES_NO = (yes, no) => (value) => (value ? yes : no);

/** What rows can be filtered by: a name, a label, and how a value is called. */
const FILTERS = [
  { name: "order", label: "Order", called: String },
  { name: "blocks", label: "Blocks", called: String },
  { name: "ties", label: "Ties", called: YES_NO("tied", "untied") },
  { name: "tied", label: "Root", called: YES_NO("tied", "untied") },
  { name: "links", label: "Links", called: (value) => (value === true ? "with links" : value ? String(value) : "linkless") },
  { name: "one_pass", label: "In one pass", called: YES_NO("possible", "impossible") },
];

/** Fill the form and return a function that gives the question of the moment; `changed` is called. */
function buildFilters(form, rows, changed) {
  const search = element("input", {
    type: "search", id: "search", spellcheck: "false", placeholder: "(01-2), M_a|b, T^2 …",
  });
  const controls = [element("p", { class: "field field-wide" }, element("label", { for: "search" }, "Search"), search)];
  const selects = [];
  for (const { name, label, called } of FILTERS) {
    const values = [...new Set(rows.map((row) => row[name]).filter((value) => value !== undefined && value !== null))];
    if (values.length < 2) continue;
    values.sort((a, b) => a - b);
    const select = element("select", { id: `filter-${name}` }, element("option", { value: "" }, "any"));
    values.forEach((value) => {
      const many = rows.filter((row) => row[name] === value).length;
      select.append(element("option", { value: String(value) }, `${called(value)} (${many})`));
    });
    selects.push({ name, select });
    controls.push(element("p", { class: "field" }, element("label", { for: select.id }, label), select));
  }
  const clear = element("button", { type: "button", id: "clear" }, "Clear");
  form.append(...controls, element("p", { class: "field field-last" }, clear));

  function question() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = selects.filter(({ select }) => select.value !== "");
    clear.disabled = !words.length && !wanted.length;
    return (row) =>
      wanted.every(({ name, select }) => String(row[name]) === select.value) &&
      words.every((word) => row.haystack.includes(word));
  }

  function emptied() {
    search.value = "";
    selects.forEach(({ select }) => { select.value = ""; });
    changed(question());
    search.focus();
  }

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed(question()), 80);
  });
  form.addEventListener("change", () => changed(question()));
  form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) { event.preventDefault(); emptied(); }
  });
  clear.addEventListener("click", emptied);
  question();
  return { question, emptied };
}
