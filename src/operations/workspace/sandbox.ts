// The only place that picks a sandbox driver.
import { CloisterError } from "../../base/errors.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Host } from "../host.ts";

/** @throws CloisterError UNSUPPORTED_HOST where nothing on this host can isolate a workspace */
export async function sandboxOf(host: Host): Promise<Sandbox> {
  const { Bubblewrap } = await import("../../sandbox/bubblewrap/bubblewrap.ts");
  return new Bubblewrap({ now: host.now });
}

/** {@link sandboxOf}, proved to work. @throws CloisterError UNSUPPORTED_HOST with the reason and the fix */
export async function workingSandbox(host: Host): Promise<Sandbox> {
  const sandbox = await sandboxOf(host);
  const problem = await sandbox.problem();
  if (!problem) return sandbox;
  throw new CloisterError("UNSUPPORTED_HOST", "workspaces cannot be sandboxed on this host", problem);
}
