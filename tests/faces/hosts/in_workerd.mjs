// What workerd_host.mjs has workerd do: a request is a call, with the function's name for a path.
import { env } from "cloudflare:workers";
import * as plugin from "ceralacca/init";
import * as glue from "glue";
import { answering } from "./answering.mjs";
import { fault, instance } from "./npm.mjs";

/** There is one copy of the package, with the instance that it was given: workerd loads nothing later. */
function load(pages) {
  if (pages) throw new Error("its memory cannot be bounded");
  return { ...plugin, glue };
}

/** Its own clock stands still while it computes. */
const clock = async () => Number(await (await env.CLOCK.fetch("http://clock/")).text());

let answer;

export default {
  async fetch(request) {
    answer ??= await answering(load, fault, { ...instance, clock });
    const name = new URL(request.url).pathname.slice(1);
    return new Response(await answer(name, new Uint8Array(await request.arrayBuffer())));
  },
};
