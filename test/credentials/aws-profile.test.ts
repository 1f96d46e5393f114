import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { mfaSerialOf } from "../../src/credentials/aws-profile.ts";

const folder = mkdtempSync(join(tmpdir(), "cloister-profile-"));
const file = join(folder, "config");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("finds the second factor of one profile, and of no other", async () => {
  writeFileSync(
    file,
    `[default]\nregion = eu-west-1\n\n[ profile work ]\r\n# mfa_serial = commented\r\nmfa_serial=arn:aws:iam::1:mfa/w\r\n` +
      `[profile "two words"]\nmfa_serial = arn:aws:iam::1:mfa/t\n[profile workshop]\nregion = x\n`,
  );
  expect(await mfaSerialOf(file, "work")).toBe("arn:aws:iam::1:mfa/w");
  expect(await mfaSerialOf(file, "two words")).toBe("arn:aws:iam::1:mfa/t");
  for (const none of ["default", "workshop", "wor", "nosuch"]) expect(await mfaSerialOf(file, none)).toBeUndefined();
  expect(await mfaSerialOf(join(folder, "nosuch"), "work")).toBeUndefined();
});
