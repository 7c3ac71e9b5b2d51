# workerd with a bundle of the npm package in it, and nothing else: no network, no disk.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (services = [(name = "main", worker = .bare)]);

const bare :Workerd.Worker = (
  compatibilityDate = "2025-01-01",
  modules = [
    (name = "bundle.js", esModule = embed "bundle.js"),
    (name = "recorded", data = embed "recorded"),
    (name = "ceralacca_bg.wasm", wasm = embed "ceralacca_bg.wasm"),
  ],
  globalOutbound = "main",
);
