// The README's first command, whole: it ends with a store that somebody tampered with.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BIN, HAS_SANDBOX } from "../harness.ts";

describe.skipIf(!HAS_SANDBOX)(`the demo${HAS_SANDBOX ? "" : " (skipped: needs bubblewrap)"}`, () => {
  it("plays to its end, and finds everything as it says", () => {
    const home = mkdtempSync(join(tmpdir(), "cloister-demo-"));
    try {
      const env = { PATH: process.env["PATH"], HOME: home, NO_COLOR: "1" };
      const out = execFileSync(process.execPath, [BIN, "demo"], { cwd: home, env, encoding: "utf8" });
      expect(out).toMatch(/^16 {2}/m);
      expect(out).not.toContain("should not be");
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
