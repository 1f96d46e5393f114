import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Case } from "../cases.ts";
import { encrypted } from "./workspaces.ts";

/** Pids of gocryptfs on the host that run under a uid. */
function serversOf(uid: number): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return /^Name:\tgocryptfs$/m.test(status) && new RegExp(`^Uid:\\t${String(uid)}\\t`, "m").test(status);
    } catch {
      return false;
    }
  });
}

export const SERVER: readonly Case[] = [
  encrypted("what serves it has no privileges, sees its ciphertext alone and leaves no core", async (world) => {
    const [pid = ""] = serversOf(world.state.uid);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    assert.match(readFileSync(`/proc/${pid}/limits`, "utf8"), /^Max core file size +0 +0 /m);
    const places = readFileSync(`/proc/${pid}/mountinfo`, "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "");
    const allowed = /^(?:\/|\/usr|\/cipher|\/proc|\/dev|\/dev\/.*|\/etc\/ld\.so\.cache)?$/;
    assert.deepEqual(
      places.filter((place) => !allowed.test(place)),
      [],
    );
    assert.notEqual(readlinkSync(`/proc/${pid}/ns/net`), readlinkSync("/proc/self/ns/net"));
  }),
  encrypted("the workspace's commands neither see it nor can end it", async (world) => {
    const { out } = await world.sh(`grep -l gocryptfs /proc/[0-9]*/comm; ls /cipher /log 2>/dev/null
      for p in $(seq 2 200); do [ $p = $$ ] || kill -9 $p; done 2>/dev/null; echo tried >tried; cat tried`);
    assert.equal(out, "tried\n");
    assert.equal(serversOf(world.state.uid).length > 0, true);
  }),
];
