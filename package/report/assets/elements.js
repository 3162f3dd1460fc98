"use strict";
// Making elements: no text is ever read as markup, and no style attribute is needed.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";
const STYLE = "data-style";

/** Return an element with these properties (attributes where a property does not do) and children. */
function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in SVG. */
function svgElement(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let pictures = 0;

/**
 * Return the element that a text of SVG or MathML describes.
 *
 * It is copied by hand: style attributes become properties (the page's policy forbids the attribute),
 * identifiers get a number of their own (pictures in one page must not share them), and what could
 * run or load anything is left out.
 */
function adopted(markup) {
  const renamed = markup.replaceAll(" style=", ` ${STYLE}=`); // the parser obeys the policy too
  const parsed = new DOMParser().parseFromString(renamed, "text/html").body.firstElementChild;
  if (parsed === null || ![SVG, MATHML].includes(parsed.namespaceURI)) return element("span", {}, markup);
  pictures += 1;
  return copied(parsed, `p${pictures}-`);
}

function copied(node, prefix) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  if (["script", "style", "foreignObject", "image", "desc"].includes(node.localName)) return null;
  if (node.getAttribute("width") === "100%" && node.getAttribute("fill") === "white") return null; // paper
  const copy = document.createElementNS(node.namespaceURI, node.localName);
  for (const { name, value } of node.attributes) {
    if (name.startsWith("on") || name === "xmlns") continue;
    if (name === STYLE) restyle(copy, value);
    else if (name === "fill" || name === "stroke") recolour(copy, name, value);
    else if (name === "id") copy.setAttribute("id", prefix + value);
    else if (name === "href" || name === "xlink:href") {
      if (value.startsWith("#")) copy.setAttribute("href", `#${prefix}${value.slice(1)}`);
    } else if (name.startsWith("aria-labelledby") || name.startsWith("aria-describedby")) {
      copy.setAttribute(name, value.split(/\s+/).map((id) => prefix + id).join(" "));
    } else copy.setAttribute(name, value.replaceAll("url(#", `url(#${prefix}`));
  }
  for (const child of node.childNodes) {
    const grown = copied(child, prefix);
    if (grown !== null) copy.append(grown);
  }
  return copy;
}

function restyle(copy, declarations) {
  for (const declaration of declarations.split(";")) {
    const [property, ...value] = declaration.split(":");
    if (value.length) copy.style.setProperty(property.trim(), value.join(":").trim());
  }
}

const inDark = new Map([["white", "var(--paper)"], ["#ffffff", "var(--paper)"]]);

/** Pictures are drawn on white paper: in the dark their lightness is turned, their hues stay. */
function recolour(copy, name, colour) {
  const told = colour === "black" ? "#000000" : colour.toLowerCase();
  if (!inDark.has(told)) inDark.set(told, /^#[0-9a-f]{6}$/.test(told) ? `light-dark(${told}, ${turned(told)})` : null);
  const both = inDark.get(told);
  if (both === null) copy.setAttribute(name, colour);
  else copy.style.setProperty(name, both);
}

/** Return the colour of the same hue that is as light as this one is dark. */
function turned(colour) {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
  const [least, most] = [Math.min(red, green, blue), Math.max(red, green, blue)];
  const [lightness, range] = [(most + least) / 2, most - least];
  const saturation = range === 0 ? 0 : range / (1 - Math.abs(2 * lightness - 1));
  let hue = 0;
  if (range > 0 && most === red) hue = ((green - blue) / range + 6) % 6;
  else if (range > 0) hue = most === green ? (blue - red) / range + 2 : (red - green) / range + 4;
  const percent = (share) => `${Math.round(100 * share)}%`;
  return `hsl(${Math.round(60 * hue)} ${percent(saturation)} ${percent(0.92 - 0.8 * lightness)})`;
}

/** Return a number as people write it: few digits, a true minus sign, thin spaces in long integers. */
function written(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    const [mantissa, exponent] = value.toExponential(Math.max(digits - 1, 0)).split("e");
    const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    return minus(`${short === "1" ? "" : short === "-1" ? "-" : `${short}·`}10${raised(Number(exponent))}`);
  }
  const rounded = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
  const [whole, fraction] = rounded.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, whole.replace("-", "").length > 4 ? "\u202f" : "");
  return minus(fraction === undefined ? spaced : `${spaced}.${fraction}`);
}

function minus(text) {
  return text.replaceAll("-", "−");
}

function raised(exponent) {
  return [...String(exponent)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
}

/** Return a value with its error, both to the digits that the error leaves: 0.8341 ± 0.0021. */
function withError(value, error) {
  if (value === null || value === undefined) return "–";
  if (!error || !Number.isFinite(error) || !Number.isFinite(value)) return written(value, 5);
  const places = 1 - Math.floor(Math.log10(error));
  if (places < 0 || places > 9 || Math.abs(value) >= 1e7) return `${written(value, 5)} ± ${written(error, 2)}`;
  return minus(`${value.toFixed(places)} ± ${error.toFixed(places)}`);
}
