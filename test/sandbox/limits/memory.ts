import assert from "node:assert/strict";
import type { Case } from "../cases.ts";
import { isHeld, limited, othersWork } from "./workspaces.ts";

const MEMORY_BYTES = 150e6;

export const MEMORY: readonly Case[] = [
  limited("one process takes too much memory", { memoryBytes: MEMORY_BYTES }, async (world, place) => {
    const [ran] = await Promise.all([
      world.perl(`my @a; push @a, "x" x 5e6 for 1..100; print "took it all"`),
      othersWork(place),
    ]);
    assert.equal(ran.out, "");
    assert.notEqual(ran.exit, 0);
    // Where only each process by itself is limited, the program is told that there is no more, and ends by itself.
    assert.equal(ran.stoppedBy, isHeld(world, "memory") ? "memory" : undefined);
    assert.deepEqual(await world.sh("/bin/echo alive"), { exit: 0, out: "alive\n", err: "" });
  }),

  limited("several processes take too much memory together", { memoryBytes: MEMORY_BYTES }, async (world) => {
    const each = `my @p; for (1..4) { my $p = fork; if (!$p) { my @a; push @a, "x" x 5e6 for 1..16; sleep 2; exit 0 } push @p, $p }
      my $killed = 0; for (@p) { waitpid $_, 0; $killed++ if ($? & 127) == 9 } print $killed; exit 1`;
    const { out, stoppedBy } = await world.perl(each);
    if (isHeld(world, "memory")) assert.ok(Number(out) >= 1 && stoppedBy === "memory", `${out} ${String(stoppedBy)}`);
    // That this is possible is why it says that the limit is not held.
    else assert.equal(out, "0");
  }),

  limited("a full volume leaves room for programs", { memoryBytes: 100e6, diskBytes: 100e6 }, async (world) => {
    const full = await world.sh("head -c 200M /dev/zero >big; stat -c %s big");
    assert.deepEqual({ exit: full.exit, stoppedBy: full.stoppedBy }, { exit: 0, stoppedBy: undefined });
    assert.ok(Number(full.out) > 90e6, full.out);
    assert.equal((await world.perl(`my $x = "x" x 3e7; print "fits"`)).out, "fits");
    assert.equal((await world.collect("big")).error, undefined);
  }),

  limited("a command that keeps within the limit is not blamed", { memoryBytes: MEMORY_BYTES }, async (world) => {
    const { exit, stoppedBy } = await world.perl(`my $x = "x" x 2e7; kill 9, $$`);
    assert.deepEqual({ exit, stoppedBy }, { exit: 137, stoppedBy: undefined });
  }),

  limited("nobody inside sees or writes a control group", { memoryBytes: MEMORY_BYTES }, async (world) => {
    const { out } = await world.sh("find / -name cgroup.procs 2>/dev/null | wc -l; cat /proc/self/cgroup");
    assert.match(out, /^0\n/);
    assert.doesNotMatch(out, /cloister/);
  }),
];
