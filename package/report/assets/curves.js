"use strict";
// One chart: every series against one of the numbers, with its errors, its orders and where to trust it.

const MARGIN = { right: 24, bottom: 40, top: 12 };
const DIGIT = 7; // width of a digit of a tick's number
const STRIP = 9; // height of a line of the judge's, with the gap below it

/**
 * Return the picture of a chart.
 *
 * `points` are `{x, series}`, `now` is one of them at the setting of the moment; `variable` is the slider
 * along the abscissa; `shown` says which series, and whether orders and errors, are drawn.
 */
function chartOf({ points, now, variable, shown, size, title }) {
  const names = seriesNames(points, now).filter((name) => shown[name]);
  const top = MARGIN.top + STRIP * names.length + 8;
  const [width, height] = size;
  const curves = names.map((name, i) => curveOf(name, points, i));
  const [lowest, highest] = rangeOf(curves, now, shown);
  const y = scaleOf(lowest, highest, height - MARGIN.bottom, top, { many: 4 });
  const left = 14 + DIGIT * Math.max(4, ...y.ticks.map((tick) => written(tick).length));
  const x = scaleOf(points[0].x, points[points.length - 1].x, left, width - MARGIN.right, {
    logarithmic: variable.logarithmic && points[0].x > 0, many: Math.max(2, Math.floor(width / 90)), whole: variable.whole,
  });
  const picture = svgElement("svg", {
    class: "chart", role: "img", viewBox: `0 0 ${width} ${height}`, width, height,
    "aria-label": `${title}. ${curves.map(spokenCurve).join(" ")}`,
  });
  const clip = `clip-${variable.name}`;
  const inside = svgElement("g", { "clip-path": `url(#${clip})` });
  picture.append(
    svgElement("clipPath", { id: clip }, svgElement("rect", {
      x: left, y: top - 2, width: width - left - MARGIN.right, height: height - MARGIN.bottom - top + 4,
    })),
    axesOf(x, y, { width, height, top, left, variable }),
    ...curves.map((curve, i) => stripOf(curve, x, MARGIN.top + i * STRIP, height)),
    inside,
  );
  for (const curve of curves) {
    if (shown.missing) inside.append(bandOf(curve, x, y, "missing", ({ truncation, trustworthy }) => (trustworthy ? truncation : 0)));
    if (shown.errors) inside.append(bandOf(curve, x, y, "errors", ({ error }) => 2 * error));
    if (shown.orders) inside.append(...partialSums(curve, x, y));
  }
  const isSparse = variable.whole && curves.some(({ along }) => along.length < points.length);
  curves.forEach((curve) => inside.append(...linesOf(curve, x, y), ...(isSparse ? dotsOf(curve, x, y) : [])));
  picture.append(markOf(now, x, y, names, { top, height }));
  picture.scaleX = x;
  picture.trust = curves.map((curve) => trustWords(curve, variable));
  return picture;
}

function seriesNames(points, now) {
  const names = new Set();
  [now, ...points].forEach((point) => point.series.forEach(({ name }) => names.add(name)));
  return [...names];
}

/** Return a series along the points that the model does not refuse; null where nothing finite is left. */
function curveOf(name, points) {
  const along = points.filter(({ series }) => series.length).map(({ x, series }) => {
    const one = series.find((entry) => entry.name === name);
    return one && Number.isFinite(one.value) ? { x, ...one } : { x, value: null, trustworthy: false };
  });
  return { name, along };
}

function rangeOf(curves, now, shown) {
  const trusted = [];
  const others = [];
  for (const { along } of curves) {
    for (const { value, error, trustworthy } of along) {
      if (value === null) continue;
      const spread = shown.errors && Number.isFinite(error) ? 2 * error : 0;
      (trustworthy ? trusted : others).push(value - spread, value + spread);
    }
  }
  return rangeShown(trusted, others, now.series.flatMap(({ value, orders }) => [value, orders[0].value]));
}

function axesOf(x, y, { width, height, top, left, variable }) {
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const axes = svgElement("g", { class: "axes" });
  for (const tick of y.ticks) {
    const at = y(tick);
    if (at < top - 1) continue;
    axes.append(
      svgElement("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }),
      svgElement("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, written(tick)),
    );
  }
  axes.append(svgElement("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }));
  let free = 0; // where the next number may begin
  for (const tick of x.ticks) {
    const half = (DIGIT * written(tick).length) / 2;
    axes.append(svgElement("line", { class: "axis", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5 }));
    if (x(tick) - half < free) continue;
    axes.append(svgElement("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, written(tick)));
    free = x(tick) + half + 3;
  }
  axes.append(svgElement("text", { class: "axis-name", x: right, y: height - 4, "text-anchor": "end" }, variable.label));
  return axes;
}

/** The judge's line above the curves: full where the series is trusted, hollow where it is not. */
function stripOf({ name, along }, x, at, height) {
  const strip = svgElement("g", { class: `strip ${name}` });
  for (const { from, to, isTrusted } of stretches(along)) {
    const [left, right] = [x(from), x(to)];
    strip.append(svgElement("rect", {
      class: isTrusted ? "trusted" : "untrusted", x: left, y: at, width: Math.max(right - left, 1), height: STRIP - 4, rx: 1,
    }));
    if (!isTrusted && from !== along[0].x) {
      strip.append(svgElement("line", { class: "until", x1: left, x2: left, y1: at, y2: height - MARGIN.bottom }));
    }
  }
  return strip;
}

/** Return the stretches of equal trust; what is between two points of unlike trust is not trusted. */
function stretches(along) {
  const parts = [];
  along.forEach(({ x, trustworthy }, i) => {
    const isTrusted = Boolean(trustworthy);
    const last = parts[parts.length - 1];
    if (last && last.isTrusted === isTrusted) last.to = x;
    else {
      if (last && isTrusted) last.to = x;
      parts.push({ from: !isTrusted && i ? along[i - 1].x : x, to: x, isTrusted });
    }
  });
  return parts;
}

function bandOf({ name, along }, x, y, kind, spreadOf) {
  const band = svgElement("g", { class: `band ${kind} ${name}` });
  for (const run of runsOf(along, (point) => point.value !== null && spreadOf(point) > 0 && Number.isFinite(spreadOf(point)))) {
    const upper = run.map((point) => [x(point.x), kept(y(point.value + spreadOf(point)))]);
    const lower = run.map((point) => [x(point.x), kept(y(point.value - spreadOf(point)))]).reverse();
    band.append(svgElement("path", { d: `${pathThrough([...upper, ...lower])}Z` }));
  }
  return band;
}

/** The sums through order 1, 2, ... but the last, faint: how the curve came about. */
function partialSums({ name, along }, x, y) {
  const most = Math.max(0, ...along.map(({ orders }) => orders?.length ?? 0));
  return Array.from({ length: Math.max(most - 2, 0) }, (_, i) => i + 1).map((k) => {
    const sums = along.map(({ x: at, orders }) => ({
      x: at, value: orders ? orders.slice(0, k + 1).reduce((sum, { value }) => sum + value, 0) : null,
    }));
    const d = runsOf(sums, ({ value }) => Number.isFinite(value) && value !== null)
      .map((run) => pathThrough(run.map((point) => [x(point.x), kept(y(point.value))]))).join("");
    return svgElement("path", { class: `partial ${name}`, d });
  });
}

function linesOf({ name, along }, x, y) {
  const lines = [];
  for (const isTrusted of [false, true]) {
    // A stretch begins where the one before ended, so that the curve has no holes.
    const d = runsOf(along, ({ value }) => value !== null).flatMap((run) => piecesOf(run, isTrusted))
      .map((piece) => pathThrough(piece.map((point) => [x(point.x), kept(y(point.value))]))).join("");
    if (d) lines.push(svgElement("path", { class: `curve ${name} ${isTrusted ? "trusted" : "untrusted"}`, d }));
  }
  return lines;
}

/** Dots where there are values, such as the batch sizes that divide; lines between them lead the eye. */
function dotsOf({ name, along }, x, y) {
  return along.filter(({ value }) => value !== null).map(({ x: at, value }) =>
    svgElement("circle", { class: `point ${name}`, cx: x(at), cy: kept(y(value)), r: 3 }));
}

function piecesOf(run, isTrusted) {
  const pieces = [];
  run.forEach((point, i) => {
    const next = run[i + 1];
    if (run.length === 1 && Boolean(point.trustworthy) === isTrusted) pieces.push([point]);
    if (next === undefined || Boolean(point.trustworthy && next.trustworthy) !== isTrusted) return;
    const last = pieces[pieces.length - 1];
    if (last && last[last.length - 1] === point) last.push(next);
    else pieces.push([point, next]);
  });
  return pieces;
}

/** The setting of the moment: a line, and a dot on every curve; a triangle where the curve is outside. */
function markOf(now, x, y, names, { top, height }) {
  const bottom = height - MARGIN.bottom;
  const at = x(now.x);
  const mark = svgElement("g", { class: "now" }, svgElement("line", { x1: at, x2: at, y1: top - 4, y2: bottom }));
  for (const { name, value } of now.series) {
    if (!names.includes(name) || !Number.isFinite(value)) continue;
    const place = y(value);
    if (place < top - 2) mark.append(svgElement("path", { class: `dot ${name}`, d: `M${at - 5} ${top + 7}h10l-5 -8Z` }));
    else if (place > bottom) mark.append(svgElement("path", { class: `dot ${name}`, d: `M${at - 5} ${bottom - 8}h10l-5 8Z` }));
    else mark.append(svgElement("circle", { class: `dot ${name}`, cx: at, cy: place, r: 4.5 }));
  }
  return mark;
}

function runsOf(along, isIn) {
  const runs = [];
  let open = null;
  for (const point of along) {
    if (!isIn(point)) open = null;
    else if (open) open.push(point);
    else runs.push((open = [point]));
  }
  return runs;
}

/** Far outside is as good as outside; browsers draw no coordinates of 1e20. */
function kept(place) {
  return Math.min(Math.max(place, -4000), 4000);
}

function pathThrough(places) {
  if (places.length === 1) return `M${places[0].map((x) => x.toFixed(1)).join(" ")}h0`; // a dot
  return places.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function spokenCurve({ name, along }) {
  const drawn = along.filter(({ value }) => value !== null);
  if (!drawn.length) return `${calledSeries(name)}: nothing to draw.`;
  return `${calledSeries(name)}: from ${written(drawn[0].value)} to ${written(drawn[drawn.length - 1].value)}.`;
}

/** Return where the judge trusts a curve, in words. */
function trustWords({ name, along }, variable) {
  if (!along.length) return element("span", { class: name }, swatch(name), `${calledSeries(name)}: no such numbers`);
  const trusted = stretches(along).filter(({ isTrusted }) => isTrusted);
  const [first, last] = [along[0].x, along[along.length - 1].x];
  const letter = letterOf(variable.name);
  const ranges = trusted.map(({ from, to }) => {
    if (from === first && to === last) return "all over";
    if (from === first) return `up to ${letter} = ${written(to, 2)}`;
    return to === last ? `from ${letter} = ${written(from, 2)} on` : `from ${letter} = ${written(from, 2)} to ${written(to, 2)}`;
  });
  const words = ranges.length ? `trusted ${ranges.join(" and ")}` : "trusted nowhere";
  return element("span", { class: name }, swatch(name), `${calledSeries(name)} ${words}`);
}
