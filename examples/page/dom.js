// Elements. Everything that a message says comes in as text.

/** An element of this name (`p.lead` has a class), with attributes and children; what is no
 * element becomes text, nothing becomes nothing. */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") Object.entries(value).forEach(([event, act]) => element.addEventListener(event, act));
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0).map(node));
  return element;
}

const node = (child) => (child instanceof Node ? child : clean(String(child)));

/** What strangers wrote must not turn the direction of the text around it: a line says what it
 * says. Line breaks stay. */
export const clean = (text) => text.replace(UNSEEN, "\ufffd");

const UNSEEN = /(?![\t\r\n])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The marks of verdicts: wax, whole or broken; an outline where nothing was sealed. */
export function seal(verdict) {
  const { shape, sign } = MARKS[verdict];
  const svg = svgElement("svg", { class: `seal ${verdict}`, viewBox: "0 0 56 56", "aria-hidden": "true" });
  svg.append(svgElement("path", { class: shape, d: DROP }), svgElement("path", { class: "sign", d: sign }));
  return svg;
}

function svgElement(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}

const DROP =
  "M28 2c6 0 9 3 14 5s9 6 10 12-1 9 0 14-2 11-7 14-10 3-15 6-11 0-16-3-9-7-10-13 2-10 1-15S9 11 14 8s8-6 14-6z";
const QUESTION = "M21.5 22a6.5 6.5 0 1 1 9.5 5.8c-2.2 1.2-3 2.3-3 5.2M28 39.5v.2";
const DASH = "M19 28h18";
const MARKS = {
  holds: { shape: "wax", sign: "M18 29l7 7 14-15" },
  "does-not-hold": { shape: "outline", sign: "M20 20l16 16M36 20L20 36" },
  unproven: { shape: "outline", sign: QUESTION },
  "not-pec": { shape: "outline", sign: DASH },
  "not-mail": { shape: "outline", sign: DASH },
  failed: { shape: "outline", sign: "M28 16v15M28 39v.2" },
};
