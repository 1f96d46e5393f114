// Pipes that a shell makes, with the shells that stand for sh on people's machines.
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { pipeWords, takePipes } from "../../src/sandbox/host/pipes.ts";
import { startProgram } from "../../src/sandbox/host/spawn.ts";

const LINE = 3;
const TO_PLACE = "exec <&7 >&8 2>&9 7<&- 8>&- 9>&-";
/** Says what it was told; both /dev/stderr and the descriptor are its errors; nothing else is open that we know of. */
const SCRIPT = `cat; echo one >&2; echo two >/dev/stderr; echo out >/dev/stdout
for fd in 3 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || echo "$fd is open"; done`;

const shells = [
  ["sh", "/bin/sh", {}],
  ["dash", "/bin/dash", {}],
  ["bash", "/bin/bash", {}],
  // Which has here-documents in files.
  ["bash before 5.1", "/bin/bash", { BASH_COMPAT: "50" }],
] as const;

describe.each(shells.filter(([, path]) => existsSync(path)))("%s", (_name, sh, env) => {
  test.each([
    [false, "in\nout\n", "one\ntwo\n"],
    [true, "in\none\ntwo\nout\n", undefined],
  ])(
    "makes pipes that a command reads, writes and opens again (output and errors joined: %s)",
    async (joined, out, errors) => {
      const places = { first: 7, line: LINE, keepsLine: false, joined };
      const child = startProgram([...pipeWords(sh, places, TO_PLACE), "/bin/sh", "-c", SCRIPT], {
        stdio: ["ignore", "ignore", "ignore", "pipe"],
        env,
      });
      const pipes = await takePipes(child, places);
      pipes.stdin.end("in\n");
      const said = Promise.all([textOf(pipes.stdout), pipes.stderr && textOf(pipes.stderr)]);
      expect(await once(child, "exit")).toEqual([0, null]);
      expect(await said).toEqual([out, errors]);
    },
  );
});

test("a shell that ends before is an error", async () => {
  const places = { first: 7, line: LINE, keepsLine: false, joined: false };
  const child = startProgram(["/bin/sh", "-c", "exit 3"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  await expect(takePipes(child, places)).rejects.toMatchObject({ code: "FAILURE" });
});

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}
