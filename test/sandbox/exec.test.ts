import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { World } from "../interop/escape/world.ts";
import { commands } from "./contract/commands.ts";
import { BUBBLEWRAP, REASON, WORKS } from "./here.ts";

commands(BUBBLEWRAP);

describe.skipIf(!WORKS)(`a command under bubblewrap${REASON}`, () => {
  let folder: string;
  let world: World;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
    world = await World.make(folder, "");
  });

  afterAll(async () => {
    await world.end();
    rmSync(folder, { recursive: true, force: true });
  });

  test("has its tools before the PATH it is given", async () => {
    const { out } = await world.run(["/usr/bin/env"], world.state, { env: { PATH: "/usr/bin" } });
    expect(out).toMatch(/^PATH=\/run\/cloister\/bin:\/usr\/bin$/m);
  });

  test("finds the tools it is given; what cannot be shown is left out", async () => {
    const secret = world.keyPath;
    const { out } = await world.run(["ls", "/run/cloister/bin"], world.state, {
      tools: ["/usr/bin/env", secret, "/nowhere"],
    });
    expect(out).toBe("env\n");
  });
});
