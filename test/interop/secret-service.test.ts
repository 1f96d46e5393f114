// A real Secret Service: gnome-keyring on a session bus of its own, unlocked without a screen.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseStorage, type IdentityPlaces } from "../../src/keys/chain.ts";
import { keychain } from "../../src/keys/keychain.ts";
import { createIdentity, lockIdentity, readPublicIdentity, unlockIdentity } from "../../src/keys/keyring.ts";

const has = (command: string) => spawnSync(command, ["--version"]).status === 0;
const available = process.platform === "linux" && has("dbus-run-session") && has("gnome-keyring-daemon");
const root = mkdtempSync(join(tmpdir(), "secret-service-"));
const VARIABLE = "DBUS_SESSION_BUS_ADDRESS";
const busBefore = process.env[VARIABLE];
let session: ChildProcess | undefined;

const SESSION = `
printf test-password | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null 2>&1
echo "$${VARIABLE}"
read -r _
`;

async function startSession(): Promise<string> {
  mkdirSync(join(root, "run"), { mode: 0o700 });
  const env = { ...process.env, XDG_DATA_HOME: join(root, "data"), XDG_RUNTIME_DIR: join(root, "run"), HOME: root };
  session = spawn("dbus-run-session", ["--", "sh", "-c", SESSION], { env, stdio: ["pipe", "pipe", "ignore"] });
  for await (const line of createInterface({ input: session.stdout as NodeJS.ReadableStream })) return line;
  throw new Error("no session bus");
}

async function endSession(): Promise<void> {
  const ended = new Promise((resolve) => session?.once("exit", resolve));
  session?.stdin?.end();
  await ended;
  session = undefined;
}

describe.skipIf(!available)("Secret Service (needs dbus-run-session and gnome-keyring-daemon)", () => {
  beforeAll(async () => {
    process.env[VARIABLE] = await startSession();
  });
  afterAll(async () => {
    if (session) await endSession();
    if (busBefore === undefined) delete process.env[VARIABLE];
    else process.env[VARIABLE] = busBefore;
    rmSync(root, { recursive: true, force: true });
  });

  test("writes, replaces, reads and deletes", async () => {
    const store = keychain("keyring");
    expect(await store.get("a")).toBeUndefined();
    expect(await store.delete("a")).toBe(false);
    await store.set("a", "one");
    await store.set("a", "zwei\n€");
    await store.set("b", "x".repeat(2000));
    expect(await store.get("a")).toBe("zwei\n€");
    expect((await store.get("b"))?.length).toBe(2000);
    expect(await store.delete("a")).toBe(true);
    expect(await store.get("a")).toBeUndefined();
    await store.delete("b");
  });

  test("a new identity is kept there and nowhere else; without the keychain it cannot be had", async () => {
    const places: IdentityPlaces = { configDir: join(root, "cloister"), now: Date.now };
    expect(await chooseStorage(places)).toMatchObject({ kind: expect.stringMatching(/^(keytar|keyring)$/) });
    const made = await createIdentity(places);
    expect(await readPublicIdentity(places)).toMatchObject({ storage: "the desktop keyring (Secret Service)" });
    expect(readdirSync(places.configDir)).toEqual(["identity.json"]);
    expect(readFileSync(join(places.configDir, "identity.json"), "utf8")).not.toContain("SECRET");
    await lockIdentity(places);
    expect((await unlockIdentity(places)).ageSecret).toBe(made.ageSecret);
    await lockIdentity(places);
    await endSession();
    await expect(unlockIdentity(places)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  });
});
