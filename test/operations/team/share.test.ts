// Shares: what the file holds, who opens it, and everything that a reader refuses about one.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { canonicalBytes, type Json } from "../../../src/base/json.ts";
import { generateAge, recipientOf } from "../../../src/keys/age-key.ts";
import { decryptStream, encryptStream } from "../../../src/keys/age-stream.ts";
import { generateIdentity } from "../../../src/keys/identity.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import type { Host } from "../../../src/operations/host.ts";
import { createShare } from "../../../src/operations/share/create.ts";
import { listShares, revokeShare } from "../../../src/operations/share/list.ts";
import { openShare } from "../../../src/operations/share/open.ts";
import { readShare, type ShareStatement, signStatement } from "../../../src/operations/share/statement.ts";
import { headerOf, paddingOf } from "../../../src/operations/share/tar.ts";
import { hostIn, scratch, sessionOf } from "../project.ts";
import { changePolicy, contentOf, type People, twoDomains } from "../two-domains.ts";
import { unguarded } from "../unguarded.ts";

const HOUR_MS = 3_600_000;
const secret = generateAge();
const recipient = recipientOf(secret);
let people: People;
/** The share that the tests look at and forge. */
let file: string;
let plain: Buffer;
/** Somebody without a project. */
let carl: Host;

beforeAll(async () => {
  people = await twoDomains();
  const { ana, folder } = people;
  await push(await sessionOf(ana), { source: { path: "data" }, name: "churn/risk:1", class: "internal" });
  file = (await share()).file;
  plain = await decrypted(readFileSync(file), secret);
  carl = hostIn(folder, "carl");
  writeFileSync(join(carl.cwd, "key.txt"), `# created by a test\n${secret}\n`);
});

let number = 0;
beforeEach(() => {
  number++;
});

async function share(to = recipient, ttlMs = HOUR_MS) {
  return createShare(await sessionOf(people.ana), {
    ...{ reference: "churn/risk:1", to, ttlMs, output: `out-${String(Math.random())}.age`, justification: "DPA-114" },
  });
}

const open = (host: Host, path: string, more: { readonly signer?: string; readonly folder?: string } = {}) =>
  openShare(host, host.cwd, { file: path, folder: `opened-${String(number)}`, identity: keyFile(), ...more });

function keyFile(): string {
  return join(carl.cwd, "key.txt");
}

async function decrypted(bytes: Uint8Array, key: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await decryptStream(key, once(bytes), "share")) ?? once(Buffer.alloc(0)))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Another archive, encrypted as anybody could who knows the recipient. */
async function forged(archive: Uint8Array, to = recipient): Promise<string> {
  const path = join(carl.cwd, `forged-${String(number)}.age`);
  const pieces: Uint8Array[] = [];
  for await (const piece of await encryptStream(to, once(archive))) pieces.push(piece);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function refused(path: string, code = "INTEGRITY"): Promise<string> {
  const failure = await open(carl, path).then(
    () => undefined,
    (error: { code: string; message: string; why?: string }) => error,
  );
  expect(failure?.code, failure?.message).toBe(code);
  expect(existsSync(join(carl.cwd, `opened-${String(number)}`))).toBe(false);
  expect(readdirSync(carl.cwd).filter((name) => name.startsWith(".cloister-restore"))).toEqual([]);
  return `${failure?.message ?? ""}: ${failure?.why ?? ""}`;
}

interface Entry {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The entries of the archive, read without our reader. */
function entries(): readonly Entry[] {
  const found: Entry[] = [];
  for (let at = 0; plain[at] !== 0; ) {
    const size = Number.parseInt(plain.toString("latin1", at + 124, at + 135), 8);
    const path = plain.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    found.push({ path, bytes: plain.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

function archive(list: readonly Entry[]): Buffer {
  const parts = list.flatMap(({ path, bytes }) => [
    headerOf({ path, kind: "file", bytes: bytes.length }),
    bytes,
    paddingOf(bytes.length),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** The same share with another statement, signed by a key of the forger's. */
async function restated(change: (statement: ShareStatement) => Partial<ShareStatement>): Promise<string> {
  const mallory = await generateIdentity();
  const [first, ...others] = entries();
  const statement = readShare(first?.bytes ?? Buffer.alloc(0));
  const sharer = { ...statement.sharer, signs: mallory.signs, reads: mallory.reads };
  const signed = await signStatement({ ...statement, sharer, ...change(statement) }, mallory);
  return forged(archive([{ path: "share.json", bytes: Buffer.from(signed) }, ...others]));
}

describe("a share", () => {
  test("opens without a project, with the key that it was made for, and says whom to compare", async () => {
    const opened = await open(carl, file);
    expect(opened).toMatchObject({ reference: "churn/risk:1", sharedBy: "ana", vouched: false, files: 3 });
    expect(contentOf(opened.folder)).toEqual(contentOf(join(people.ana.cwd, "data")));
    expect(readdirSync(opened.folder)).toContain("provenance.sigstore.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expect(open(carl, file, { folder: "again", signer: "AAAA-BBBB" })).rejects.toMatchObject({
      code: "INTEGRITY",
    });
    await open(carl, file, { folder: "again", signer: opened.fingerprint });
  });

  test("a project at hand vouches for the sharer", async () => {
    const { bo } = people;
    expect((await open(bo, file)).vouched).toBe(true);
  });

  test("the key of this device opens it", async () => {
    const { bo } = people;
    const device = await (await sessionOf(bo)).device();
    const { file: path } = await share(device.reads);
    await openShare(bo, bo.cwd, { file: path, folder: `opened-${String(number)}` });
  });

  test("is written under a free name only, and a refusal writes nothing", async () => {
    const options = { reference: "churn/risk:1", to: recipient, ttlMs: HOUR_MS, output: file };
    await expect(createShare(await sessionOf(people.ana), options)).rejects.toMatchObject({ code: "USAGE" });
    const denied = { ...options, output: "denied.age" };
    await expect(createShare(await sessionOf(people.bo), denied)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    expect(readdirSync(people.bo.cwd).filter((name) => name.includes("denied"))).toEqual([]);
  });

  test("holds a plain tar", () => {
    const folder = scratch();
    writeFileSync(join(folder, "share.tar"), plain);
    execFileSync("tar", ["xf", "share.tar"], { cwd: folder });
    expect(contentOf(join(folder, "files"))).toEqual(contentOf(join(people.ana.cwd, "data")));
  });

  test("names of any length and alphabet, empty folders and the executable bit survive", async () => {
    const { ana } = people;
    const deep = join(ana.cwd, "odd", `${"ä".repeat(60)}/${"b".repeat(120)}`);
    mkdirSync(deep, { recursive: true });
    mkdirSync(join(ana.cwd, "odd/empty folder"));
    writeFileSync(join(deep, "x y.sh"), "#!/bin/sh\n", { mode: 0o755 });
    await push(await sessionOf(ana), { source: { path: "odd" }, name: "churn/odd", class: "public" });
    const options = { reference: "churn/odd", to: recipient, ttlMs: HOUR_MS };
    const { file: path } = await createShare(await sessionOf(ana), options);
    expect(path).toBe(join(ana.cwd, "odd-v1.cloister.age"));
    const { folder } = await open(carl, path);
    const script = join(folder, `${"ä".repeat(60)}/${"b".repeat(120)}/x y.sh`);
    expect(statSync(script).mode & 0o100).toBe(0o100);
    expect(statSync(join(folder, "empty folder")).isDirectory()).toBe(true);
  });
});

describe("refused, and nothing is written", () => {
  test("after its time, which is said to be advisory", async () => {
    const { file: path } = await share(recipient, 1000);
    const later = { ...carl, now: () => Date.now() + 2000 };
    await expect(open(later, path)).rejects.toMatchObject({
      code: "POLICY_DENIED",
      why: expect.stringContaining("no mathematics does"),
    });
  });

  test("with another key", async () => {
    const { file: path } = await share(recipientOf(generateAge()));
    expect(await refused(path, "NOT_AUTHENTICATED")).toContain("not for this key");
  });

  test("encrypted anew for somebody else by one who could open it", async () => {
    const other = generateAge();
    const path = await forged(plain, recipientOf(other));
    writeFileSync(join(carl.cwd, "other.txt"), other);
    const opening = openShare(carl, carl.cwd, { file: path, folder: "for-other", identity: "other.txt" });
    await expect(opening).rejects.toMatchObject({
      code: "INTEGRITY",
      message: expect.stringContaining("somebody else"),
    });
  });

  test("cut short, lengthened, or changed anywhere", async () => {
    const bytes = readFileSync(file);
    const path = join(carl.cwd, `damaged-${String(number)}.age`);
    const flipped = (at: number) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
    const cases = [
      bytes.subarray(0, bytes.length - 1),
      bytes.subarray(0, 65_536 + 200),
      bytes.subarray(0, 30),
      Buffer.concat([bytes, Buffer.from("x")]),
      flipped(bytes.length - 20),
      flipped(100_000),
    ];
    for (const damaged of cases) {
      writeFileSync(path, damaged);
      await refused(path);
    }
  });

  test("an age header without an end", async () => {
    const path = join(carl.cwd, `header-${String(number)}.age`);
    writeFileSync(path, `age-encryption.org/v1\n${"-> X25519 ".repeat(10_000)}`);
    await refused(path);
  });

  test("bytes after the archive, or an archive without its end", async () => {
    for (const changed of [Buffer.concat([plain, Buffer.alloc(512)]), plain.subarray(0, plain.length - 512)]) {
      await refused(await forged(changed));
    }
  });

  test.each([
    [
      "a file that was changed",
      (list: Entry[]) => list.map((e, i) => (i === 2 ? { ...e, bytes: Buffer.from("x") } : e)),
    ],
    ["a file too few", (list: Entry[]) => list.slice(0, -1)],
    ["a file too many", (list: Entry[]) => [...list, { path: "files/more", bytes: Buffer.alloc(0) }]],
    ["a large file too many", (list: Entry[]) => [...list, { path: "files/more", bytes: Buffer.alloc(1_000_000) }]],
    ["a file twice", (list: Entry[]) => [...list.slice(0, -1), ...list.slice(2, 3)]],
    ["a file outside", (list: Entry[]) => list.map((e, i) => (i === 2 ? { ...e, path: "files/../../x" } : e))],
    ["an absolute path", (list: Entry[]) => list.map((e, i) => (i === 2 ? { ...e, path: "/etc/x" } : e))],
    ["a file in .git", (list: Entry[]) => list.map((e, i) => (i === 2 ? { ...e, path: "files/.git/config" } : e))],
    [
      "a second manifest",
      (list: Entry[]) => [...list, { path: "files/provenance.sigstore.json", bytes: Buffer.from("{}") }],
    ],
    ["another manifest", (list: Entry[]) => list.map((e, i) => (i === 1 ? { ...e, bytes: Buffer.from("{}") } : e))],
    ["no statement", (list: Entry[]) => list.slice(1)],
    ["the statement in another place", (list: Entry[]) => [...list.slice(1, 2), ...list.slice(0, 1), ...list.slice(2)]],
  ])("%s", async (_what, change) => {
    await refused(await forged(archive(change([...entries()]))));
  });

  test.each(["1", "2", "3", "6", "L", "g", "7"])("an entry of type %s: links, devices, other tars", async (type) => {
    const at = plain.indexOf("files/");
    const changed = Buffer.from(plain);
    changed.write(type, at + 156, "latin1");
    changed.write("        ", at + 148, "latin1");
    const sum = changed.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
    await refused(await forged(changed));
  });

  test("a statement of another key: it is shown as that key's, and a project at hand does not vouch for it", async () => {
    const path = await restated(() => ({}));
    expect((await open(carl, path)).vouched).toBe(false);
    await expect(open(people.bo, path)).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test("a statement about other things than what is in the file", async () => {
    for (const change of [{ files: 4 }, { dirHash: "0".repeat(64) }, { name: "other" }, { class: "public" }]) {
      await refused(await restated(() => change));
    }
  });

  test("a statement whose payload was changed, and one that was never a share", async () => {
    const [first, ...others] = entries();
    const envelope = JSON.parse(first?.bytes.toString() ?? "") as { payload: string };
    const payload = Buffer.from(envelope.payload, "base64").toString().replace('"expiresMs":', '"expiresMs":9');
    const longer = { ...envelope, payload: Buffer.from(payload).toString("base64") } as unknown as Json;
    const changed = { path: "share.json", bytes: Buffer.from(canonicalBytes(longer)) };
    await refused(await forged(archive([changed, ...others])));
    await refused(await forged(Buffer.from("hello")));
  });
});

describe("the log knows of shares", () => {
  test("who may read the log sees to whom; revoking is recorded, and readers with the project keep to it", async () => {
    const { ana, bo } = people;
    const made = await share();
    const seen = (await listShares(await sessionOf(bo))).shares.find(({ id }) => id === made.id);
    expect(seen).toMatchObject({ reference: "churn/risk:1", state: "open", recipient: undefined, sharedBy: "ana" });
    expect((await listShares(await sessionOf(ana))).shares.at(-1)).toMatchObject({ recipient });
    await expect(revokeShare(await sessionOf(bo), made.id)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await revokeShare(await sessionOf(ana), made.id.slice(0, 12), "sent to the wrong address");
    expect((await listShares(await sessionOf(ana))).shares.at(-1)).toMatchObject({ state: "revoked" });
    await expect(open(bo, made.file)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await expect(revokeShare(await sessionOf(ana), made.id)).rejects.toMatchObject({ code: "USAGE" });
    expect((await open(carl, made.file)).vouched).toBe(false);
  });

  test("a share is judged by the kind that its pusher signed: what a rule refuses of models is no matter of datasets", async () => {
    const { ana, bo } = people;
    const rule = "  no-models: { on: [share.create], kinds: [model], refuse: Models stay here. }";
    await changePolicy(ana, (text) => text.replace(/^rules:.*$/m, `$&\n${rule}`));
    const made = await share();
    expect((await open(bo, made.file)).vouched).toBe(true);
    expect((await listShares(await sessionOf(ana))).ignored).toEqual([]);
  });

  test("a share of somebody who was not allowed it is reported, and a project at hand refuses it", async () => {
    const { bo } = people;
    const options = { reference: "churn/risk:1", to: recipient, ttlMs: HOUR_MS, output: "smuggled.age" };
    const { file: path } = await createShare(await unguarded(bo), options);
    const { ignored } = await listShares(await sessionOf(people.ana));
    expect(ignored).toEqual([expect.stringContaining("bo was not allowed this share.create")]);
    await expect(open(bo, path)).rejects.toMatchObject({ message: "this share was not allowed" });
  });
});
