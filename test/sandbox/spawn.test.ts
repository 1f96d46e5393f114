import { once } from "node:events";
import { expect, test } from "vitest";
import { beginningOf, startProgram } from "../../src/sandbox/host/spawn.ts";

test.each([
  ["is not there", ["/usr/bin/none-of-this-name"], "end what you do not need, then try again"],
  ["gets an argument longer than the kernel takes", ["/usr/bin/env", "x".repeat(200_000)], "put it in a file"],
])("a program that %s is an error with a reason, at once", (_why, command, next) => {
  expect(() => startProgram(command, { stdio: "ignore" })).toThrow(
    expect.objectContaining({ code: "FAILURE", why: expect.any(String), next }),
  );
});

test("of what a program says, the beginning is kept and all is read", async () => {
  const child = startProgram(["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo end"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said = beginningOf(child.stdout, 1000);
  await once(child, "close");
  expect(said()).toBe("x".repeat(1000));
});
