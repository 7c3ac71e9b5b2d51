# The example's worker with a slow store, in workerd by itself: behind wrangler no request learns that its
# client has left.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "store", worker = .store)],
  sockets = [(name = "http", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-04-01",
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "./ceralacca_bg.wasm", wasm = embed "ceralacca_bg.wasm"),
  ],
  bindings = [
    (name = "STATE", kvNamespace = "store"),
    (name = "KEY", text = embed "key.pem"),
    (name = "PROVIDER_NAME", text = "Alfa PEC S.p.A."),
    (name = "MAIL_DOMAIN", text = "pec.alfa.example"),
  ],
);

const store :Workerd.Worker = (
  compatibilityDate = "2026-04-01",
  modules = [
    (name = "store.js", esModule = embed "store.js"),
    (name = "certificate.pem", text = embed "certificate.pem"),
    (name = "directory.ldif", text = embed "directory.ldif"),
    (name = "roots.pem", text = embed "roots.pem"),
  ],
);
