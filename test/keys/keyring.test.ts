import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { chooseStorage, type IdentityPlaces } from "../../src/keys/chain.ts";
import { kernelKeyring } from "../../src/keys/kernel-keyring.ts";
import {
  checkStorage,
  createIdentity,
  describeStorage,
  isUnlocked,
  lockIdentity,
  readPublicIdentity,
  unlockIdentity,
} from "../../src/keys/keyring.ts";

const root = mkdtempSync(join(tmpdir(), "keyring-"));
const passphraseFile = join(root, "passphrase");
writeFileSync(passphraseFile, "correct horse battery staple\n", { mode: 0o600 });
const T0 = 1_800_000_000_000;
const MINUTE = 60_000;
const busBefore = process.env["DBUS_SESSION_BUS_ADDRESS"];
const used: string[] = [];

// The keychain of whoever runs the tests is left alone: there is no session bus here.
beforeAll(() => {
  process.env["DBUS_SESSION_BUS_ADDRESS"] = `unix:path=${join(root, "no-bus")}`;
});
afterEach(async () => {
  for (const configDir of used.splice(0)) await lockIdentity({ configDir });
});
afterAll(() => {
  if (busBefore === undefined) delete process.env["DBUS_SESSION_BUS_ADDRESS"];
  else process.env["DBUS_SESSION_BUS_ADDRESS"] = busBefore;
  rmSync(root, { recursive: true });
});

function places(more: Partial<IdentityPlaces> = {}): IdentityPlaces {
  const configDir = join(mkdtempSync(join(root, "home-")), "cloister");
  used.push(configDir);
  return { configDir, now: () => T0, ...more };
}

const firstAccount = `test-${randomUUID()}`;
const kernelWorks = kernelKeyring.set(firstAccount, "first access of this process");
kernelKeyring.delete(firstAccount);

/** What the kernel still holds under a description, as far as this user can see; `i` marks what is being removed. */
function liveKeys(description: string): string[] {
  const lines = readFileSync("/proc/keys", "utf8").split("\n");
  return lines.filter((line) => line.includes(description) && !/^\S+ \S*i/.test(line));
}
const noKeychain = process.platform === "linux";

describe("under a passphrase", () => {
  test("is made once, known without unlocking, and unlocked with the same secrets", async () => {
    const here = places({ passphraseFile });
    expect(await readPublicIdentity(here)).toBeUndefined();
    const made = await createIdentity(here);
    const known = await readPublicIdentity({ configDir: here.configDir });
    expect(known).toMatchObject({
      signs: made.signs,
      reads: made.reads,
      storage: "a file encrypted with your passphrase",
    });
    await lockIdentity(here);
    const unlocked = await unlockIdentity(here);
    expect([unlocked.ageSecret, unlocked.signs]).toEqual([made.ageSecret, made.signs]);
    const before = readdirSync(here.configDir).sort();
    await expect(createIdentity(here)).rejects.toMatchObject({ code: "FAILURE", next: "cloister whoami" });
    expect(readdirSync(here.configDir).sort()).toEqual(before);
  });

  test("two devices made at once in one folder: one wins, and its secret is there", async () => {
    const here = places({ passphraseFile });
    const results = await Promise.allSettled([createIdentity(here), createIdentity(here)]);
    const made = results.filter((result) => result.status === "fulfilled");
    expect(made).toHaveLength(1);
    await lockIdentity(here);
    expect((await unlockIdentity(here)).ageSecret).toBe(made[0]?.value.ageSecret);
    expect(readdirSync(here.configDir)).toHaveLength(2);
  });

  test("nothing secret lies on the disk in the clear", async () => {
    const here = places({ passphraseFile });
    const made = await createIdentity(here);
    for (const name of readdirSync(here.configDir)) {
      expect(readFileSync(join(here.configDir, name), "latin1")).not.toContain(made.ageSecret.slice(16, 40));
    }
  });

  test("a wrong passphrase, and none at all, are NOT_AUTHENTICATED with what to do", async () => {
    const here = places({ passphraseFile });
    await createIdentity(here);
    await lockIdentity(here);
    const { passphraseFile: _, ...unasked } = here;
    await expect(unlockIdentity(unasked)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      next: expect.stringContaining("--passphrase-file"),
    });
    const wrong = { ...unasked, askPassphrase: async () => "correct horse battery stable" };
    await expect(unlockIdentity(wrong)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      message: "wrong passphrase",
    });
    await expect(unlockIdentity({ ...unasked, askPassphrase: async () => "" })).rejects.toMatchObject({
      code: "USAGE",
    });
    await expect(unlockIdentity(places({ passphraseFile }))).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  });

  test("a changed byte in any part of the sealed file is refused", async () => {
    const here = places({ passphraseFile });
    await createIdentity(here);
    await lockIdentity(here);
    const name = readdirSync(here.configDir).find((entry) => entry.endsWith(".age")) ?? "";
    const file = join(here.configDir, name);
    const sealed = readFileSync(file);
    const mac = sealed.indexOf("\n--- ");
    const salt = sealed.indexOf("scrypt ") + 10;
    for (const [at, code] of [
      [3, "INTEGRITY"],
      [salt, "NOT_AUTHENTICATED"],
      [mac - 3, "NOT_AUTHENTICATED"],
      [mac + 7, "INTEGRITY"],
      [mac + 55, "INTEGRITY"],
      [sealed.length - 1, "INTEGRITY"],
    ] as const) {
      const changed = Buffer.from(sealed);
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
      writeFileSync(file, changed);
      await expect(unlockIdentity(here)).rejects.toMatchObject({ code });
    }
    rmSync(file);
    await expect(unlockIdentity(here)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  });

  test("public halves that were exchanged are noticed, unlocked before or not", async () => {
    const here = places({ passphraseFile });
    const other = places({ insecureStorage: true });
    await createIdentity(here);
    const { signs } = await createIdentity(other);
    const file = join(here.configDir, "identity.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/"signs":"[^"]*"/, `"signs":"${signs}"`));
    await expect(unlockIdentity(here)).rejects.toMatchObject({ code: "INTEGRITY" });
    await lockIdentity(here);
    await expect(unlockIdentity(here)).rejects.toMatchObject({ code: "INTEGRITY" });
    for (const bad of ["", "{}", text.replace("p256", "p255"), text.replace("identity-file@1", "identity-file@2")]) {
      writeFileSync(file, bad);
      await expect(readPublicIdentity(here)).rejects.toMatchObject({ code: "INTEGRITY" });
    }
  });

  test("warnings about the passphrase come with the identity", async () => {
    const here = places({ askPassphrase: async () => "short", passphraseFile: undefined });
    if (!noKeychain) return;
    expect((await createIdentity(here)).warnings).toEqual([expect.stringContaining("shorter")]);
  });
});

describe.skipIf(!kernelWorks)("unlocked for 15 minutes (needs a kernel keyring)", () => {
  test("no passphrase is needed until the time is over or it is locked", async () => {
    let now = T0;
    const here = places({ passphraseFile, now: () => now });
    const made = await createIdentity(here);
    const { passphraseFile: _, ...unasked } = here;
    now += 15 * MINUTE - 1;
    expect(await isUnlocked(unasked)).toBe(true);
    expect((await unlockIdentity(unasked)).ageSecret).toBe(made.ageSecret);
    now += 1;
    expect(await isUnlocked(unasked)).toBe(false);
    await expect(unlockIdentity(unasked)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    // It was deleted, so setting the clock back does not bring it again.
    now = T0;
    expect(await isUnlocked(unasked)).toBe(false);
    await unlockIdentity(here);
    expect(await isUnlocked(unasked)).toBe(true);
    expect(await lockIdentity(unasked)).toEqual({ forgotten: true });
    expect(await lockIdentity(unasked)).toEqual({ forgotten: false });
    expect(await isUnlocked(unasked)).toBe(false);
  });

  test("deleting leaves no copy in the kernel, not even of a process's first access", async () => {
    // What was replaced is collected a moment after it was unlinked.
    await expect.poll(() => liveKeys(firstAccount)).toEqual([]);
    const account = `test-${randomUUID()}`;
    for (const secret of ["one", "two"]) kernelKeyring.set(account, secret);
    expect(kernelKeyring.get(account)).toBe("two");
    expect(liveKeys(account)).not.toEqual([]);
    expect(kernelKeyring.delete(account)).toBe(true);
    expect(kernelKeyring.delete(account)).toBe(false);
    await expect.poll(() => liveKeys(account)).toEqual([]);
  });

  test("a clock that is set back does not lengthen it", async () => {
    let now = T0;
    const here = places({ passphraseFile, now: () => now });
    await createIdentity(here);
    now -= 1;
    expect(await isUnlocked(here)).toBe(false);
  });

  test("two homes on one machine do not meet", async () => {
    const one = places({ passphraseFile });
    const two = places({ passphraseFile });
    const first = await createIdentity(one);
    const second = await createIdentity(two);
    expect((await unlockIdentity(one)).signs).toBe(first.signs);
    expect((await unlockIdentity(two)).signs).toBe(second.signs);
  });
});

describe("the order of storages", () => {
  test("a plain file only on request, and the diagnosis says so", async () => {
    const here = places({ insecureStorage: true });
    const made = await createIdentity(here);
    expect(made.storage).toContain("NOT encrypted");
    expect((await unlockIdentity({ configDir: here.configDir, now: here.now })).ageSecret).toBe(made.ageSecret);
    const [identity, permissions] = await checkStorage(here);
    expect(identity).toMatchObject({ state: "bad", text: expect.stringContaining("NOT encrypted") });
    expect(permissions).toMatchObject({ state: "good" });
  });

  test("a passphrase file wins over insecure storage", async () => {
    expect(await chooseStorage(places({ passphraseFile, insecureStorage: true }))).toMatchObject({
      kind: "passphrase-file",
    });
  });

  test.skipIf(!noKeychain)("without keychain and person it is refused, with both ways out (Linux)", async () => {
    const here = places();
    const error: unknown = await createIdentity(here).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "UNSUPPORTED_HOST", why: expect.stringContaining("keyring: ") });
    expect(error).toMatchObject({ next: expect.stringMatching(/--passphrase-file FILE.*--insecure-storage/) });
    expect(await describeStorage(here)).toContain("no safe place");
    expect(await describeStorage({ ...here, askPassphrase: async () => "" })).toContain("your passphrase");
    expect((await checkStorage(here))[0]).toMatchObject({ state: "bad" });
  });

  test.skipIf(!noKeychain)("a session bus that never answers costs 3 s, not for ever (Linux)", async () => {
    const silent = createServer(() => {});
    const socket = join(root, "silent-bus");
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    const before = process.env["DBUS_SESSION_BUS_ADDRESS"];
    process.env["DBUS_SESSION_BUS_ADDRESS"] = `unix:path=${socket}`;
    const started = performance.now();
    try {
      const { kind, passedOver } = await chooseStorage(places());
      expect(kind).toBeUndefined();
      expect(passedOver).toContain("keyring: no answer within 3 s");
      expect(performance.now() - started).toBeLessThan(8000);
    } finally {
      process.env["DBUS_SESSION_BUS_ADDRESS"] = before;
      silent.close();
    }
  });
});
