"use strict";
// What comes out at the settings of the moment: the verdicts in words, and the contributions.

function calledSeries(name) {
  return name === "plain" ? "Plain series" : "Re-summed series";
}

/** Return the judge's words with a mark that does not need colour, and powers raised. */
function verdictOf({ name, value, error, verdict, trustworthy }, isRecommended) {
  const [first, ...rest] = verdict.split(": ");
  const mark = trustworthy ? "✓" : first.startsWith("borderline") ? "≈" : first.startsWith("cannot") ? "?" : "✕";
  const words = element("p", { class: "words" });
  words.append(element("span", { class: "mark", "aria-hidden": "true" }, mark), element("strong", {}, capital(first)));
  if (rest.length) words.append(": ", ...withPowers(rest.join(": ")), ".");
  const figure = element("p", { class: "figure" }, withError(value, error));
  return element(
    "article", { class: `verdict ${name} ${trustworthy ? "is-trusted" : "is-untrusted"}` },
    element(
      "div", { class: "verdict-head" }, swatch(name), element("h3", {}, calledSeries(name)),
      isRecommended ? element("span", { class: "badge" }, "recommended") : null,
    ),
    figure, words,
  );
}

function withPowers(text) {
  return text.split(/(\^\w+)/).map((part) => (part.startsWith("^") ? element("sup", {}, element("var", {}, part.slice(1))) : part));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return a line where of two series none is to be taken; nothing where a badge or a verdict says it all. */
function adviceOf(recommended, series) {
  return series.length > 1 && recommended === "neither" ? "Neither series is recommended here." : "";
}

/** Return a sample of a series' line. */
function swatch(name) {
  const line = svgElement("line", { class: `curve ${name} trusted`, x1: 1, x2: 25, y1: 5, y2: 5 });
  return svgElement("svg", { class: "swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" }, line);
}

/** Fill the table of contributions, order by order. */
function fillOrders(table, series) {
  const most = Math.max(...series.map(({ orders }) => orders.length));
  const heads = [...Array(most).keys()].map((k) => `Order ${k}`);
  const hasErrors = series.some(({ error }) => error > 0);
  const ends = ["Sum", ...(hasErrors ? ["Standard error"] : []), "Missing"];
  const head = ["Series", ...heads, ...ends].map((text, i) => element("th", { scope: "col", class: i ? "number" : "" }, text));
  const lines = series.map(({ name, orders, value, error, truncation }) => {
    const cells = [...Array(most).keys()].map((k) => contribution(orders[k]));
    const last = [written(value, 5), ...(hasErrors ? [error ? written(error, 2) : "–"] : []), written(truncation, 2)];
    return element(
      "tr", {}, element("th", { scope: "row" }, calledSeries(name)), ...cells,
      ...last.map((text, i) => element("td", { class: i ? "number" : "number sum" }, text)),
    );
  });
  const bodies = [element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines)];
  table.querySelectorAll("thead, tbody").forEach((part) => part.remove());
  table.append(...bodies);
}

function contribution(order) {
  if (!order) return element("td", { class: "number" }, "–");
  const error = order.error ? element("small", {}, ` ± ${written(order.error, 2)}`) : null;
  return element("td", { class: "number" }, written(order.value, 4), error);
}

/** Return what a screen reader says once the sliders rest. */
function spokenOutcome(settings, series, recommended) {
  const numbers = Object.entries(settings).map(([name, value]) => `${name} ${written(value)}`).join(", ");
  const verdicts = series.map(({ name, value, error, verdict }) => `${calledSeries(name)}: ${withError(value, error)}, ${verdict}.`);
  const taken = series.find(({ name }) => series.length > 1 && name === recommended);
  const advice = taken ? `${calledSeries(taken.name)} recommended.` : adviceOf(recommended, series);
  return `At ${numbers}. ${verdicts.join(" ")} ${advice}`.trim();
}
