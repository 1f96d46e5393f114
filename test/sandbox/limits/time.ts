import assert from "node:assert/strict";
import type { Case } from "../cases.ts";
import { limited } from "./workspaces.ts";

export const TIME: readonly Case[] = [
  limited("a command is asked to end when its time is over", { runMs: 1000 }, async (world) => {
    const startMs = performance.now();
    const ran = await world.sh("trap 'echo asked; exit 3' TERM; sleep 30 & wait");
    const ms = performance.now() - startMs;
    assert.deepEqual(ran, { exit: 124, stoppedBy: "run-time", out: "asked\n", err: "" });
    assert.ok(ms > 990 && ms < 5500, String(ms));
    assert.equal((await world.sh("echo alive")).out, "alive\n");
  }),

  limited("a command that does not listen is killed five seconds later", { runMs: 300 }, async (world) => {
    const startMs = performance.now();
    const ran = await world.sh("trap '' TERM; while :; do sleep 0.1; done");
    assert.deepEqual(ran, { exit: 124, stoppedBy: "run-time", out: "", err: "" });
    assert.ok(performance.now() - startMs > 5000);
  }),

  limited("the time of one command can be less than the workspace's, not more", { runMs: 700 }, async (world) => {
    const timed = async (runMs: number) => {
      const startMs = performance.now();
      const { stoppedBy } = await world.run(["sleep", "20"], world.state, { runMs });
      assert.equal(stoppedBy, "run-time");
      return performance.now() - startMs;
    };
    assert.ok((await timed(100)) < 700);
    assert.ok((await timed(60_000)) < 5000);
  }),

  limited("a command that ends in time has its own exit code", { runMs: 30_000 }, async (world) => {
    assert.deepEqual(await world.sh("exit 7"), { exit: 7, out: "", err: "" });
  }),
];
