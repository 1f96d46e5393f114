// The contract of all drivers once more, kept in workspaces of an ordinary user, where root runs the tests.
import { accessSync, constants } from "node:fs";
import { describe, expect, test } from "vitest";
import { IS_ROOT } from "../sandbox/here.ts";
import { testAsUser } from "./podman/as-user.ts";

const CONTRACT = ["exec", "volume", "secret-files", "lifecycle"].map((name) => `test/sandbox/${name}.test.ts`);
const TEST_MS = 900_000;

const reason = IS_ROOT ? "" : " (skipped: the tests run as one already)";

describe.skipIf(!IS_ROOT)(`as an ordinary user${reason}`, () => {
  test.each([
    ["bubblewrap", CONTRACT],
    ["podman", ["test/interop/podman.test.ts"]],
  ])(
    "%s keeps the contract",
    async (driver, files) => {
      accessSync(import.meta.dirname, constants.R_OK);
      const { passed, failed, skipped } = await testAsUser(files);
      expect(failed).toEqual([]);
      // Where a driver does not work, its tests are skipped with the reason in their names.
      const whole =
        skipped.length === 0 || skipped.every((name) => name.includes(`${driver} (skipped: `) || /root/.test(name));
      expect({ whole, skipped }).toEqual({ whole: true, skipped });
      if (skipped.length < 10) expect(passed.length).toBeGreaterThan(30);
    },
    TEST_MS,
  );
});
