"use strict";
// Exact numbers for weights and conditions: quotients of polynomials over the whole numbers.
//
// With whole numbers alone (updates, datapoints, epochs) all is exact. Others (momentum) come with powers such
// as beta**T and with removable poles, where doubles have no digit left: they are computed in units of 2^-b, for
// growing b, until two results agree. Numbers are read as they are written: 0.9 is 9/10.

var sgdiagrams = sgdiagrams ?? {};

sgdiagrams.exact = (() => {
  const PRECISIONS = [256, 512, 1024, 2048, 4096, 8192, 16384];
  const POLE = "expected numbers at which all weights are finite";
  /** What is wrong with numbers, in a line. */
  class Refusal extends Error {}

  /** Return numerator and denominator of a number as people write it. */
  function rational(number) {
    if (!Number.isFinite(number)) throw new Refusal(`expected a finite number, got ${number}`);
    const [mantissa, exponent = "0"] = String(number).split("e");
    const [whole, decimals = ""] = mantissa.split(".");
    const shift = Number(exponent) - decimals.length;
    const digits = BigInt(whole + decimals);
    if (shift >= 0) return [digits * 10n ** BigInt(shift), 1n];
    const unit = 10n ** BigInt(-shift);
    const shared = divisor(digits < 0n ? -digits : digits, unit);
    return [digits / shared, unit / shared];
  }

  function divisor(a, b) {
    while (b) [a, b] = [b, a % b];
    return a || 1n;
  }

  const size = (n) => (n < 0n ? -n : n);
  const bits = (n) => size(n).toString(16).length * 4;

  /** Return the double nearest to a quotient of whole numbers. */
  function quotient(above, below) {
    if (!above) return 0;
    const sign = (above < 0n) !== (below < 0n) ? -1 : 1;
    let [a, b] = [size(above), size(below)];
    const shift = Math.max(0, 72 + bits(b) - bits(a));
    a <<= BigInt(shift);
    let result = a / b;
    if (a % b) result |= 1n; // what is lost counts in a tie
    let value = Number(result);
    let left = shift;
    while (left > 0) {
      const step = Math.min(left, 1000);
      value *= 2 ** -step;
      left -= step;
    }
    return sign * value;
  }

  /**
   * Return what evaluates weights at numbers.
   *
   * `generators` are symbols and powers as data; `numbers` are doubles by name.
   */
  function evaluator(generators, numbers) {
    const known = Object.fromEntries(Object.entries(numbers).map(([name, x]) => [name, rational(x)]));
    const wholes = new Map(); // place -> whole number, or null
    const fixed = new Map(PRECISIONS.map((b) => [b, new Map()]));
    const powers = new Map();

    /** Return the value of a generator that is whole; null for others. */
    function whole(place) {
      if (!wholes.has(place)) {
        const { symbol, base, exponent } = generators[place];
        let value = null;
        if (symbol !== undefined) {
          const [p, q] = known[symbol];
          if (q === 1n) value = p;
        } else {
          const [p, q] = ratio(base);
          if (q === 1n && (p === 0n || p === 1n)) value = p ** counted(exponent);
        }
        wholes.set(place, value);
      }
      return wholes.get(place);
    }

    /** Return an exponent, a whole number >= 0. */
    function counted(weight) {
      const [p, q] = ratio(weight);
      if (q !== 1n || p < 0n) throw new Refusal("expected numbers at which all exponents are whole");
      return p;
    }

    /** Return an expression of symbols alone as a reduced quotient, exactly. */
    function ratio({ of, above, below }) {
      const at = of.map((place) => known[generators[place].symbol]);
      const most = at.map((_, i) => Math.max(...[...above, ...below].map((term) => term[i + 1])));
      const sum = (terms) => terms.reduce((total, [c, ...exponents]) => total + exponents.reduce(
        (product, e, i) => product * at[i][0] ** BigInt(e) * at[i][1] ** BigInt(most[i] - e), BigInt(c)), 0n);
      let [p, q] = [sum(above), sum(below)];
      if (!q) throw new Refusal(POLE);
      if (q < 0n) [p, q] = [-p, -q];
      const shared = divisor(size(p), q);
      return [p / shared, q / shared];
    }

    /** Return a generator in units of 2^-b. */
    function units(place, b) {
      const cache = fixed.get(b);
      if (!cache.has(place)) {
        const { symbol, base, exponent } = generators[place];
        const shift = BigInt(b);
        const [p, q] = symbol === undefined ? ratio(base) : known[symbol];
        let value = (p << shift) / q;
        if (symbol === undefined) {
          let count = counted(exponent);
          let result = 1n << shift;
          for (; count; count >>= 1n) {
            if (count & 1n) result = (result * value) >> shift;
            if (count > 1n) value = (value * value) >> shift;
            if (bits(result) > 1e6 || bits(value) > 1e6) throw new Refusal("expected weights below 1e308");
          }
          value = result;
        }
        cache.set(place, value);
      }
      return cache.get(place);
    }

    /** Return a power of a generator, whole or in units. */
    function power(place, e, b) {
      const key = `${place} ${e} ${b}`;
      if (!powers.has(key)) {
        let value;
        if (!b) value = whole(place) ** BigInt(e);
        else {
          const one = units(place, b);
          value = one;
          for (let k = 1; k < e; k += 1) value = (value * one) >> BigInt(b);
        }
        powers.set(key, value);
      }
      return powers.get(key);
    }

    /** Return a polynomial in units of 2^-b, and the sum of the sizes of its monomials. */
    function polynomial(of, terms, b) {
      let total = 0n;
      let sizes = 0n;
      for (const [c, ...exponents] of terms) {
        let value = BigInt(c);
        let isFixed = false;
        for (let i = 0; i < exponents.length; i += 1) {
          if (!exponents[i]) continue;
          if (whole(of[i]) !== null) value *= power(of[i], exponents[i], 0);
          else if (isFixed) value = (value * power(of[i], exponents[i], b)) >> BigInt(b);
          else {
            value *= power(of[i], exponents[i], b);
            isFixed = true;
          }
        }
        if (!isFixed) value <<= BigInt(b);
        total += value;
        sizes += size(value);
      }
      return [total, sizes];
    }

    /** Return a weight as a double. */
    function weight({ of, above, below }) {
      if (of.every((place) => whole(place) !== null)) {
        const [p] = polynomial(of, above, 0);
        const [q] = polynomial(of, below, 0);
        if (!q) throw new Refusal(POLE);
        return quotient(p, q);
      }
      let before = null;
      for (const b of PRECISIONS) {
        const [[p, ofP], [q, ofQ]] = [polynomial(of, above, b), polynomial(of, below, b)];
        const isZero = (x, sizes) => size(x) <= sizes >> BigInt(b / 2);
        const after = isZero(q, ofQ) ? NaN : isZero(p, ofP) ? 0 : quotient(p, q);
        const agree = Number.isNaN(after)
          ? Number.isNaN(before) && before !== null
          : before !== null && Math.abs(after - before) <= 4e-16 * Math.abs(after);
        if (agree && Number.isNaN(after)) throw new Refusal(POLE);
        if (agree) return after;
        before = after;
      }
      throw new Refusal(POLE);
    }

    return { weight, ratio };
  }

  return { Refusal, evaluator, rational, quotient };
})();
