// Trying out a policy: each loaded when it is called, because it brings the reader, the compiler and Cedar with it.
import type { Host } from "../operations/host.ts";
import type { PolicyTested, PolicyTestOptions } from "../operations/types.ts";

/** Runs the cases of a policy's test file. */
export async function testPolicy(host: Host, folder: string, options: PolicyTestOptions): Promise<PolicyTested> {
  return (await import("../operations/policy/test.ts")).testPolicy(host, folder, options);
}
