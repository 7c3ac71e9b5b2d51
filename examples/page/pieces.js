// Small pieces that several sections are made of.

import { el } from "./dom.js";
import { language } from "./language.js";
import { legalTime, machineTime } from "./times.js";

/** Names with values; what is not known is not mentioned. */
export const facts = (pairs) =>
  el("dl.facts", {}, ...pairs
    .filter(([, value]) => value !== undefined && value !== "" && value.length !== 0)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

export const code = (text) => el("code", {}, text);

/** An instant in legal time. */
export const time = (at) => el("time", { datetime: machineTime(at) }, legalTime(at, language));
