// A page's script, for a bundler: examines what was examined once, and shows what was found.
import { checkSettings, drive, examine } from "ceralacca";
import { read, write } from "./frame.mjs";

const octets = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
const { context, event } = read(await octets("asked"));
const { answers } = read(await octets("answers"));
const providers = answers.filter(({ tag }) => tag === "providers").map(({ val }) => val);

const outcome = await drive(examine(context, event), {
  providerOfDomain: () => providers.shift(),
  providerOfCertificate: () => providers.shift(),
  revocationData: () => [],
});
const caught = [];
try {
  checkSettings({ ...context.settings, mailDomain: "" });
} catch (error) {
  caught.push(`${error.name} ${error.code}`);
}
await fetch("found", { method: "POST", body: write({ outcome, caught }) });
document.title = `${outcome.finding.kind.tag} ${outcome.finding.holds}`;
