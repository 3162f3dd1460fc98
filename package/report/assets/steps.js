"use strict";
// The values of a slider: a list, so that every step of the keyboard is a change.

const MOST_STEPS = 240;

/** Return the values that a slider stops at, increasing, with its own value among them. */
function stepsOf(slider) {
  const { minimum, maximum, value, step, whole, logarithmic } = slider;
  const unit = step || (whole ? 1 : (maximum - minimum) / MOST_STEPS);
  const values = new Set([minimum, maximum, value]);
  if (logarithmic && minimum > 0) {
    for (let i = 1; i < MOST_STEPS; i += 1) {
      const exact = minimum * (maximum / minimum) ** (i / MOST_STEPS);
      values.add(whole ? Math.round(exact) : Number(exact.toPrecision(2 + (MOST_STEPS > 100))));
    }
  } else {
    const several = unit * Math.max(1, Math.ceil((maximum - minimum) / unit / MOST_STEPS));
    for (let i = 1; minimum + i * several < maximum; i += 1) {
      values.add(Number((minimum + i * several).toPrecision(12)));
    }
  }
  return [...values].filter((x) => x >= minimum && x <= maximum).sort((a, b) => a - b);
}

/** Return about so many values from the first to the last of a slider's, evenly along its scale. */
function spread({ whole, logarithmic }, values, count) {
  const [first, last] = [values[0], values[values.length - 1]];
  if (whole && last - first <= MOST_STEPS) return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const bent = logarithmic && first > 0;
  const evenly = Array.from({ length: count }, (_, i) => {
    const share = i / (count - 1);
    const exact = bent ? first * (last / first) ** share : first + (last - first) * share;
    return whole ? Math.round(exact) : Number(exact.toPrecision(12));
  });
  return [...new Set([first, ...evenly.filter((x) => first < x && x < last), last])];
}

/** Return the place of the value nearest to x. */
function nearest(values, x) {
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(value - x) < Math.abs(values[best] - x)) best = i;
  });
  return best;
}

/**
 * Return the number that is typed, or what is wrong with it in one line.
 *
 * Decimals, powers of ten and fractions such as 1/20 are numbers. The minimum holds; beyond the
 * maximum, where the slider ends for no other reason than its length, the model has the word.
 */
function numberTyped(text, slider) {
  const trimmed = text.trim().replaceAll("−", "-").replaceAll("\u202f", "");
  const echoed = trimmed.length > 24 ? `${trimmed.slice(0, 24)}…` : trimmed;
  const expected = `expected a${slider.whole ? " whole" : ""} number, at least ${written(slider.minimum)}`;
  const plain = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const parts = trimmed.split("/");
  if (trimmed === "") return { refused: `${slider.name}: ${expected}, got nothing` };
  if (parts.length > 2 || !parts.every((part) => plain.test(part.trim()))) {
    return { refused: `${slider.name}: ${expected}, got ${echoed}` };
  }
  const value = parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(parts[0]);
  const isFit = Number.isFinite(value) && value >= slider.minimum;
  if (!isFit || (slider.whole && !Number.isInteger(value))) {
    return { refused: `${slider.name}: ${expected}, got ${echoed}` };
  }
  return { value };
}
