// What the cases about limits share: workspaces with limits, and what holds them where the tests run.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LimitName, Limits } from "../../../src/sandbox/limits/limits.ts";
import { World } from "../../interop/escape/world.ts";
import type { Case, Place } from "../cases.ts";

/** A case in a workspace with limits; it is ended whatever happens, and leaves no control group. */
export function limited(
  name: string,
  limits: Limits & { readonly diskBytes?: number },
  run: (world: World, place: Place) => Promise<void>,
): Case {
  return {
    name,
    async run(place) {
      const { diskBytes = 64e6, ...others } = limits;
      const world = await World.make(place.folder, place.program, others, diskBytes);
      try {
        await run(world, place);
      } finally {
        await world.end();
      }
      for (const folder of world.state.cgroup?.folders ?? []) assert.equal(existsSync(folder), false, folder);
    },
  };
}

export function isHeld({ sandbox, state }: World, limit: LimitName): boolean {
  return sandbox.held(state).some((held) => held.limit === limit && held.held);
}

/** Another workspace, without limits, works while something is going on. */
export async function othersWork({ folder, program }: Place): Promise<void> {
  const other = await World.make(folder, program);
  try {
    assert.equal((await other.sh("/bin/echo alive")).out, "alive\n");
  } finally {
    await other.end();
  }
}

/** Waits for something to come true, and not for ever. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 1500, `in 15 s not ${what}`);
    await sleep(10);
  }
}

/** Pids, as the host counts, of processes whose command line holds a text. */
export function pidsWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}
