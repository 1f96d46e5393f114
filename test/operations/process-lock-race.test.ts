// A lock that a dead process left, and several living ones that want it at the same moment.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const module = join(import.meta.dirname, "../../dist/operations/process-lock.js");
const ROUNDS = 60;
const TAKERS = 4;
/** No process has it: above the highest number that Linux gives. */
const DEAD = 2 ** 22 + 1;

const TAKER = `
import { releaseLock, takeLock } from ${JSON.stringify(module)};
process.on("message", async ({ path, take }) => {
  process.send(take ? await takeLock(path) : (await releaseLock(path), "released"));
});
process.send("ready");
`;

const built = existsSync(module);

test.skipIf(!built)(
  `one of several takers gets it, in every round${built ? "" : " (skipped: not built, run npm run build)"}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "cloister-lock-"));
    const script = join(folder, "taker.mjs");
    writeFileSync(script, TAKER);
    const takers = Array.from({ length: TAKERS }, () => fork(script));
    const ask = async (taker: ChildProcess, message: object): Promise<unknown> => {
      const answer = once(taker, "message");
      taker.send(message);
      return (await answer)[0];
    };
    try {
      await Promise.all(takers.map((taker) => once(taker, "message")));
      for (let round = 0; round < ROUNDS; round++) {
        const path = join(folder, `${String(round)}.lock`);
        writeFileSync(path, String(DEAD));
        const taken = await Promise.all(takers.map((taker) => ask(taker, { path, take: true })));
        expect(taken.filter((won) => won === true).length, `round ${String(round)}`).toBe(1);
        await Promise.all(takers.map((taker) => ask(taker, { path, take: false })));
        expect(existsSync(path)).toBe(false);
      }
    } finally {
      for (const taker of takers) taker.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
