// What somebody writes whose runtime gives the module for an import: compiled by `tsc --strict`.
import { type Finding, type Settings, examine, drive, init, onlooker } from "ceralacca/init";
import module from "ceralacca/ceralacca.wasm";

init(module);
export const handed: WebAssembly.Module = module;
// @ts-expect-error It is no other thing, nor is it `any`.
export const length: number = module;

export async function judge(message: Uint8Array, roots: Uint8Array[], now: number): Promise<Finding | undefined> {
  const settings: Settings = onlooker(roots);
  const context = { now, entropy: new Uint8Array(0), settings };
  return (await drive(examine(context, { message, contents: {} }), {})).finding;
}
