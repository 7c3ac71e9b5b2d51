// From octets to a judgement: which reading of the file holds, and what lies inside.
// Nothing here decides anything of PEC: the plug-in does.

import { contentOf, sha256, textOf } from "./content.js";
import { beginning, readings, stranger, unreadable } from "./reading.js";

/**
 * Judges a file. `examine` puts a message to the plug-in and gives its finding; `roots` is how many
 * roots it knows. What comes back can be copied to the page.
 */
export async function judge(file, examiner, depth = 0) {
  const { message, notes } = beginning(file);
  const judged = { size: file.length, sha256: await sha256(file), verdict: "not-mail", notes, enclosed: [] };
  judged.stranger = stranger(message);
  if (judged.stranger) return judged;
  const { reading, finding } = await best(message, examiner);
  judged.verdict = verdictOf(finding, examiner);
  if (judged.verdict === "not-mail") {
    judged.stranger = unreadable(file);
    return judged;
  }
  if (reading.note) judged.notes.push(reading.note);
  judged.finding = finding;
  await takeOut(judged, reading.octets);
  for (const inner of finding.contents.enclosed) {
    const { path, name } = inner;
    const within = depth < DEEPEST && octetsOf(inner.content, reading.octets);
    if (within) judged.enclosed.push({ path, name, judged: await judge(within, examiner, depth + 1) });
    else judged.notes.push({ code: "too-deep", path });
  }
  // What was shown of them is in `enclosed` now; their octets need not travel.
  finding.contents.enclosed = [];
  return judged;
}

/** The likelier reading, unless it has defects and the other one has fewer. */
async function best(message, examiner) {
  const [likelier, other] = readings(message);
  const finding = await examiner.examine(likelier.octets);
  if (other && finding.defects.length > 0) {
    const second = await examiner.examine(other.octets);
    if (second.defects.length < finding.defects.length) return { reading: other, finding: second };
  }
  return { reading: likelier, finding };
}

/** As `ceralacca verify --json` says it. */
function verdictOf(finding, examiner) {
  if (!finding.contents) return "not-mail";
  if (finding.kind.tag === "ordinary") return "not-pec";
  if (finding.holds) return "holds";
  return finding.defects.every((defect) => wantsRoots(defect, examiner)) ? "unproven" : "does-not-hold";
}

/** That a path ends nowhere is no fault of the message as long as nobody has named a root. */
function wantsRoots(defect, examiner) {
  return defect.code === "path-incomplete" && examiner.roots === 0;
}

/** The files of the original, and its text. */
async function takeOut(judged, message) {
  const { original } = judged.finding.contents;
  if (!original) return;
  judged.whole = blob(message, original.whole);
  for (const part of original.parts) {
    const content = await contentOf(part, message);
    part.content = content && new Blob([content], { type: SAVED });
    const readable = !part.name && ["text/plain", "text/html"].includes(part.contentType);
    if (content && readable && (!judged.text || wordier(part, judged.text))) {
      judged.text = { ...textOf(part, content), contentType: part.contentType };
    }
  }
}

/** Of two alternatives people want the one that was written as text. */
const wordier = (part, shown) => shown.contentType === "text/html" && part.contentType === "text/plain";

const blob = (message, { start, length }) =>
  new Blob([message.subarray(start, start + length)], { type: SAVED });

function octetsOf(segment, message) {
  if (segment.tag === "bytes") return segment.val;
  return message.subarray(segment.val.start, segment.val.start + segment.val.length);
}

/** Whatever it is, the browser is to save it and not to show it. */
const SAVED = "application/octet-stream";
/** Messages inside messages that are judged: forwards of forwards reach three or four. */
const DEEPEST = 8;
