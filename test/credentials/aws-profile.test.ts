import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { factorOf } from "../../src/credentials/aws-profile.ts";
import { codeFrom, wordsOf } from "../../src/credentials/mfa-process.ts";

const folder = mkdtempSync(join(tmpdir(), "cloister-profile-"));
const file = join(folder, "config");
const serialOf = async (path: string, profile: string) => (await factorOf(path, profile))?.serial;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("finds the second factor of one profile, and of no other", async () => {
  writeFileSync(
    file,
    `[default]\nregion = eu-west-1\n\n[ profile work ]\r\n# mfa_serial = commented\r\nmfa_serial=arn:aws:iam::1:mfa/w\r\n` +
      `[profile "two words"]\nmfa_serial = arn:aws:iam::1:mfa/t\n[profile workshop]\nregion = x\n`,
  );
  expect(await serialOf(file, "work")).toBe("arn:aws:iam::1:mfa/w");
  expect(await serialOf(file, "two words")).toBe("arn:aws:iam::1:mfa/t");
  for (const none of ["default", "workshop", "wor", "nosuch"]) expect(await serialOf(file, none)).toBeUndefined();
  expect(await serialOf(join(folder, "nosuch"), "work")).toBeUndefined();
});

it("finds the program that prints its codes, whole", async () => {
  writeFileSync(
    file,
    `[profile work]\nmfa_process = pass otp "my aws"  \nmfa_serial = s1\n[profile b]\nmfa_process = x\n`,
  );
  expect(await factorOf(file, "work")).toEqual({ serial: "s1", process: 'pass otp "my aws"' });
  expect(await factorOf(file, "b")).toBeUndefined();
});

const here = { env: { PATH: process.env["PATH"], MARK: "123456" }, signal: new AbortController().signal };

it("runs that program without a shell, and takes what it prints", async () => {
  expect(wordsOf(`pass otp 'my aws' a"b c"d ''`)).toEqual(["pass", "otp", "my aws", "ab cd", ""]);
  expect(await codeFrom("printf %s 654321", here)).toBe("654321");
  expect(await codeFrom(`sh -c 'echo "$MARK"'`, here)).toBe("123456");
});

it.each(["pass otp aws | head -1", "echo $MARK", "echo `id`", 'echo "$MARK"', "a; b", "echo 'x", "cat ~/code", ""])(
  "leaves to a shell what needs one: %s",
  async (command) => {
    await expect(codeFrom(command, here)).rejects.toMatchObject({ code: "USAGE" });
  },
);

it("says why there is no code, and never what was printed", async () => {
  for (const [command, why] of [
    ["no-such-program-of-mine", /there is no program/],
    ["sh -c 'echo 111111; exit 3'", /ended with 3/],
    ["yes 222222", /printed too much/],
  ] as const) {
    const error = await codeFrom(command, here).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "NOT_AUTHENTICATED", why: expect.stringMatching(why) });
    expect(JSON.stringify(error)).not.toMatch(/111111|222222/);
  }
});
