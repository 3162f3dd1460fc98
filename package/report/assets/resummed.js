"use strict";
// Re-summed series: sums over the indices of an eigenbasis of weights in the eigenvalues times entries.
//
// A weight is made of divided differences of x^T, or of exp(T x). They are corners of powers and exponentials of
// bidiagonal matrices, taken by squaring: nothing is divided, so that nodes may coincide.

sgdiagrams.differences = (() => {
  /** Return the product of two upper triangular matrices of n rows, by rows. */
  function product(a, b, n, into) {
    for (let i = 0; i < n; i += 1) {
      for (let j = i; j < n; j += 1) {
        let total = 0;
        for (let k = i; k <= j; k += 1) total += a[i * n + k] * b[k * n + j];
        into[i * n + j] = total;
      }
    }
    return into;
  }

  /** Multiply an upper triangular matrix from the right by the one with some diagonal and 1 beside it. */
  function advance(a, nodes) {
    const n = nodes.length;
    for (let i = 0; i < n; i += 1) {
      for (let j = n - 1; j > i; j -= 1) a[i * n + j] = a[i * n + j] * nodes[j] + a[i * n + j - 1];
      a[i * n + i] *= nodes[i];
    }
  }

  const rooms = [];

  /** Return three matrices of n rows to work in, the same ones every time. */
  function roomOf(n) {
    rooms[n] ??= [0, 1, 2].map(() => new Float64Array(n * n));
    return rooms[n];
  }

  /** Return the divided difference of x^T at some nodes; zero where T is less than their number less one. */
  function ofPower(nodes, T) {
    const n = nodes.length;
    if (T < n - 1) return 0;
    if (n === 1) return nodes[0] ** T;
    if (n === 2 && Math.abs(nodes[0] - nodes[1]) > 0.1) {
      return (nodes[0] ** T - nodes[1] ** T) / (nodes[0] - nodes[1]);
    }
    let [power, other] = roomOf(n);
    power.fill(0);
    for (let i = 0; i < n; i += 1) power[i * n + i] = 1;
    for (let bit = 2 ** Math.floor(Math.log2(T)); bit >= 1; bit /= 2) {
      [power, other] = [product(power, power, n, other), power];
      if (Math.floor(T / bit) % 2) advance(power, nodes);
    }
    return power[n - 1];
  }

  /** Return the divided difference of exp(T x) at some nodes. */
  function ofExponential(nodes, T) {
    const n = nodes.length;
    const largest = Math.max(1, ...nodes.map((x) => Math.abs(x * T)), T);
    const squarings = Math.max(0, Math.ceil(Math.log2(largest)) + 4);
    const step = T / 2 ** squarings;
    let [sum, other] = roomOf(n);
    const term = roomOf(n)[2];
    sum.fill(0);
    term.fill(0);
    for (let i = 0; i < n; i += 1) sum[i * n + i] = term[i * n + i] = 1;
    for (let k = 1; k <= 18; k += 1) {
      advance(term, nodes);
      for (let i = 0; i < n * n; i += 1) {
        term[i] *= step / k;
        sum[i] += term[i];
      }
    }
    for (let k = 0; k < squarings; k += 1) [sum, other] = [product(sum, sum, n, other), sum];
    return sum[n - 1];
  }

  /**
   * Return the sum over times of edges with memory: a corner of a power of a matrix of blocks.
   *
   * An edge is a state of two numbers, its kernel at D and D + 1, which `step` carries on; it begins as
   * `start`, and its end reads the first number. Levels say which edges are alive after each of their times.
   */
  function withMemory(edges, alive, T) {
    const levels = [[], ...alive.map((level) => edges.map((_, v) => v).filter((v) => level[v]))];
    if (T < alive.length) return 0;
    const firsts = [];
    let n = 0;
    for (const level of levels) {
      firsts.push(n);
      n += 2 ** level.length;
    }
    const Z = new Float64Array(n * n);
    levels.forEach((level, l) => {
      fill(Z, n, firsts[l], firsts[l], level, level, edges, false);
      if (l) fill(Z, n, firsts[l], firsts[l - 1], level, levels[l - 1], edges, true);
    });
    const power = toThe(Z, n, T);
    // At the end every edge that is alive is read.
    return power[firsts.at(-1) * n];
  }

  /** Fill in the block that takes the states of some edges to those of others. */
  function fill(Z, n, row, column, to, from, edges, isNext) {
    for (let i = 0; i < 2 ** to.length; i += 1) {
      for (let j = 0; j < 2 ** from.length; j += 1) {
        let value = 1;
        to.forEach((v, k) => {
          const [now, before] = [(i >> k) & 1, from.indexOf(v)];
          value *= before < 0 ? edges[v].start[now] : edges[v].step[now][(j >> before) & 1];
        });
        // An edge that ends reads its first number.
        if (isNext) from.forEach((v, k) => { if (!to.includes(v) && (j >> k) & 1) value = 0; });
        Z[(row + i) * n + column + j] = value;
      }
    }
  }

  /** Return a power of a square matrix. */
  function toThe(matrix, n, T) {
    let result = new Float64Array(n * n);
    let other = new Float64Array(n * n);
    for (let i = 0; i < n; i += 1) result[i * n + i] = 1;
    const times = (a, b) => {
      other.fill(0);
      for (let i = 0; i < n; i += 1) {
        for (let k = 0; k < n; k += 1) dotted(a[i * n + k], b, k, other, i, n);
      }
      [result, other] = [other, result];
    };
    if (!T) return result;
    for (let bit = 2 ** Math.floor(Math.log2(T)); bit >= 1; bit /= 2) {
      times(result, result);
      if (Math.floor(T / bit) % 2) times(result, matrix);
    }
    return result;
  }

  function dotted(x, b, k, into, i, n) {
    if (x === 0) return;
    for (let j = 0; j < n; j += 1) into[i * n + j] += x * b[k * n + j];
  }

  return { ofExponential, ofPower, withMemory };
})();

sgdiagrams.resummed = (() => {
  const { ofExponential, ofPower, withMemory } = sgdiagrams.differences;

  /** Return a function of a learning rate and exact numbers: the re-summed series; null out of range. */
  function resummedSeries(data) {
    const { norm, unpacked } = sgdiagrams.arrays;
    const eigenvalues = unpacked(data.eigenvalues);
    const [copies, p] = eigenvalues.shape;
    const terms = data.terms.map((term) => ({ ...term, entries: unpacked(term.entries).data }));
    const judged = {
      ...data.judged,
      moments: data.judged.moments.map((term) => ({ ...term, entries: unpacked(term.entries).data })),
      response: data.judged.response.map((term) => ({ ...term, entries: unpacked(term.entries).data })),
      third: data.judged.third && unpacked(data.judged.third).data,
      fourth: data.judged.fourth && unpacked(data.judged.fourth).data,
      hessian_noise: unpacked(data.judged.hessian_noise).data,
    };

    /** Return the counts at exact numbers: all that does not depend on the learning rate. */
    function counts(exactly, isEmpty) {
      if (isEmpty) return { T: 0, all: data.counts.map(() => ({ factor: 0, components: [] })) };
      const [above, below] = exactly.ratio(data.updates);
      return {
        T: Number(above) / Number(below),
        kernel: data.kernel && Object.fromEntries(
          Object.entries(data.kernel).map(([name, weights]) => [name, weights.map(exactly.weight)])),
        all: data.counts.map(({ factor, components, into_root: intoRoot }) => ({
          factor: exactly.weight(factor),
          intoRoot,
          components: components.map(({ nodes, structures }) => ({
            nodes,
            structures: structures.map(({ coefficient, alive }) => ({
              coefficient: exactly.weight(coefficient),
              alive,
            })),
          })),
        })),
      };
    }

    /** Return a dressed count at the eigenvalues of eta H on its edges. */
    function counted({ factor, components, intoRoot }, h, T, kernel) {
      let total = factor;
      for (const { nodes, structures } of components) {
        const own = nodes.map((v) => (kernel ? edgeOf(kernel, h[v], intoRoot.includes(v)) : h[v]));
        const sumOf = kernel ? withMemory : data.form === "discrete" ? discrete : continuous;
        let sum = 0;
        for (const { coefficient, alive } of structures) {
          if (coefficient) sum += coefficient * sumOf(own, alive, T);
        }
        total *= sum;
      }
      return total;
    }

    /** Return an edge with memory: the recursion of its kernel, x^2 - total x + product, and its first two values. */
    function edgeOf({ total, product, numerator, readout }, h, isOuter) {
      const t = total[0] + total[1] * h;
      const polynomial = isOuter ? readout : numerator;
      return {
        step: [[0, 1], [-(product[0] + product[1] * h), t]],
        start: [polynomial[0], polynomial[1] + t * polynomial[0]],
      };
    }

    function discrete(h, alive, T) {
      let front = 1;
      for (let v = 0; v < h.length; v += 1) {
        let spanned = -1;
        for (const level of alive) spanned += level[v];
        if (spanned) front *= (1 - h[v]) ** spanned;
      }
      const nodes = [1];
      for (const level of alive) {
        let Q = 1;
        for (let v = 0; v < h.length; v += 1) if (level[v]) Q *= 1 - h[v];
        nodes.push(Q);
      }
      return front * ofPower(nodes, T);
    }

    function continuous(h, alive, T) {
      const nodes = [0];
      for (const level of alive) {
        let rate = 0;
        for (let v = 0; v < h.length; v += 1) if (level[v]) rate += h[v];
        nodes.push(-rate);
      }
      return ofExponential(nodes, T);
    }

    /** Call a function with every value of the indices of a term, its place, and its weight. */
    function walk(term, entries, offset, h, { T, all, kernel }, each, isNeeded = true) {
      const { indices: d } = term;
      const count = p ** d;
      const at = new Array(d).fill(0);
      for (let place = 0; place < count; place += 1) {
        let rest = place;
        for (let i = d - 1; i >= 0; i -= 1) {
          at[i] = rest % p;
          rest = Math.floor(rest / p);
        }
        const entry = entries[offset + place];
        if (entry !== 0 || !isNeeded) {
          let weight = 0;
          for (const { coefficient, skeletons } of term.pieces) {
            let part = coefficient;
            for (const { count: i, indices } of skeletons) part *= counted(all[i], indices.map((a) => h[at[a]]), T, kernel);
            weight += part;
          }
          each(at, entry, weight);
        }
      }
    }

    /** Return the contributions of all orders from the statistics, or from them without a group. */
    function contributions(copy, eta, known, sizes = null) {
      const h = Array.from(eigenvalues.data.subarray(copy * p, (copy + 1) * p), (x) => eta * x);
      const orders = new Array(data.highest + 1).fill(0);
      for (const term of terms) {
        let total = 0;
        const length = p ** term.indices;
        walk(term, term.entries, copy * length, h, known, (_, entry, weight) => { total += entry * weight; });
        total *= eta ** term.order;
        orders[term.order] += total;
        if (sizes && term.order) sizes.add(term, Math.abs(total));
      }
      return orders;
    }

    function series(eta, known) {
      const sizes = rungs();
      const orders = contributions(0, eta, known, sizes);
      const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);
      const all = (numbers) => [...numbers, sum(numbers), sum(numbers.slice(1))];
      const plugged = all(orders);
      const verdict = judgeAt(eta, known, sizes, Math.abs(plugged.at(-1)));
      let values = plugged;
      let errors = plugged.map(() => 0);
      if (copies > 1) {
        const without = data.kept.map((_, j) => all(contributions(1 + j, eta, known)));
        [values, errors] = jackknifed(plugged, without);
      }
      const count = orders.length;
      return {
        name: "re-summed",
        orders: values.slice(0, count).map((value, k) => ({ value, error: finite(errors[k]) })),
        value: sum(values.slice(0, count)),
        error: finite(errors[count]),
        change: sum(values.slice(1, count)),
        change_error: finite(errors[count + 1]),
        judged: verdict,
      };
    }

    /** Return values with less bias and their standard errors, by groups that are left out. */
    function jackknifed(plugged, without) {
      const n = data.sample_size;
      const groups = without.length;
      const values = [];
      const errors = [];
      plugged.forEach((value, i) => {
        let corrected = groups * value;
        without.forEach((w, j) => { corrected -= (data.kept[j] / n) * w[i]; });
        const deviations = without.map((w, j) => {
          const h = 1 / (1 - data.kept[j] / n);
          return (h * value - (h - 1) * w[i] - corrected) / Math.sqrt(h - 1);
        });
        const isKnown = Number.isFinite(value) && Number.isFinite(corrected);
        values.push(isKnown ? corrected : value);
        errors.push(isKnown ? norm(deviations) / Math.sqrt(groups) : Infinity);
      });
      return [values, errors];
    }

    const finite = (x) => (Number.isFinite(x) ? x : null);

    /** Return what sums up the sizes of terms by powers, and knows whether mean gradients contribute. */
    function rungs() {
      const byPower = new Map();
      let largest = 0;
      let withGradient = 0;
      return {
        byPower,
        add({ power, has_gradient: hasGradient }, size) {
          byPower.set(power, (byPower.get(power) ?? 0) + size);
          largest = Math.max(largest, size);
          if (hasGradient) withGradient = Math.max(withGradient, size);
        },
        atMinimum: () => withGradient <= 1e-12 * largest,
      };
    }

    function judgeAt(eta, known, sizes, change) {
      const { judgeByPowers, verdict } = sgdiagrams.judgement;
      if (!sizes.byPower.size) return verdict("cannot tell: no contribution of order >= 1", false);
      const { complete } = judged;
      const atMinimum = sizes.atMinimum();
      const skips = atMinimum && data.highest >= 3 && complete % 2 === 0;
      return judgeByPowers([...sizes.byPower], {
        complete,
        change,
        excursion: excursion(eta, known),
        atMinimum,
        following: skips ? complete + 2 : null,
      });
    }

    /** Return how far the weights go: sgdiagrams.numeric.long_times.distance. */
    function excursion(eta, known) {
      const h = Array.from(eigenvalues.data.subarray(0, p), (x) => eta * x);
      const { M, ofNoise, noise } = secondMoments(eta, h, known);
      const hasThird = judged.third !== null;
      const beyond = { distance: 0, ratio: Infinity, noise: Infinity, hasThird, energy: judged.is_loss ? Infinity : 0 };
      if (![...M].every(Number.isFinite)) return beyond;
      let metric = h.map((x, a) => (judged.flat[a] ? 0 : Math.abs(x)));
      if (!metric.some((x) => x)) metric = metric.map(() => 1);
      const along = (vector) => metric.reduce((total, m, a) => total + m * vector(a), 0);
      const diagonal = (matrix) => (a) => Math.max(0, matrix[a * p + a]);
      const spread = Math.sqrt(along(diagonal(M)));
      if (!spread) return { distance: 0, ratio: 0, noise: 0, hasThird, energy: 0 };
      const added = (a) => {
        let total = 0;
        for (let bc = 0; bc < p * p; bc += 1) total += judged.hessian_noise[a * p * p + bc] * M[bc];
        return Math.abs(noise[a * p + a] * eta ** 2 * total);
      };
      const size = along(added);
      const noisy = size ? Math.sqrt((2.5 * size) / along(diagonal(judged.is_of_noise ? ofNoise : M))) : 0;
      const response = responses(h, known);
      const ratios = [0];
      if (hasThird) {
        const drift = response.map((r, a) => {
          let total = 0;
          for (let bc = 0; bc < p * p; bc += 1) total += judged.third[a * p * p + bc] * M[bc];
          return (r * total * eta ** 1.5) / 2;
        });
        for (let b = 0; b < p; b += 1) for (let c = 0; c < p; c += 1) M[b * p + c] += drift[b] * drift[c];
        if (![...M].every(Number.isFinite)) return beyond;
      }
      const clipped = positivePart(M, p);
      const lengths = (halves, factor) => Math.sqrt(along((a) => (response[a] * halves(a) * factor) ** 2));
      if (hasThird) {
        ratios.push((1.5 * lengths((a) => {
          const JM = times(judged.third.subarray(a * p * p, (a + 1) * p * p), clipped);
          let total = 0;
          for (let b = 0; b < p; b += 1) for (let c = 0; c < p; c += 1) total += JM[b * p + c] * JM[c * p + b];
          return Math.sqrt(Math.max(0, total)) * eta ** 1.5;
        }, 1 / 2)) / spread);
      }
      if (judged.fourth !== null) {
        ratios.push(Math.sqrt((4 * lengths((a) => {
          const row = new Array(p).fill(0);
          for (let b = 0; b < p; b += 1) {
            for (let cd = 0; cd < p * p; cd += 1) row[b] += judged.fourth[(a * p + b) * p * p + cd] * M[cd];
          }
          let total = 0;
          for (let b = 0; b < p; b += 1) for (let c = 0; c < p; c += 1) total += row[b] * clipped[b * p + c] * row[c];
          return Math.sqrt(Math.max(0, total)) * eta ** 2;
        }, 1 / 6)) / spread));
      }
      return {
        distance: 0,
        ratio: Math.max(...ratios),
        noise: noisy,
        hasThird,
        energy: judged.is_loss ? spread ** 2 / 2 : 0,
      };
    }

    /** Return M, its part from the covariance of the gradients, and what multiplies that. */
    function secondMoments(eta, h, known) {
      const [M, ofNoise, noise] = [0, 1, 2].map(() => new Float64Array(p * p));
      for (const term of judged.moments) {
        const scale = eta ** (term.indices - term.free / 2);
        walk(term, term.entries, 0, h, known, (at, entry, weight) => {
          const place = at[0] * p + at[1];
          const contribution = entry === 0 ? 0 : scale * entry * weight;
          M[place] += contribution;
          if (term.of_noise) {
            ofNoise[place] += contribution;
            noise[place] += finiteOr(weight);
          }
        }, !term.of_noise);
      }
      return { M, ofNoise, noise };
    }

    /** Return how far a constant force moves the weights along each basis vector. */
    function responses(h, known) {
      const total = new Array(p).fill(0);
      for (const term of judged.response) {
        walk(term, term.entries, 0, h, known, (at, _, weight) => {
          total[at[0]] += finiteOr(weight);
        }, false);
      }
      return total.map(Math.abs);
    }

    const finiteOr = (x) => (Number.isNaN(x) ? 0 : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, x)));

    function times(a, b) {
      const result = new Float64Array(p * p);
      for (let i = 0; i < p; i += 1) {
        for (let k = 0; k < p; k += 1) {
          for (let j = 0; j < p; j += 1) result[i * p + j] += a[i * p + k] * b[k * p + j];
        }
      }
      return result;
    }

    return { counts, series };
  }

  /** Return a symmetric matrix with its negative eigenvalues made zero: Jacobi's rotations. */
  function positivePart(matrix, p) {
    const a = Float64Array.from(matrix);
    for (let i = 0; i < p; i += 1) for (let j = 0; j < i; j += 1) a[i * p + j] = a[j * p + i] = (a[i * p + j] + a[j * p + i]) / 2;
    const v = new Float64Array(p * p);
    for (let i = 0; i < p; i += 1) v[i * p + i] = 1;
    for (let sweep = 0; sweep < 60; sweep += 1) {
      let off = 0;
      let on = 0;
      for (let i = 0; i < p; i += 1) for (let j = 0; j < p; j += 1) if (i === j) on += a[i * p + j] ** 2; else off += a[i * p + j] ** 2;
      if (off <= 1e-34 * on) break;
      for (let i = 0; i < p; i += 1) {
        for (let j = i + 1; j < p; j += 1) {
          if (a[i * p + j] === 0) continue;
          const theta = (a[j * p + j] - a[i * p + i]) / (2 * a[i * p + j]);
          const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
          const c = 1 / Math.hypot(t, 1);
          const s = t * c;
          for (let k = 0; k < p; k += 1) {
            const [x, y] = [a[k * p + i], a[k * p + j]];
            a[k * p + i] = c * x - s * y;
            a[k * p + j] = s * x + c * y;
          }
          for (let k = 0; k < p; k += 1) {
            const [x, y] = [a[i * p + k], a[j * p + k]];
            a[i * p + k] = c * x - s * y;
            a[j * p + k] = s * x + c * y;
            const [u, w] = [v[k * p + i], v[k * p + j]];
            v[k * p + i] = c * u - s * w;
            v[k * p + j] = s * u + c * w;
          }
        }
      }
    }
    const result = new Float64Array(p * p);
    for (let k = 0; k < p; k += 1) {
      const size = Math.max(0, a[k * p + k]);
      for (let i = 0; i < p; i += 1) {
        for (let j = 0; j < p; j += 1) result[i * p + j] += size * v[i * p + k] * v[j * p + k];
      }
    }
    return result;
  }

  return { positivePart, resummedSeries };
})();
