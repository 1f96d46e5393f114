// What a writer to the store and a member with a modified program can do to secrets, and that nobody is deceived by it.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/audit/event.ts";
import { sha256Hex } from "../../src/base/digest.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { leaseSecret } from "../../src/operations/secret/lease.ts";
import { listSecrets, showSecret } from "../../src/operations/secret/list.ts";
import {
  readSecret,
  type SecretContext,
  type SecretRecord,
  sealSecret,
  secretName,
  signSecret,
} from "../../src/operations/secret/record.ts";
import { rotateSecret } from "../../src/operations/secret/rotate.ts";
import { placeOfSecret } from "../../src/operations/secret/secrets.ts";
import { removeSecret, setSecret } from "../../src/operations/secret/write.ts";
import type { Session } from "../../src/operations/session.ts";
import { copyOf, hostIn, makeProject, scratch, sessionOf } from "./project.ts";

let folder: string;
let ana: Host;
let eve: Host;

const value = (text: string) => async () => Buffer.from(text);
const internal = { class: "internal" } as const;

/** Ana may everything with secrets; Eve may write them up to internal. */
beforeEach(async () => {
  folder = copyOf(await base());
  ana = hostIn(folder, "ana");
  eve = hostIn(folder, "eve");
});

let made: Promise<string> | undefined;
function base(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const at = scratch();
  const steward = await makeProject(at);
  await changePolicy(steward, (text) =>
    text.replace(
      "\nalways:",
      "\n  deployer:\n    can: [secret.read, secret.write, creds.issue]\n    up-to: internal\n\nalways:",
    ),
  );
  const member = hostIn(at, "eve");
  const { line } = await joinProject(member, { folder: ".", store: "../store", member: "eve", name: "Eve" });
  await addMember(await sessionOf(steward), { line, roles: ["deployer"] });
  // So that a copy of the folder is a project of its own.
  const config = join(member.cwd, ".cloister/config.yaml");
  writeFileSync(config, readFileSync(config, "utf8").replace(join(at, "store"), "../store"));
  return at;
}

async function changePolicy(host: Host, change: (text: string) => string): Promise<void> {
  const session = await sessionOf(host);
  await session.sync();
  const { text } = await session.policy();
  writeFileSync(join(host.cwd, "cloister.policy.yaml"), change(text));
  await proposePolicy(await sessionOf(host), {});
}

/** From here on, whatever the roles say. */
async function forbidInternal(): Promise<void> {
  const rule = "  none-from-internal:\n    on: [secret.write]\n    from: internal\n    refuse: Not here.\n";
  await changePolicy(ana, (text) => text.replace("  confidential-stays-in", `${rule}  confidential-stays-in`));
}

async function leased(host: Host, name = "db"): Promise<string> {
  return Buffer.from((await leaseSecret(await sessionOf(host), { name })).value).toString();
}

/** Paths of all secret records, oldest number first. */
function records(): readonly string[] {
  const root = join(folder, "store/secrets");
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => (a.slice(-73) < b.slice(-73) ? -1 : 1));
}

/** Logs what a member likes, as a program could from which the rules about secrets were taken out. */
async function log(session: Session, over: Partial<AuditEvent>): Promise<number> {
  await session.sync();
  session.ledger.secrets.mayBeGiven = () => true;
  const timeMs = Math.floor(await session.store.now());
  const { version: policy } = session.ledger.inForce;
  const { project } = session.config;
  const common = { project, operation: randomBytes(16).toString("hex"), phase: "intent" as const };
  const decided = { rules: ["role:deployer"], enforcement: "advisory", policy, timeMs, action: "secret.write" };
  const logged = await session.append(await session.identity(), () => ({ ...common, ...decided, ...over }));
  return logged.entry;
}

interface Forgery {
  /** Changes what stands inside and outside of the sealed parts alike. */
  readonly context?: Partial<SecretContext>;
  /** Changes what is signed. */
  readonly spoil?: (record: SecretRecord) => Partial<SecretRecord>;
  /** Whose signature it bears: Eve's. */
  readonly signer?: Host;
}

/** Puts a record of Eve's into store and log, without asking anybody. */
async function forge(name: string, klass: string, number: number, how: Forgery = {}): Promise<void> {
  const session = await sessionOf(eve);
  await session.sync();
  const { domain, secretId } = await placeOfSecret(session, name);
  const operation = randomBytes(16).toString("hex");
  const about = { operation, domain, class: klass };
  const intent = await log(session, about);
  const { epoch } = await session.keys.newest({ domain, class: klass });
  const place = { project: session.config.project, domain, class: klass, epoch, secretId, number, operation };
  const context: SecretContext = { ...place, ...how.context };
  const metadata = { name, env: undefined, note: undefined, purpose: undefined, justification: undefined };
  const { recipient } = await session.keys.newest(context);
  const parts = await sealSecret(recipient, context, metadata, Buffer.from("eve's"));
  const record = { ...context, intent, policy: session.ledger.inForce.version, ...parts };
  const signer = await (how.signer ? await sessionOf(how.signer) : session).identity();
  const { bytes, digest } = await signSecret({ ...record, ...how.spoil?.(record) }, signer);
  await session.store.create(secretName(place, digest), [bytes]);
  await log(session, { ...about, phase: "done", facts: { secretId, number, digest, epoch } });
  forgetLog();
}

/** What Eve's program took for true is not what honest ones remember. */
function forgetLog(): void {
  rmSync(join(eve.home, ".local"), { recursive: true, force: true });
}

async function anaCanGoOn(): Promise<void> {
  await setSecret(await sessionOf(ana), { name: "other", ...internal, value: value("1") });
  expect(await leased(ana, "other")).toBe("1");
  expect((await verifyAudit(await sessionOf(ana))).checks.filter(({ state }) => state === "bad")).toEqual([]);
}

describe("a secret", () => {
  test("is set, listed without its value, leased, rotated and removed", async () => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one"), env: "PGPASSWORD" });
    const listed = await listSecrets(await sessionOf(eve));
    expect(listed.secrets).toMatchObject([{ reference: "churn/db", number: 1, env: "PGPASSWORD", setBy: "ana" }]);
    expect(JSON.stringify(listed)).not.toContain("one");
    expect(await leased(eve)).toBe("one");
    await rotateSecret(await sessionOf(eve), { name: "db", value: value("two") });
    const lease = await leaseSecret(await sessionOf(ana), { name: "db" });
    expect(lease.credential).toMatchObject({ provider: "secret", environment: { PGPASSWORD: "two" } });
    await removeSecret(await sessionOf(ana), { name: "db" });
    expect(records()).toEqual([]);
    await expect(leased(eve)).rejects.toMatchObject({ code: "NOT_FOUND", why: expect.stringContaining("ana") });
    const again = await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("three") });
    expect(again.number).toBe(3);
    await anaCanGoOn();
  });

  test("is no larger than it may be, and not empty; its size does not tell how long it is", async () => {
    const set = async (name: string, bytes: number) =>
      setSecret(await sessionOf(ana), { name, ...internal, value: async () => Buffer.alloc(bytes, "x") });
    await expect(set("empty", 0)).rejects.toMatchObject({ code: "USAGE" });
    await expect(set("large", 65_537)).rejects.toMatchObject({ code: "USAGE" });
    await set("a", 65_536);
    expect(await leased(ana, "a")).toHaveLength(65_536);
    await removeSecret(await sessionOf(ana), { name: "a" });
    await set("b", 1);
    await set("cc", 2000);
    const [short = "", long = ""] = records();
    // The signature in DER varies by a few bytes.
    expect(Math.abs(readFileSync(short).length - readFileSync(long).length)).toBeLessThan(24);
  });

  test("has ids that differ from those of an artifact of the same name", async () => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    const session = await sessionOf(ana);
    await session.sync();
    const { secretId, nameKey } = await placeOfSecret(session, "db");
    const { nameIdOf, labelIdOf } = await import("../../src/operations/class-keys.ts");
    expect([nameIdOf(nameKey, "db"), labelIdOf(nameKey, "db", ""), labelIdOf(nameKey, "", "db")]).not.toContain(
      secretId,
    );
  });

  test("that two members set at the same time exists once", async () => {
    const both = await Promise.allSettled(
      [ana, eve].map(async (host) =>
        setSecret(await sessionOf(host), { name: "db", ...internal, value: value(host.userName) }),
      ),
    );
    const won = both.filter(({ status }) => status === "fulfilled");
    expect(won).toHaveLength(1);
    const lost = both.flatMap((result) => (result.status === "rejected" ? [result.reason as { code: string }] : []));
    expect(["UNAVAILABLE", "USAGE"]).toContain(lost[0]?.code);
    expect((await showSecret(await sessionOf(ana), "db")).number).toBe(1);
    await anaCanGoOn();
  });
});

describe("whoever writes to the store", () => {
  beforeEach(async () => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    await setSecret(await sessionOf(ana), { name: "api", ...internal, value: value("key") });
    await rotateSecret(await sessionOf(ana), { name: "db", value: value("two") });
  });

  test("cannot bring an older value back, by its own name or by that of the current one", async () => {
    const [old = "", current = ""] = records().filter((path) => path.includes(records()[2]?.split("/").at(-2) ?? ""));
    expect(old).not.toBe(current);
    const older = readFileSync(old);
    renameSync(current, `${folder}/gone`);
    await expect(leased(ana)).rejects.toMatchObject({ code: "INTEGRITY" });
    writeFileSync(current, older);
    await expect(leased(ana)).rejects.toMatchObject({ code: "INTEGRITY" });
    const { secrets, ignored } = await listSecrets(await sessionOf(ana));
    expect(secrets.map(({ name }) => name)).toEqual(["api"]);
    expect(ignored).toMatchObject([{ why: expect.stringContaining("not the one in the log") }]);
    // What is lost can be given anew.
    await rotateSecret(await sessionOf(ana), { name: "db", value: value("three") });
    expect(await leased(ana)).toBe("three");
  });

  test.each([
    ["another secret's record", (paths: readonly string[]) => readFileSync(paths[0] ?? "")],
    ["junk", () => Buffer.from("junk")],
    ["nothing", () => Buffer.alloc(0)],
  ])("deceives nobody with %s under its name", async (_, bytes) => {
    const paths = records();
    const path = paths.at(-1) ?? "";
    renameSync(path, `${folder}/gone`);
    writeFileSync(path, bytes(paths));
    await expect(leased(ana)).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await leased(ana, "api")).toBe("key");
  });

  test("changes no byte of it unnoticed", async () => {
    const path = records().at(-1) ?? "";
    const whole = readFileSync(path);
    renameSync(path, `${folder}/gone`);
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 40)) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(path, changed);
      await expect(leased(ana), `byte ${String(at)}`).rejects.toMatchObject({ code: "INTEGRITY" });
    }
  }, 30_000);

  test("plants nothing: a record without an entry of the log is nothing", async () => {
    const path = records().at(-1) ?? "";
    const next = path.replace(/00000002-/, "00000003-");
    writeFileSync(next, readFileSync(path));
    expect(await leased(ana)).toBe("two");
    expect((await rotateSecret(await sessionOf(ana), { name: "db", value: value("3") })).number).toBe(3);
  });
});

describe("a member with a modified program", () => {
  test("takes no secret of a class above their role, nor the name of one", async () => {
    await setSecret(await sessionOf(ana), { name: "db", class: "confidential", value: value("one") });
    for (const [klass, number] of [
      ["confidential", 2],
      ["internal", 2],
      ["internal", 1],
    ] as const) {
      await forge("db", klass, number);
      expect(await leased(ana)).toBe("one");
      // Not even to be passed over: the log never took them.
      expect((await listSecrets(await sessionOf(ana))).ignored).toEqual([]);
    }
    const session = await sessionOf(eve);
    await session.sync();
    const { secretId } = await placeOfSecret(session, "db");
    const about = { operation: randomBytes(16).toString("hex"), domain: "churn", class: "internal" };
    await log(session, about);
    await log(session, { ...about, phase: "done", facts: { secretId, number: 1, removed: true } });
    forgetLog();
    expect(await leased(ana)).toBe("one");
    await expect(leased(eve)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    expect(await session.keys.secret({ domain: "churn", class: "confidential" }, 1)).toBeUndefined();
    expect((await listSecrets(await sessionOf(eve))).hidden).toEqual([{ where: "churn/confidential", count: 1 }]);
    await anaCanGoOn();
  });

  test.each([
    ["a number that was given", 1],
    ["a number far ahead", 7],
  ])("gets no entry with %s counted", async (_, number) => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    await forge("db", "internal", number);
    expect(await leased(ana)).toBe("one");
    await anaCanGoOn();
  });

  test.each<[string, (record: SecretRecord, other: SecretRecord) => Partial<SecretRecord>]>([
    ["somebody else's sealed value", (_, other) => ({ value: other.value })],
    ["somebody else's sealed metadata", (_, other) => ({ metadata: other.metadata })],
    ["its parts exchanged", ({ metadata, value: sealed }) => ({ metadata: sealed, value: metadata })],
    ["another intent", ({ intent }) => ({ intent: intent - 1 })],
    ["another policy", ({ policy }) => ({ policy: policy - 1 })],
    ["another class", () => ({ class: "public" })],
    ["another project", () => ({ project: "0".repeat(32) })],
  ])("deceives nobody with a record that has %s", async (_, spoil) => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    const { record: other } = readSecret(readFileSync(records()[0] ?? ""));
    await forge("db", "internal", 2, { spoil: (record) => spoil(record, other) });
    await expect(leased(ana)).rejects.toMatchObject({ code: "INTEGRITY" });
    await rotateSecret(await sessionOf(ana), { name: "db", value: value("three") });
    expect(await leased(ana)).toBe("three");
  });

  test.each<[string, () => Forgery]>([
    ["of another class through and through", () => ({ context: { class: "public" } })],
    ["of another number through and through", () => ({ context: { number: 1 } })],
    ["signed by somebody else", () => ({ signer: ana })],
  ])("deceives nobody with a record %s", async (_, how) => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    await forge("db", "internal", 2, how());
    await expect(leased(ana)).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test("who was not allowed it by a rule is passed over, and reported", async () => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    await forbidInternal();
    await forge("db", "internal", 2);
    expect(await leased(ana)).toBe("one");
    const { ignored } = await listSecrets(await sessionOf(ana));
    expect(ignored).toMatchObject([
      { what: expect.stringContaining("eve"), why: expect.stringContaining("none-from-internal") },
    ]);
  });

  test("frees no name by a removal that a rule refuses", async () => {
    await setSecret(await sessionOf(ana), { name: "db", ...internal, value: value("one") });
    await forbidInternal();
    const session = await sessionOf(eve);
    await session.sync();
    const { secretId } = await placeOfSecret(session, "db");
    const about = { operation: randomBytes(16).toString("hex"), domain: "churn", class: "internal" };
    await log(session, about);
    await log(session, { ...about, phase: "done", facts: { secretId, number: 1, removed: true } });
    forgetLog();
    await forge("db", "public", 2);
    expect(await leased(ana)).toBe("one");
    const { ignored } = await listSecrets(await sessionOf(ana));
    expect(ignored.map(({ why }) => why)).toEqual([
      expect.stringContaining("none-from-internal"),
      expect.stringContaining("never removed from class internal"),
    ]);
  });

  test("who is suspended sets nothing more, and what they set has to be rotated once the keys are", async () => {
    await setSecret(await sessionOf(eve), { name: "db", ...internal, value: value("one") });
    expect((await showSecret(await sessionOf(ana), "db")).overdue).toBe(false);
    await changePolicy(ana, (text) =>
      text.replace(/^( {2}eve:.*)\}\s*$/m, "$1, suspended: left }").replace(/(churn: +\{ owner: ana, epoch: )1/, "$12"),
    );
    await expect(forge("db", "internal", 2)).rejects.toThrow();
    const shown = await showSecret(await sessionOf(ana), "db");
    expect(shown).toMatchObject({ overdue: true, overdueWhy: expect.stringContaining("key epoch 1") });
    await rotateSecret(await sessionOf(ana), { name: "db", value: value("two") });
    expect(await showSecret(await sessionOf(ana), "db")).toMatchObject({ overdue: false, number: 2 });
    expect(await leased(ana)).toBe("two");
  });
});

test("nothing of a secret stands in the store in clear: no value, no name, no note", async () => {
  const [name, text, note] = ["db-marker-name", "marker-value-4711", "marker-note-4711"];
  await setSecret(await sessionOf(ana), { name, ...internal, note, value: value(text), env: "MARKER_ENV" });
  await rotateSecret(await sessionOf(ana), { name, value: value(`${text}-2`) });
  await leased(eve, name);
  const paths = readdirSync(join(folder, "store"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const words = [name, text, note, "MARKER_ENV", sha256Hex(Buffer.from(text))];
  const spellings = words.flatMap((word) => [
    word,
    Buffer.from(word).toString("hex"),
    Buffer.from(word).toString("base64"),
  ]);
  for (const path of paths) {
    const content = `${path}\n${unwrapped(readFileSync(path, "latin1"))}`;
    for (const spelling of spellings) expect(content.includes(spelling), `${spelling} in ${path}`).toBe(false);
  }
});

/** A text with all base64 in it opened, and in what was opened, too. */
function unwrapped(text: string): string {
  const inner = (text.match(/[A-Za-z0-9+/]{40,}={0,2}/g) ?? []).map((part) =>
    Buffer.from(part, "base64").toString("latin1"),
  );
  return [text, ...inner.map(unwrapped)].join("\n");
}
