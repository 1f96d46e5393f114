// The part of the public library that tries policies out. Each is loaded when it is called, because it brings the reader,
// the compiler and Cedar with it.
import type { Host } from "../operations/host.ts";
import type * as T from "../operations/types.ts";

/** Runs the cases of a policy's test file. */
export async function testPolicy(host: Host, folder: string, options: T.PolicyTestOptions): Promise<T.PolicyTested> {
  return (await import("../operations/policy/test.ts")).testPolicy(host, folder, options);
}

/** What another policy would answer differently. */
export async function diffPolicies(host: Host, folder: string, options: T.PolicyDiffOptions): Promise<T.PolicyDiff> {
  return (await import("../operations/policy/diff.ts")).diffPolicies(host, folder, options);
}

/** What a policy would have refused or allowed of what people did. */
export async function simulatePolicy(
  host: Host,
  folder: string,
  options: T.PolicySimulateOptions,
): Promise<T.PolicySimulated> {
  return (await import("../operations/policy/simulate.ts")).simulatePolicy(host, folder, options);
}
