import { expect, test } from "vitest";
import { chooseUid, dropArguments, isWorkspaceUid } from "../../src/sandbox/host/user.ts";

test("an ordinary user's workspaces run as that user", () => {
  expect(chooseUid(1000)).toBe(1000);
  expect(dropArguments(1000, 1000)).toEqual([]);
  expect(isWorkspaceUid(1000, 1000)).toBe(true);
  expect(isWorkspaceUid(1000, 1001)).toBe(false);
});

test("root's workspaces never run as root, nor as a person or a subordinate id", () => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const uid = chooseUid(0);
    expect(uid).toBeGreaterThanOrEqual(66_000);
    expect(uid).toBeLessThan(96_000);
    expect(isWorkspaceUid(0, uid)).toBe(true);
  }
  for (const uid of [0, 1000, 65_534, 100_000]) expect(isWorkspaceUid(0, uid)).toBe(false);
  expect(dropArguments(0, 70_000)).toContain("--reuid=70000");
});
