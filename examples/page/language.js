// Which language the page speaks: the one chosen here, else the browser's, else English.

import en from "./words/en.js";
import it from "./words/it.js";

const ALL = { en, it };
const KEY = "ceralacca-language";

/** The language in use, and its words. */
export let language = "en";
export let words = en;

export function begin() {
  const wanted = [chosen(), ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  use(wanted.find((tag) => tag in ALL) ?? "en");
}

/** Also remembers it. */
export function choose(tag) {
  use(tag);
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    // Storage may be blocked: then it holds for this visit.
  }
}

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function use(tag) {
  language = tag;
  words = ALL[tag];
  document.documentElement.lang = tag;
  document.title = `${words.title} · Ceralacca`;
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = element.dataset.words.split(".").reduce((at, key) => at[key], words);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === tag));
  }
}
