"use strict";
// The judgement of series: the rules of sgdiagrams.numeric.estimates, `judge` and `judge_by_powers`, word by word.

sgdiagrams.judgement = (() => {
  const HALF = 0.5;
  const SHARE = 0.2;
  const SHARE_UNKNOWN = 0.05;
  const SMALL = 1e-3;
  const CANCELLED = 0.3;
  const ROUNDING = 1e-15;
  const EXACT = 1e-9;
  const ROUNDING_OF_POWERS = 1e-12;

  /** Return a number with so many significant digits, as Python's format "g" writes it. */
  function general(x, digits) {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
    if (x === 0) return Object.is(x, -0) ? "-0" : "0";
    let [mantissa, exponent] = evenly(x, digits).split("e");
    exponent = Number(exponent);
    const negative = mantissa.startsWith("-") ? "-" : "";
    const all = mantissa.replace("-", "").replace(".", "");
    if (exponent < -4 || exponent >= digits) {
      const tail = all.slice(1).replace(/0+$/, "");
      const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
      return `${negative}${all[0]}${tail ? `.${tail}` : ""}e${power}`;
    }
    if (exponent < 0) return `${negative}0.${"0".repeat(-exponent - 1)}${all}`.replace(/\.?0+$/, "");
    const whole = all.slice(0, exponent + 1);
    const tail = all.slice(exponent + 1).replace(/0+$/, "");
    return `${negative}${whole}${tail ? `.${tail}` : ""}`;
  }

  /** Return scientific notation; ties go to the even digit. */
  function evenly(x, digits) {
    const rounded = x.toExponential(digits - 1);
    const [mantissa, exponent] = x.toExponential(60).split("e");
    const places = mantissa.replace("-", "").replace(".", "");
    if (!/^50*$/.test(places.slice(digits)) || Number(places[digits - 1]) % 2) return rounded;
    const kept = places.slice(0, digits);
    return `${x < 0 ? "-" : ""}${kept[0]}${digits > 1 ? `.${kept.slice(1)}` : ""}e${exponent}`;
  }

  const verdict = (words, trustworthy, missing = NaN) => ({ words, trustworthy, missing });

  /** Return the first of some sizes that counts, and the factor by which the others fall from it. */
  function falls(known) {
    const floor = SMALL * Math.max(...known.map(([, size]) => size));
    const places = known.map(([k]) => k);
    const at = new Map(known);
    const first = Math.min(...known.filter(([, size]) => size > floor).map(([k]) => k));
    const after = places.filter((k) => k > first);
    if (!after.length && known.length > 1) {
      const before = Math.max(...places.filter((k) => k < first));
      return [first, (at.get(first) / at.get(before)) ** (1 / (first - before))];
    }
    const ratios = after.map((k) => (at.get(k) / at.get(first)) ** (1 / (k - first)));
    return [first, Math.max(0, ...ratios)];
  }

  function verdictOf(series, ratio, missing, change, share = SHARE) {
    const part = change ? missing / change : Infinity;
    if (ratio >= 1) return verdict(`diverging: ${series} grow like ${general(ratio, 2)}^k`, false, missing);
    const trusted = ratio <= HALF && part <= share;
    const words = `${trusted ? "trustworthy" : "borderline"}: ${series} fall like ${general(ratio, 2)}^k`;
    const left = change ? `about ${general(part, 2)} of the change is missing` : "the change is 0";
    return verdict(`${words}, ${left}`, trusted, missing);
  }

  /**
   * Judge a plain series.
   *
   * `sizes` are those of the orders, `ofTerms` the sums of the sizes of their terms, `following` pairs
   * of both for the orders that come next; `change` is the size of the sum without order 0.
   */
  function judge(sizes, ofTerms, following, change, standardError) {
    if (!sizes.every(Number.isFinite)) {
      return verdict("diverging: out of the range of floats", false, Infinity);
    }
    const known = sizes.map((size, k) => Math.max(size, ofTerms[k]));
    following.forEach(([, of]) => known.push(of));
    const zero = ROUNDING * Math.max(sizes[0], ...known);
    const judged = ofOrders(sizes, known, zero, change, following);
    let last = null;
    sizes.forEach((size, k) => {
      if (k && size > zero) last = k;
    });
    if (last !== null && standardError > sizes[last]) {
      judged.words += `; the standard error exceeds the contribution of order ${last}`;
    }
    return judged;
  }

  function ofOrders(sizes, known, zero, change, following) {
    const present = known.map((size, k) => [k, size]).filter(([k, size]) => k && size > zero);
    const K = sizes.length - 1;
    if (present.length && present.at(-1)[0] <= K - 2) {
      return verdict(`ended: nothing beyond order ${present.at(-1)[0]}`, true, 0);
    }
    const contributions = sizes.map((size, k) => [k, size]).filter(([k, size]) => k && size > zero);
    if (present.length < 2 || present[0][0] > K || !contributions.length) {
      return verdict("cannot tell: fewer than two contributions of order >= 1", false);
    }
    const [, ratio] = falls(present);
    let missing = 0;
    if (following.length) {
      for (const [size, of] of following) missing += Math.max(size, CANCELLED * of);
    } else {
      const [last, size] = contributions.at(-1);
      let step = 1;
      if (contributions.length > 1) {
        const [before, other] = contributions.at(-2);
        step = (size / other) ** (1 / (last - before));
      }
      missing = Math.max(size * step, CANCELLED * present.at(-1)[1] * ratio);
    }
    return verdictOf("orders", ratio, missing, change);
  }

  /** Judge a re-summed series by powers of the distance; `sizes` are pairs of a power and a size. */
  function judgeByPowers(sizes, { complete, change, excursion, atMinimum, following = null }) {
    if (![...sizes.map(([, size]) => size), change].every(Number.isFinite)) {
      return verdict("diverging: out of the range of floats", false, Infinity);
    }
    const { distance, ratio: small, noise, hasThird, energy } = excursion;
    const floor = ROUNDING_OF_POWERS * Math.max(distance, ...sizes.map(([, size]) => size), 0);
    const known = sizes.filter(([, size]) => size > floor).sort(([a], [b]) => a - b);
    const isOpen = !known.length || known[0][0] > complete;
    if (isOpen || !Number.isFinite(small + noise)) {
      return isOpen
        ? verdict(`cannot tell: no power of the distance is complete up to ${complete}`, false)
        : verdict("cannot tell: the weights go beyond any distance", false);
    }
    const next = following ?? complete + 1;
    let [first, ratio] = falls(known);
    if (first > complete) return verdict(`cannot tell: power ${first} is not complete`, false);
    const begins = known.find(([n]) => n === first)[1];
    const share = energy ? Math.min(1, energy / begins) : 1;
    const against = Math.max(small, noise * Math.sqrt(share));
    ratio = Math.max(ratio, against);
    if (ratio < EXACT) {
      return hasThird
        ? verdict("ended: nothing is beyond second derivatives", true, 0)
        : verdict("cannot tell: third derivatives are not known", false);
    }
    const missing = Math.max(
      begins * ratio ** (next - first),
      distance * against ** complete,
      ...known.filter(([n]) => n > complete).map(([, size]) => size),
      0,
    );
    const [series, step] = atMinimum ? ["powers of the noise", 2] : ["powers of the distance", 1];
    const judged = verdictOf(series, ratio ** step, missing, change, hasThird ? SHARE : SHARE_UNKNOWN);
    if (!hasThird) judged.words += "; third derivatives are not known";
    return judged;
  }

  return { ROUNDING, general, judge, judgeByPowers, verdict };
})();
