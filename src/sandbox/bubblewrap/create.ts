// Makes a workspace: the parts that it is made of, one after the other, and all of them away again where one fails.
import { type Clocks, expiry } from "../expiry.ts";
import { chooseUid } from "../host/user.ts";
import { type Cgroup, enterWords, prepareCgroup, provenCgroup, removeCgroup } from "../limits/cgroup.ts";
import { chooseProcessors } from "../limits/processors.ts";
import { amountsOf } from "../limits/settings.ts";
import type { CreateSpec, HolderState } from "../sandbox.ts";
import { makeCipherFolder, removeCipherFolder } from "../volume/cipher-folder.ts";
import { MAKE_FOLDERS, type StartedHolder, startHolder, stopHolder } from "./holder.ts";
import type { Runtime } from "./runtime.ts";

export interface Created {
  readonly state: HolderState;
  readonly holder: StartedHolder;
}

/** Does what {@link Sandbox.create} says. */
export async function createWorkspace(runtime: Runtime, spec: CreateSpec, clocks: Clocks): Promise<Created> {
  const { id, ttlMs, diskBytes, volume = "memory", limits = {} } = spec;
  const uid = chooseUid(runtime.uid);
  const expires = expiry(ttlMs, clocks);
  // What lies on the disk takes no memory.
  const amounts = amountsOf(limits, volume === "memory" ? diskBytes : 0);
  const cipherFolder = volume === "encrypted" ? makeCipherFolder(runtime, uid, spec) : undefined;
  const prepared = prepareCgroup(runtime, id, amounts);
  let holder: StartedHolder | undefined;
  try {
    holder = await startHolder(runtime, { uid, ttlMs, diskBytes, volume, within: prepared?.words ?? [] });
    const { identity } = holder;
    const cgroup = prepared && provenCgroup(prepared.cgroup, amounts, identity.pid);
    const processors = pinnedTo(limits.cpus, cgroup, id);
    if (cipherFolder !== undefined) {
      const { mountEncrypted } = await import("./encrypted-volume.ts");
      const target = { folder: cipherFolder, diskBytes, folders: `set -e\n${MAKE_FOLDERS}` };
      await mountEncrypted(runtime, { pid: identity.pid, uid }, { ...target, within: enterWords(runtime, cgroup) });
    }
    const kept = { diskBytes, volume, cipherFolder, limits, cgroup, processors, ...expires };
    return { state: { driver: "bubblewrap", id, ...identity, uid, ...kept }, holder };
  } catch (error) {
    if (holder) await stopHolder(holder.identity);
    if (cipherFolder !== undefined) await removeCipherFolder(runtime, cipherFolder, id);
    await removeCgroup(prepared?.cgroup);
    throw error;
  }
}

/** Undefined where a control group counts processor time, or nothing limits it. */
function pinnedTo(cpus: number | undefined, cgroup: Cgroup | undefined, id: string): readonly number[] | undefined {
  return cpus === undefined || cgroup?.holds.includes("cpu") === true ? undefined : chooseProcessors(cpus, id);
}
