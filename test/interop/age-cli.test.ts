// The stock age tool opens what we write, and we open what it writes.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { decryptWith, encryptTo } from "../../src/keys/age.ts";
import { generateAge, isSecret, recipientOf } from "../../src/keys/age-key.ts";
import { wrapPrivateHalf } from "../../src/keys/class-key.ts";
import { unwrapKey, wrapKey } from "../../src/keys/data-key.ts";
import { checkReads } from "../../src/keys/identity.ts";
import { createIdentity, lockIdentity } from "../../src/keys/keyring.ts";

const hasAge = spawnSync("age", ["--version"]).status === 0 && spawnSync("age-keygen", ["--version"]).status === 0;
const hasPython = spawnSync("python3", ["-c", "import pty"]).status === 0;
const root = mkdtempSync(join(tmpdir(), "age-"));
afterAll(() => rmSync(root, { recursive: true }));

const context = {
  project: "0".repeat(32),
  domain: "d",
  class: "c",
  epoch: 1,
  nameId: "n",
  number: 1,
  purpose: "data",
} as const;

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(root, name), content, { mode: 0o600 });
  return join(root, name);
}

const age = (args: readonly string[], input?: Uint8Array): Buffer =>
  execFileSync("age", args, { input, stdio: "pipe" });

describe.skipIf(!hasAge)("age (needs the age tool)", () => {
  test("age-keygen and we agree on keys, both ways", () => {
    const theirs = execFileSync("age-keygen", { stdio: "pipe" }).toString();
    const [, recipient = ""] = /# public key: (age1\S+)/.exec(theirs) ?? [];
    const [secret = ""] = /AGE-SECRET-KEY-1\S+/.exec(theirs) ?? [];
    expect(isSecret(secret)).toBe(true);
    expect(checkReads(recipient)).toBe(true);
    expect(recipientOf(secret)).toBe(recipient);
    const ours = generateAge();
    const answer = execFileSync("age-keygen", ["-y"], { input: `${ours}\n`, stdio: "pipe" }).toString();
    expect(answer.trim()).toBe(recipientOf(ours));
  });

  test("age opens a wrapped class key, and with it a wrapped data key", async () => {
    const device = generateAge();
    const classSecret = generateAge();
    const wrapped = file("class.age", await wrapPrivateHalf(classSecret, recipientOf(device)));
    const identity = file("class.key", age(["-d", "-i", file("device.key", `${device}\n`), wrapped]));
    const key = Buffer.alloc(32, 9);
    const plain = age(["-d", "-i", identity], await wrapKey(recipientOf(classSecret), context, key));
    expect(JSON.parse(plain.toString())).toMatchObject({ ...context, key: key.toString("base64url") });
  });

  test("we open what age encrypted, also to several recipients", async () => {
    const secrets = [generateAge(), generateAge()];
    const to = secrets.flatMap((secret) => ["-r", recipientOf(secret)]);
    const sealed = age(to, Buffer.from("text"));
    for (const secret of secrets) {
      expect(Buffer.from((await decryptWith(secret, sealed, "file")) ?? []).toString()).toBe("text");
    }
    expect(await decryptWith(generateAge(), sealed, "file")).toBeUndefined();
    const copied = age(["-r", recipientOf(secrets[0] ?? "")], Buffer.from("no key"));
    await expect(unwrapKey(secrets[0] ?? "", context, copied)).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test("age opens what is encrypted to several recipients with each key", async () => {
    const secrets = [generateAge(), generateAge()];
    const sealed = await encryptTo(secrets.map(recipientOf), Buffer.from("text"));
    for (const secret of secrets) {
      expect(age(["-d", "-i", file("one.key", `${secret}\n`)], sealed).toString()).toBe("text");
    }
  });

  // age reads passphrases from a terminal only.
  test.skipIf(!hasPython)("age opens an identity under a passphrase (needs python3 for a terminal)", async () => {
    const passphraseFile = file("passphrase", "correct horse battery staple\n");
    const configDir = join(root, "cloister");
    const identity = await createIdentity({ configDir, passphraseFile, now: Date.now });
    await lockIdentity({ configDir });
    const name = readdirSync(configDir).find((entry) => entry.endsWith(".age")) ?? "";
    const [out, script] = [join(root, "out"), "import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"];
    const input = "correct horse battery staple\n";
    execFileSync("python3", ["-c", script, "age", "-d", "-o", out, join(configDir, name)], { input, stdio: "pipe" });
    expect(execFileSync("cat", [out]).toString()).toContain(identity.ageSecret);
  });
});
