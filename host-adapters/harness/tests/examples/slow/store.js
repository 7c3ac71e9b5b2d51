// A provider's store, as workerd's KV asks for it, that takes its time.
import certificate from "certificate.pem";
import directory from "directory.ldif";
import roots from "roots.pem";

const stored = { "/certificate.pem": certificate, "/directory.ldif": directory, "/roots.pem": roots };

export default {
  async fetch(request) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return new Response(stored[new URL(request.url).pathname] ?? null, { status: request.method === "GET" ? 200 : 500 });
  },
};
