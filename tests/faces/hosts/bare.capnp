# workerd with the npm package in it, and nothing else: no network, no disk.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (services = [(name = "main", worker = .bare)]);

const bare :Workerd.Worker = (
  compatibilityDate = "2025-01-01",
  modules = [
    (name = "bare.js", esModule = embed "bare.js"),
    (name = "frame.mjs", esModule = embed "frame.mjs"),
    (name = "recorded", data = embed "recorded"),
    (name = "ceralacca.wasm", wasm = embed "node_modules/ceralacca/wasm/ceralacca_bg.wasm"),
    (name = "ceralacca/init", esModule = embed "node_modules/ceralacca/init.js"),
    (name = "ceralacca/instance.js", esModule = embed "node_modules/ceralacca/instance.js"),
    (name = "ceralacca/plugin.js", esModule = embed "node_modules/ceralacca/plugin.js"),
    (name = "ceralacca/drive.js", esModule = embed "node_modules/ceralacca/drive.js"),
    (name = "ceralacca/errors.js", esModule = embed "node_modules/ceralacca/errors.js"),
    (name = "ceralacca/wasm/ceralacca.js", esModule = embed "node_modules/ceralacca/wasm/ceralacca.js"),
  ],
  globalOutbound = "main",
);
