// A real Secret Service: gnome-keyring on a session bus of its own, without a screen.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseStorage, type IdentityPlaces } from "../../src/keys/chain.ts";
import { deviceSecrets } from "../../src/keys/device-secrets.ts";
import { keychain } from "../../src/keys/keychain.ts";
import { createIdentity, lockIdentity, readPublicIdentity, unlockIdentity } from "../../src/keys/keyring.ts";
import { BUS, HAS_SECRET_SERVICE, type SecretService, startSecretService } from "./secret-service.ts";

const root = mkdtempSync(join(tmpdir(), "secret-service-"));
const busBefore = process.env[BUS];
let service: SecretService;

describe.skipIf(!HAS_SECRET_SERVICE)("Secret Service (needs dbus-run-session and gnome-keyring-daemon)", () => {
  beforeAll(async () => {
    service = await startSecretService(root, "unlocked");
    process.env[BUS] = service.bus;
  });
  afterAll(async () => {
    await service.end();
    if (busBefore === undefined) delete process.env[BUS];
    else process.env[BUS] = busBefore;
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
    // The tokens of a login lie there, too: 32 KB of them, without a file and without unlocking the identity.
    const secrets = await deviceSecrets(places, "the login", () => Promise.reject(new Error("not needed")));
    const tokens = "x".repeat(32 * 1024);
    expect(await secrets.get("login-test")).toBeUndefined();
    await secrets.set("login-test", tokens);
    expect(await secrets.get("login-test")).toBe(tokens);
    expect(readdirSync(places.configDir)).toEqual(["identity.json"]);
    expect(await secrets.delete("login-test")).toBe(true);
    await lockIdentity(places);
    await service.end();
    await expect(unlockIdentity(places)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    await expect(secrets.get("login-test")).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  });
});
