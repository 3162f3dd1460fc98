"use strict";
// Sliders, each with a box to type its number in.

/**
 * Fill the form; `changed(settings)` is called at every change.
 *
 * `refusal(settings)` gives what the model says against settings, or null. Returns `pull(name, value)`,
 * which moves a slider, and the values that every slider stops at.
 */
function buildSliders(form, sliders, { changed, refusal }) {
  const settings = Object.fromEntries(sliders.map(({ name, value }) => [name, value]));
  const controls = new Map(sliders.map((slider) => [slider.name, controlOf(slider)]));
  const reset = element("button", { type: "button", id: "reset" }, "Reset");
  form.append(...[...controls.values()].map(({ field }) => field), element("p", { class: "field-last no-print" }, reset));
  form.addEventListener("submit", (event) => event.preventDefault());

  function controlOf(slider) {
    const { name, label } = slider;
    let values = stepsOf(slider);
    const range = element("input", { type: "range", id: `slide-${name}`, min: 0, step: 1, "aria-label": label });
    const typed = element("input", {
      type: "text", inputmode: "decimal", id: `type-${name}`, spellcheck: "false",
      "aria-describedby": `refused-${name}`,
    });
    const refused = element("p", { class: "refused", id: `refused-${name}`, role: "alert" });
    const heading = element("label", { for: typed.id }, ...labelWords(slider));
    const field = element("div", { class: "slider" }, element("div", { class: "slider-head" }, heading, typed), range, refused);

    function place(value) {
      if (value > values[values.length - 1]) values = [...values, value];
      range.max = values.length - 1;
      range.value = nearest(values, value);
      range.setAttribute("aria-valuetext", written(value));
    }

    function say(line) {
      refused.textContent = line ?? "";
      typed.setAttribute("aria-invalid", line ? "true" : "false");
    }

    function take(value) {
      const words = refusal({ ...settings, [name]: value });
      if (words !== null) {
        say(words);
        return;
      }
      // What was refused before, beside another number, is judged anew: all boxes show what holds.
      controls.forEach((control) => control.accepted());
      settings[name] = value;
      place(value);
      changed({ ...settings });
    }

    /** Take the value at a place, or the next that the model does not refuse, first in the way of the move. */
    function moveTo(place) {
      const way = Math.sign(place - nearest(values, settings[name])) || 1;
      const ahead = way > 0 ? values.slice(place) : values.slice(0, place + 1).reverse();
      const behind = way > 0 ? values.slice(0, place).reverse() : values.slice(place + 1);
      const fit = [...ahead, ...behind].find((value) => refusal({ ...settings, [name]: value }) === null);
      take(fit ?? values[place]);
      typed.value = plainly(settings[name]);
    }

    function accepted() {
      say(null);
      if (document.activeElement !== typed) typed.value = plainly(settings[name]);
    }

    range.addEventListener("input", () => moveTo(Number(range.value)));
    range.addEventListener("change", () => place(settings[name]));
    typed.addEventListener("input", () => {
      const answer = numberTyped(typed.value, slider);
      if (answer.refused) say(answer.refused);
      else take(answer.value);
    });
    typed.addEventListener("change", () => {
      if (typed.getAttribute("aria-invalid") !== "true") typed.value = plainly(settings[name]);
    });
    typed.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (by) {
        event.preventDefault();
        moveTo(Math.min(Math.max(nearest(values, settings[name]) + by, 0), values.length - 1));
      }
    });
    typed.value = plainly(slider.value);
    place(slider.value);
    return { field, take, moveTo, accepted, typed, values: () => values };
  }

  function set(name, value) {
    controls.get(name).take(value);
    controls.get(name).typed.value = plainly(settings[name]);
  }

  function pull(name, value) {
    const control = controls.get(name);
    control.moveTo(nearest(control.values(), value));
  }

  reset.addEventListener("click", () => {
    sliders.forEach(({ name, value }) => { settings[name] = value; });
    sliders.forEach(({ name, value }) => set(name, value));
  });
  return { pull, settings: () => ({ ...settings }), valuesOf: (name) => controls.get(name).values() };
}

/** Return a label as words and, where the name is no part of them, the letter of the formulas. */
function labelWords({ name, label }) {
  const letter = letterOf(name);
  if (label.split(/\s+/).some((word) => word === letter || word === name)) return [label];
  return [`${label} `, element("var", {}, letter)];
}

function letterOf(name) {
  return { eta: "η", beta: "β", lamda: "λ", lambda: "λ", sigma: "σ", alpha: "α", nu: "ν" }[name] ?? name;
}

/** Return a number as it may be typed again. */
function plainly(value) {
  return String(Number(value.toPrecision(12)));
}
