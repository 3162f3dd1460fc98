"use strict";
// Numbers of a report at the settings of its sliders: what sgdiagrams.report.report says of `predictor`.

sgdiagrams.arrays = (() => {
  /** Return an array of doubles with its shape; the numbers are the very ones that Python had. */
  function unpacked({ shape, doubles }) {
    const text = atob(doubles);
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const data = Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
    return { shape, data };
  }

  /** Return a sum whose rounding errors are added up and given back at the end. */
  function sum(numbers) {
    let total = 0;
    let lost = 0;
    for (const x of numbers) {
      const next = total + x;
      lost += Math.abs(total) >= Math.abs(x) ? total - next + x : x - next + total;
      total = next;
    }
    return Number.isFinite(lost) ? total + lost : total;
  }

  /** Return the Euclidean norm, without overflow. */
  function norm(numbers) {
    let largest = 0;
    for (const x of numbers) {
      if (!(Math.abs(x) <= largest)) largest = Math.abs(x);
    }
    if (largest === 0 || !Number.isFinite(largest)) return largest;
    let total = 0;
    for (const x of numbers) total += (x / largest) ** 2;
    return largest * Math.sqrt(total);
  }

  return { norm, sum, unpacked };
})();

sgdiagrams.plain = (() => {
  const { norm, sum, unpacked } = sgdiagrams.arrays;
  const { ROUNDING, judge } = sgdiagrams.judgement;

  /** Return a function of a learning rate and exact weights: the plain series. */
  function plainSeries(data, hasBareEdges) {
    const values = unpacked(data.values);
    const sizes = unpacked(data.sizes).data;
    const factors = data.factors.map((factor) => ({ ...factor, ...unpacked(factor) }));
    const unknown = new Set(data.unknown);
    const [rows, columns] = values.shape;
    const all = [...data.orders, ...data.following.map(({ terms }) => terms)];

    /** Return the weights of all orders, those that follow too; without updates order 0 alone is left. */
    function weights(exactly, isEmpty) {
      return all.map((terms, k) => terms.map(({ value, weight }) => [
        value, isEmpty && k && !hasBareEdges ? 0 : exactly.weight(weight),
      ]));
    }

    const combined = (matrix, height, terms, scale) => Array.from({ length: height }, (_, r) =>
      scale * sum(terms.map(([i, w]) => w * matrix[r * columns + i])));

    function series(eta, byOrder) {
      const scales = byOrder.map((_, k) => eta ** k);
      const vectors = byOrder.map((terms, k) => combined(values.data, rows, terms, scales[k]));
      const shown = (vector) => (data.is_size ? norm(vector) : vector[0]);
      const total = (from, to) => Array.from({ length: rows }, (_, r) =>
        sum(vectors.slice(from, to).map((vector) => vector[r])));
      const count = data.orders.length;
      const ofTerms = byOrder.map((terms, k) =>
        scales[k] * sum(terms.map(([i, w]) => Math.abs(w) * sizes[i])));
      const errors = errorsOf(byOrder.slice(0, count), scales);
      const own = vectors.slice(0, count).map(norm);
      const change = total(1, count);
      const judged = judge(
        own, ofTerms.slice(0, count), followingOf(vectors, ofTerms, count), norm(change), errors.total);
      return {
        name: "plain",
        orders: vectors.slice(0, count).map((v, k) => ({ value: shown(v), error: finite(errors.byOrder[k]) })),
        value: shown(total(0, count)),
        error: finite(errors.total),
        change: shown(change),
        change_error: finite(errors.change),
        judged,
      };
    }

    /** Return the standard errors of the orders, of their sum, and of the sum without order 0. */
    function errorsOf(byOrder, scales) {
      const isOpen = byOrder.map((terms) => terms.some(([i, w]) => w && unknown.has(i)));
      const of = ({ shape: [height], data: matrix }, orders) => norm(Array.from({ length: height }, (_, r) =>
        sum(orders.flatMap((k) => byOrder[k].map(([i, w]) => scales[k] * w * matrix[r * columns + i])))));
      const error = (orders) => (orders.some((k) => isOpen[k])
        ? Infinity : sum(factors.map((factor) => of(narrow(factor), orders))));
      const places = byOrder.map((_, k) => k);
      return { byOrder: places.map((k) => error([k])), total: error(places), change: error(places.slice(1)) };
    }

    // Factors have a column for every value of the own orders, which come first.
    const narrow = (factor) => {
      if (factor.wide) return factor.wide;
      const [height, width] = factor.shape;
      const matrix = new Float64Array(height * columns);
      let place = 0;
      for (let r = 0; r < height; r += 1) {
        const first = factor.is_triangular ? r : 0;
        matrix.set(factor.data.subarray(place, place + width - first), r * columns + first);
        place += width - first;
      }
      factor.wide = { shape: [height, columns], data: matrix };
      return factor.wide;
    };

    /** Return what is known of the orders that follow, until enough are not zero. */
    function followingOf(vectors, ofTerms, count) {
      const floor = ROUNDING * Math.max(...ofTerms.slice(0, count));
      const missing = data.look - ofTerms.slice(1, count).filter((size) => size > floor).length;
      const known = [];
      for (let i = 0; i < Math.min(missing, data.following.length); i += 1) {
        const { terms, whole } = data.following[i];
        if (!terms.length || (data.needs_all && !whole)) break;
        known.push([norm(vectors[count + i]), ofTerms[count + i]]);
      }
      return known;
    }

    return { series, weights };
  }

  const finite = (x) => (Number.isFinite(x) ? x : null);
  return { finite, plainSeries };
})();

/** Return a pure function from settings, a number for every slider, to the series; see the docstring there. */
sgdiagrams.predictor = (numbers) => {
  const { Refusal, evaluator } = sgdiagrams.exact;
  const { finite, plainSeries } = sgdiagrams.plain;
  const plain = plainSeries(numbers.plain, numbers.has_bare_edges);
  const resummed = numbers.resummed && sgdiagrams.resummed.resummedSeries(numbers.resummed);
  const KEPT = 400;
  const known = new Map();

  /** Return what does not depend on the learning rate: the weights at numbers, or a refusal. */
  function atNumbers(others) {
    const key = JSON.stringify(others);
    if (!known.has(key)) {
      if (known.size >= KEPT) known.delete(known.keys().next().value);
      known.set(key, prepared(others));
    }
    return known.get(key);
  }

  function prepared(others) {
    const exactly = evaluator(numbers.generators, others);
    for (const condition of numbers.conditions) check(condition, exactly, others);
    const isEmpty = exactly.ratio(numbers.updates)[0] === 0n;
    const counts = resummed && resummed.counts(exactly, isEmpty);
    return { weights: plain.weights(exactly, isEmpty), counts };
  }

  /** Refuse numbers that a condition forbids. */
  function check(condition, exactly, others) {
    if (condition.whole !== undefined) {
      const { whole: name, least } = condition;
      const value = others[name];
      if (!Number.isInteger(value) || value < least) {
        throw new Refusal(`expected a whole number >= ${least} for ${name}, got ${name}=${value}`);
      }
    } else if (condition.real !== undefined) {
      const { real: name, least, below, most } = condition;
      const value = others[name];
      const fits = (least === null || value >= least) && (below === null || value < below)
        && (most === null || value <= most) && !(most !== null && value === 0);
      const span = most !== null ? `in (${least}, ${most}]` : below !== null ? `in [${least}, ${below})` : `>= ${least}`;
      if (!fits) throw new Refusal(`expected a number ${span} for ${name}, got ${name}=${value}`);
    } else if (condition.divides !== undefined) {
      const [divisor, multiple] = condition.divides;
      if (exactly.ratio(condition.quotient)[1] !== 1n) {
        const given = [multiple, divisor].filter((name) => name in others).map((name) => `${name}=${others[name]}`);
        throw new Refusal(`expected ${divisor} that divides ${multiple}, got ${given.join(", ")}`);
      }
    } else {
      const [above, below] = exactly.ratio(condition.value);
      const isNone = condition.or_none && above === 0n;
      if (!isNone && (below !== 1n || above < BigInt(condition.least))) {
        throw new Refusal(`expected ${condition.count} to be a whole number >= ${condition.least}`);
      }
    }
  }

  return (settings) => {
    const { eta, ...others } = settings;
    try {
      if (!Number.isFinite(eta)) throw new Refusal(`expected a number for eta, got eta=${eta}`);
      const { weights, counts } = atNumbers(others);
      const found = [plain.series(eta, weights)];
      if (!found[0].orders.every(({ value }) => Number.isFinite(value))) {
        throw new Refusal("expected numbers within the range of floats; take smaller ones");
      }
      if (resummed) found.push(resummed.series(eta, counts));
      return answer(found);
    } catch (error) {
      if (error instanceof Refusal) return { series: [], recommended: "neither", refused: error.message };
      throw error;
    }
  };

  /** Return the series with their verdicts, and which to trust: the rule of `judge_series`. */
  function answer(found) {
    const [one, other] = found.map(({ judged }) => judged);
    let recommended = "neither";
    if (one.trustworthy && !(other?.trustworthy && one.missing > other.missing)) recommended = "plain";
    else if (other?.trustworthy) recommended = "re-summed";
    let apart = 0;
    if (one.trustworthy && other?.trustworthy) {
      apart = Math.abs(found[0].change - found[1].change);
    }
    return {
      series: found.map(({ judged, ...rest }) => ({
        ...rest,
        truncation: finite(judged.missing),
        next: finite(judged.missing ? Math.max(apart, judged.missing) : judged.missing),
        verdict: judged.words,
        trustworthy: judged.trustworthy,
      })),
      recommended,
      refused: null,
    };
  }
};
