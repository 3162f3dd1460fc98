"use strict";
// The page: what is filled in where, and who listens to whom.

const CURVE_POINTS = 61;
const PATIENCE = 10; // milliseconds of work at a time
const SPEAKS_AFTER = 600; // milliseconds of rest, so that a moving slider is not read out

const byId = (id) => document.getElementById(id);

function start(report) {
  chooseColours();
  fillHeader(report);
  fillFormulas(report.formulas ?? {});
  if (report.numbers) fillNumbers(report);
  fillDiagrams(report);
  fillSections();
}

/** The system's colours, or those that the reader prefers, also next time where the browser keeps it. */
function chooseColours() {
  const kept = { get: () => null, set: () => undefined };
  try {
    kept.get = () => localStorage.getItem("colours");
    kept.set = (value) => localStorage.setItem("colours", value);
    kept.get();
  } catch {
    kept.get = () => null;
    kept.set = () => undefined;
  }
  const apply = (value) => {
    if (value === "auto") delete document.documentElement.dataset.colours;
    else document.documentElement.dataset.colours = value;
  };
  const before = kept.get();
  const radios = [...byId("colours").querySelectorAll("input")];
  for (const radio of radios) {
    if (radio.value === before) {
      radio.checked = true;
      apply(before);
    }
    radio.addEventListener("change", () => {
      apply(radio.value);
      kept.set(radio.value);
    });
  }
}

function fillHeader({ question, made }) {
  const list = byId("question");
  for (const [name, words] of Object.entries(question ?? {})) {
    if (words === null || words === undefined || words === "") continue;
    list.append(element("div", {}, element("dt", {}, capital(name.replaceAll("_", " "))), element("dd", {}, String(words))));
  }
  byId("made").textContent = made ?? "Made by sgdiagrams.";
}

function fillFormulas(formulas) {
  const given = Object.entries(formulas).filter(([, formula]) => formula);
  byId("formulas").hidden = given.length === 0;
  for (const [name, { mathml, latex, text }] of given) {
    const heading = given.length > 1 ? element("h3", {}, calledSeries(name)) : null;
    const formula = element(
      "div", { class: "closed-form scroll", tabindex: "0", role: "region", "aria-label": `Closed form, ${calledSeries(name)}` },
      ...(mathml ? formulaLines(adopted(mathml)) : [element("pre", {}, text ?? latex)]),
    );
    byId("formula-list").append(heading ?? "", formula, latex ? sourceOf(latex) : "");
  }
}

/**
 * Return a formula of many lines as formulas of one line each.
 *
 * A browser breaks no table of mathematics from page to page; lines it does, and on a narrow screen the
 * left side may stand above the right one.
 */
function formulaLines(formula) {
  const rows = [...formula.querySelectorAll(":scope > mtable > mtr")];
  if (!rows.length) return [formula];
  return rows.map((row) => {
    const sides = [...row.children].map((cell) => {
      const side = document.createElementNS(MATHML, "math");
      side.setAttribute("displaystyle", "true");
      side.append(...cell.childNodes);
      return element("div", { class: side.textContent.trim() ? "" : "empty" }, side);
    });
    return element("div", { class: "line" }, ...sides);
  });
}

/** The LaTeX of a formula, folded away, with a button that copies it. */
function sourceOf(latex) {
  const source = element("pre", { tabindex: "0", "aria-label": "LaTeX" }, latex);
  const copy = element("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(source); // where the clipboard is closed, the keyboard copies it
    try {
      await navigator.clipboard.writeText(latex);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2500);
  });
  return element("details", { class: "source no-print" }, element("summary", {}, "LaTeX"), copy, source);
}

function fillNumbers({ numbers, question }) {
  byId("numbers").hidden = false;
  const predict = remembering(sgdiagrams.predictor(numbers));
  const sliders = numbers.sliders;
  const named = numbers.observable ?? question?.observable ?? "loss";
  const observable = /^[a-z-]+$/.test(named) ? named.replaceAll("-", " ") : named;
  const axes = sliders.filter(({ minimum, maximum }) => minimum < maximum);
  const shown = { plain: true, "re-summed": true, orders: true, missing: true, errors: true };
  let settings = Object.fromEntries(sliders.map(({ name, value }) => [name, value]));
  let job = 0;
  let speaking = 0;

  const controls = buildSliders(byId("sliders"), sliders, {
    refusal: (wanted) => predict(wanted).refused ?? null,
    changed: (chosen) => {
      settings = chosen;
      refresh();
    },
  });
  const charts = [axes.find(({ name }) => name === "eta") ?? axes[0]];
  charts.push(...axes.filter((axis) => axis !== charts[0]).slice(0, 1));
  const frames = charts.filter(Boolean).map((axis, i) => frameOf(axis, i));
  byId("curves").append(...frames.map(({ figure }) => figure));
  fillLegend();
  const lines = [...(numbers.notes ?? []), ...Object.values(numbers.refused ?? {})];
  byId("remarks").append(...lines.map((line) => element("li", {}, line)));
  byId("remarks").hidden = !lines.length;
  new ResizeObserver(() => drawCurves()).observe(byId("curves"));
  refresh();

  function frameOf(axis, i) {
    const title = element("span", {}, `${capital(observable)} against `);
    const others = axes.filter((other) => other !== charts[0]);
    const frame = { axis, plot: element("div", { class: "plot" }) };
    if (i === 1 && others.length > 1) {
      const select = element("select", { "aria-label": "Second curve against" });
      select.append(...others.map(({ name, label }) => element("option", { value: name }, label)));
      select.addEventListener("change", () => {
        frame.axis = axes.find(({ name }) => name === select.value);
        refresh();
      });
      title.append(select);
    } else title.append(...labelWords(axis));
    frame.trust = element("p", { class: "trust" });
    frame.figure = element("figure", {}, element("figcaption", {}, title), frame.plot, frame.trust);
    pulled(frame);
    return frame;
  }

  /** Pulling in a chart moves its slider. */
  function pulled(frame) {
    const { plot } = frame;
    const pull = (event) => {
      const picture = plot.firstElementChild;
      if (!picture) return;
      const box = picture.getBoundingClientRect();
      const place = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
      controls.pull(frame.axis.name, picture.scaleX.back(place));
    };
    plot.addEventListener("pointerdown", (event) => {
      plot.setPointerCapture(event.pointerId);
      pull(event);
    });
    plot.addEventListener("pointermove", (event) => {
      if (plot.hasPointerCapture(event.pointerId)) pull(event);
    });
  }

  function fillLegend() {
    const { series } = predict(settings);
    const items = series.map(({ name }) => [name, calledSeries(name), swatch(name)]);
    items.push(["orders", "sums of fewer orders", swatch("partial-sample")]);
    items.push(["missing", "± what is missing", swatch("missing-sample")]);
    if (series.some(({ error }) => error > 0)) items.push(["errors", "± 2 standard errors", swatch("band-sample")]);
    for (const [name, label, sample] of items) {
      const box = element("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        shown[name] = box.checked;
        drawCurves();
      });
      byId("legend").append(element("label", {}, box, sample, label));
    }
    byId("legend").append(element("span", { class: "key" }, "Bars on top: where the judge trusts the series"));
  }

  function refresh() {
    const { series } = predict(settings);
    const { recommended } = predict(settings);
    byId("verdicts").replaceChildren(...series.map((one) => verdictOf(one, recommended === one.name && series.length > 1)));
    byId("advice").textContent = adviceOf(recommended, series);
    fillOrders(byId("orders"), series);
    clearTimeout(speaking);
    speaking = setTimeout(() => { byId("spoken").textContent = spokenOutcome(settings, series, recommended); }, SPEAKS_AFTER);
    job += 1;
    work(job, frames.flatMap(({ axis }) => abscissae(axis).map((x) => ({ ...settings, [axis.name]: x }))));
  }

  function abscissae(axis) {
    return spread(axis, controls.valuesOf(axis.name), CURVE_POINTS);
  }

  /** Return abscissae with the setting of the moment among them: what is trusted there is so on the curve. */
  function withThe(setting, places) {
    const [first, last] = [places[0], places[places.length - 1]];
    if (!(setting > first && setting < last) || places.includes(setting)) return places;
    return [...places, setting].sort((one, other) => one - other);
  }

  /** Compute the points a few at a time, then draw; a newer change ends an older job. */
  function work(own, waiting) {
    if (own !== job) return;
    const begun = performance.now();
    while (waiting.length) {
      predict(waiting.pop());
      if (performance.now() - begun > PATIENCE && waiting.length) {
        requestAnimationFrame(() => work(own, waiting));
        return;
      }
    }
    drawCurves();
  }

  function drawCurves() {
    for (const { axis, plot, trust } of frames) {
      const answer = (x) => ({ x, series: seriesAt({ ...settings, [axis.name]: x }) });
      const width = Math.round(plot.clientWidth);
      if (!width) continue;
      const size = [width, Math.round(Math.min(Math.max(width * 0.62, 210), 330))];
      const picture = chartOf({
        points: withThe(settings[axis.name], abscissae(axis)).map(answer), now: answer(settings[axis.name]), variable: axis, shown, size,
        title: `${capital(observable)} against ${axis.label}`,
      });
      plot.replaceChildren(picture);
      trust.replaceChildren(...picture.trust);
    }
  }

  function seriesAt(wanted) {
    const { refused, series } = predict(wanted);
    return refused ? [] : series;
  }
}

/** Return the same pure function, which remembers what it was asked. */
function remembering(predict) {
  const known = new Map();
  return (settings) => {
    const key = JSON.stringify(settings);
    if (!known.has(key)) {
      if (known.size > 4000) known.clear();
      known.set(key, predict(settings));
    }
    return known.get(key);
  };
}

function fillDiagrams({ diagrams, notes }) {
  const rows = preparedRows(diagrams);
  const shownBy = buildTable(byId("table"), rows, { howMany: byId("how-many"), nothing: byId("nothing") });
  const filters = buildFilters(byId("filters"), rows, (question) => shownBy.show(question));
  byId("nothing-clear").addEventListener("click", () => filters.emptied());
  const lines = notes ?? [
    "The square is the observable at the end of training, the discs are updates; time runs from left to right.",
    "Nodes in one outline use the same datapoint. Nodes outside are alone in their block.",
    "A link is an update alone in its block with exactly one child.",
    "A diagram contributes its value times its count, over its symmetry factor, with a factor −η for every edge; "
      + "where counts are those of embeddings and gradients are means over B datapoints, also 1/B for every edge.",
  ];
  byId("notes").append(element("ul", {}, ...lines.map((line) => element("li", {}, line))));
}

function fillSections() {
  for (const section of document.querySelectorAll("main > section")) {
    if (section.hidden) continue;
    byId("sections").append(element("a", { href: `#${section.id}` }, section.querySelector("h2").textContent));
  }
}

start(JSON.parse(byId("report-data").textContent));
