"use strict";
// Scales and ticks of a chart.

/** Return a scale: a function from values to places, with its ticks; logarithmic where told. */
function scaleOf(lowest, highest, from, to, { logarithmic = false, many = 5, whole = false } = {}) {
  const bend = logarithmic ? Math.log : (x) => x;
  const width = bend(highest) - bend(lowest) || 1;
  const scale = (x) => from + ((bend(x) - bend(lowest)) / width) * (to - from);
  const back = (place) => {
    const bent = bend(lowest) + ((place - from) / (to - from)) * width;
    return logarithmic ? Math.exp(bent) : bent;
  };
  const ticks = logarithmic ? logTicks(lowest, highest, many) : evenTicks(lowest, highest, many, whole);
  return Object.assign(scale, { back, ticks });
}

function evenTicks(lowest, highest, many, whole) {
  const rough = (highest - lowest) / many;
  if (!(rough > 0)) return [lowest];
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
  if (whole) step = Math.max(1, step);
  const first = Math.ceil(lowest / step - 1e-9);
  const last = Math.floor(highest / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(lowest, highest, many) {
  const decades = Math.log10(highest / lowest);
  const digits = decades > many ? [1] : decades * 3 > many * 1.6 ? [1, 3] : [1, 2, 5];
  const every = Math.max(1, Math.round(decades / (many + 1)));
  const ticks = [];
  for (let e = Math.floor(Math.log10(lowest)); e <= Math.log10(highest) + 1e-9; e += 1) {
    if (e % every) continue;
    for (const digit of digits) {
      const tick = Number((digit * 10 ** e).toPrecision(6));
      if (tick >= lowest * (1 - 1e-9) && tick <= highest * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : evenTicks(lowest, highest, many, false);
}

/**
 * Return the range of values that a chart shows: what is to be trusted decides, and what runs away is cut.
 *
 * `trusted`, `others` and `marked` are lists of numbers; the others may widen the range to twice its size,
 * those that are marked to five times.
 */
function rangeShown(trusted, others, marked) {
  const finite = (numbers) => numbers.filter((x) => Number.isFinite(x));
  let base = finite(trusted);
  const rest = finite(others);
  if (base.length < 2) base = base.concat(finite(marked));
  if (!base.length) base = rest;
  if (!base.length) return [0, 1];
  const [least, most] = [Math.min(...base), Math.max(...base)];
  const size = most - least || Math.abs(most) * 0.1 || 1;
  let [lowest, highest] = [least, most];
  for (const x of finite(marked)) {
    if (least - 2 * size < x && x < most + 2 * size) [lowest, highest] = [Math.min(lowest, x), Math.max(highest, x)];
  }
  for (const x of rest) {
    lowest = Math.min(lowest, Math.max(x, least - 0.5 * size));
    highest = Math.max(highest, Math.min(x, most + 0.5 * size));
  }
  const room = 0.06 * (highest - lowest || size);
  return [lowest - room, highest + room];
}
