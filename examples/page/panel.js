// What trust rests on, as people see and change it.

import { el } from "./dom.js";
import { language, words } from "./language.js";
import { legalDay } from "./times.js";
import { KINDS } from "./trust.js";

/** One block for each kind of holdings; `said` is what there is to say of them. */
export function holdings(trust, said, acts) {
  const blocks = KINDS.map((kind) => block(kind, trust.holdings[kind], said, acts));
  return trust.lasts ? blocks : [...blocks, el("p.note", {}, words.trust.forgetful)];
}

function block(kind, files, { directory, complaints }, { hold, remove }) {
  const { title, text, choose } = words.trust.kinds[kind];
  const input = el("input", {
    type: "file",
    id: `trust-${kind}`,
    multiple: kind !== "directory",
    on: { change: ({ target }) => hold(kind, [...target.files]) },
  });
  const removal = el("button", {
    type: "button",
    id: `remove-${kind}`,
    "aria-label": words.trust.removeOf(title),
    on: { click: () => remove(kind) },
  }, words.trust.remove);
  return el("div.holding", { "data-kind": kind },
    el("h3", {}, title),
    el("p", {}, text),
    el("p.state", {}, ...(files.length ? files.map(named) : [words.trust.none])),
    el("p.state", {}, amount(kind, files, directory)),
    ...(complaints[kind] ?? []).map((complaint) => el("p.refused", { role: "alert" }, complaint)),
    el("p.acts", {}, el("label.button", {}, input, el("span", {}, choose)), " ", files.length > 0 && removal));
}

const named = ({ name, at }) => el("span", {}, words.trust.file(name, legalDay(at / 1000, language)));

function amount(kind, files, directory) {
  if (kind === "directory") {
    return directory?.domains ? words.trust.directory(directory.providers, directory.domains) : "";
  }
  return files.length ? words.trust.items(files.flatMap((file) => file.items).length) : "";
}
