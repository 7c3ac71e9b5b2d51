# workerd with a bundle of the npm package in it, and nothing else: no disk, no network but a clock.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "clock", external = (http = ()))],
  sockets = [(name = "calls", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-04-01",
  modules = [
    (name = "bundle.js", esModule = embed "bundle.js"),
    (name = "ceralacca_bg.wasm", wasm = embed "ceralacca_bg.wasm"),
  ],
  bindings = [(name = "CLOCK", service = "clock")],
  globalOutbound = "worker",
);
