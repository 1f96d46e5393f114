// Every object of a version, changed in every way: never used, said to be damaged, nothing written, the artifact named.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { readVersion } from "../../../src/operations/artifact/version-record.ts";
import { leaseSecret } from "../../../src/operations/secret/lease.ts";
import { setSecret } from "../../../src/operations/secret/write.ts";
import type { Session } from "../../../src/operations/session.ts";
import { makeProject, randomFiles, scratch, sessionOf } from "../../operations/project.ts";
import { type Harm, harmsOf } from "./harms.ts";
import { readingTree } from "./opened.ts";
import { Trial } from "./trial.ts";

let folder: string;
let trial: Trial;
let secret: string;
let first: string;
let second: string;
let other: string;

beforeAll(async () => {
  folder = scratch();
  const ana = await makeProject(folder);
  randomFiles(ana.cwd);
  const pushed = async (name: string, klass = "internal") =>
    (await push(await sessionOf(ana), { source: { path: "data" }, name, class: klass })).versionId;
  first = await pushed("cohort:one");
  writeFileSync(join(ana.cwd, "data/a.csv"), "another content");
  second = await pushed("cohort:two");
  other = await pushed("other");
  const value = async () => Buffer.from("the value");
  for (const name of ["db", "api"]) await setSecret(await sessionOf(ana), { name, value, env: name.toUpperCase() });
  secret = (await (await sessionOf(ana)).identity()).ageSecret;
  trial = await Trial.of(folder, ana);
});

const pullIt = (session: Session) =>
  pull(session, { reference: "cohort:one", purpose: "modelling", output: { folder: "out" } });
const lease = async (session: Session) => Buffer.from((await leaseSecret(session, { name: "db" })).value).toString();

interface Row {
  /** The object of the first version that is changed. */
  readonly object: () => readonly [string, Buffer];
  readonly edges?: (bytes: Buffer) => readonly number[];
  readonly headBytes?: number;
  readonly read?: (session: Session) => Promise<unknown>;
  /** What the error says of it. */
  readonly says: RegExp;
  /** Changes that no reader can see, or needs to: what is read must be right all the same. */
  readonly harmless?: (what: string, bytes: Buffer) => boolean;
  /** What is said where it is gone, if that is no sign of damage. */
  readonly gone?: string;
  /** Others of its kind, in its place. */
  readonly others?: () => readonly (readonly [string, Buffer])[];
}

const DSSE_HEAD = 40;
const AGE_HEAD = 260;
const nth = (prefix: string, number: string) => trial.named(prefix, number);
/** Where the values of a JSON text begin and end. */
const jsonEdges = (bytes: Buffer) => [...bytes.toString("latin1").matchAll(/[{}[\],:]/g)].map(({ index }) => index);
/** The lines of an age header, its MAC, the nonce of the payload. */
const ageEdges = (bytes: Buffer) => {
  const mac = bytes.indexOf("--- ");
  return [
    ...[...bytes.subarray(0, mac).toString("latin1").matchAll(/\n/g)].map(({ index }) => index + 1),
    mac + 48,
    mac + 64,
  ];
};
/** A key id says which key to try first, and is not trusted: whatever it says, the signature decides. */
const inKeyId = (what: string, bytes: Buffer) => {
  const at = Number(/^byte (\d+)/.exec(what)?.[1] ?? -1);
  const from = bytes.indexOf('"keyid":"') + 9;
  return at >= from && at < from + 64;
};
const added = (what: string) => what === "twice" || what === "with a byte after it";

const rows: Readonly<Record<string, Row>> = {
  "version record": {
    object: () => trial.named("versions/", first),
    ...{ edges: jsonEdges, headBytes: DSSE_HEAD, says: /cohort:one/, harmless: inKeyId },
    others: () => [trial.named("versions/", second), trial.named("versions/", other)],
  },
  seal: {
    object: () => trial.named("seals/", first),
    edges: (bytes) => {
      const { header, manifest } = readVersion(trial.named("versions/", first)[1]).record.seal;
      const starts = [8, 8 + header.bytes, 8 + header.bytes + manifest.bytes];
      const ends = [8, 8 + header.bytes, 8 + header.bytes + manifest.bytes, bytes.length];
      return [...starts.flatMap((at) => [at + 24, at + 56]), ...ends.flatMap((at) => [at - 16, at])];
    },
    headBytes: 8 + 56,
    says: /cohort:one/,
    // Parts are found by the sizes in the signed record: the magic is for people, and what follows the tree is not looked at.
    harmless: (what) => added(what) || /^byte [0-7] /.test(what),
    others: () => [trial.named("seals/", second), trial.named("seals/", other)],
  },
  "metadata wrap": {
    object: () => trial.named(`wraps/churn/internal/${first}/`, "metadata"),
    ...{ edges: ageEdges, headBytes: AGE_HEAD, says: /cohort:one/ },
    others: () => [
      trial.named(`wraps/churn/internal/${second}/`, "metadata"),
      trial.named(`wraps/churn/internal/${first}/`, "/data"),
    ],
  },
  "data wrap": {
    object: () => trial.named(`wraps/churn/internal/${first}/`, "/data"),
    ...{ edges: ageEdges, headBytes: AGE_HEAD, says: /cohort:one/ },
    others: () => [
      trial.named(`wraps/churn/internal/${other}/`, "/data"),
      trial.named(`wraps/churn/internal/${first}/`, "metadata"),
    ],
  },
  "key file of a device": {
    object: () => nth("keys/churn/internal/1/", ""),
    ...{ edges: ageEdges, headBytes: AGE_HEAD, says: /cohort:one|churn\/internal|class internal in domain churn/ },
    gone: "NOT_AUTHENTICATED",
    others: () => [nth("keys/churn/public/1/", ""), nth("keys/churn/_names/1/", "")],
  },
  epoch: {
    object: () => nth("epochs/churn/internal/1", ""),
    ...{ edges: jsonEdges, headBytes: DSSE_HEAD, says: /cohort:one|churn\/internal|class internal in domain churn/ },
    others: () => [nth("epochs/churn/public/1", "")],
  },
  policy: {
    object: () => nth("policy/", ""),
    ...{ edges: (bytes) => jsonEdges(bytes), headBytes: DSSE_HEAD, says: /policy/, harmless: inKeyId },
  },
  "secret record": {
    object: () => secretOf("db"),
    ...{ edges: jsonEdges, headBytes: DSSE_HEAD, says: /db/, read: lease, harmless: inKeyId },
    others: () => [secretOf("api")],
  },
};

/** The record of a secret: two lie there, and their order by time is that of their entries. */
function secretOf(name: string): readonly [string, Buffer] {
  const all = [...trial.objects].filter(([each]) => each.startsWith("secrets/"));
  const intent = ([, bytes]: readonly [string, Buffer]) =>
    JSON.parse(Buffer.from(JSON.parse(bytes.toString()).payload, "base64").toString()).intent as number;
  const sorted = all.sort((a, b) => intent(a) - intent(b));
  return sorted[name === "db" ? 0 : 1] as readonly [string, Buffer];
}

describe("an object", () => {
  test.each(Object.entries(rows))(
    "%s: changed in any way, it is refused and named",
    async (_, row) => {
      const [name, bytes] = row.object();
      const read = row.read ?? pullIt;
      const honest = await trial.read(new Map(), read);
      expect(honest.code, honest.said).toBe("read");
      const exchanged = (row.others?.() ?? []).map(([from, copy]): Harm => [`exchanged for ${from}`, copy]);
      const harms = [...harmsOf(bytes, row.edges?.(bytes) ?? [], row.headBytes ?? 0), ...exchanged];
      for (const [what, changed] of harms) {
        const outcome = await trial.read(new Map([[name, changed]]), read);
        const harmless = row.harmless?.(what, bytes) ?? false;
        if (harmless && outcome.code === "read") expectRight(read === pullIt);
        else
          expect({ what, code: outcome.code, said: outcome.said }).toEqual({
            what,
            code: changed ? "INTEGRITY" : (row.gone ?? "INTEGRITY"),
            said: expect.stringMatching(row.says),
          });
      }
      expect(harms.length).toBeGreaterThan(40);
    },
    300_000,
  );
});

function expectRight(pulled: boolean): void {
  if (!pulled) return;
  const bytes = readFileSync(join(trial.host.cwd, "out/sub/b.bin"));
  expect(bytes.equals(readFileSync(join(trial.host.cwd, "data/sub/b.bin")))).toBe(true);
}

describe("packs", () => {
  test("every chunk's nonce, edges and tag, cuts, exchanges, chunks of others: refused, and the artifact named", async () => {
    const tree = await readingTree(trial.objects, first, secret);
    const foreign = await readingTree(trial.objects, other, secret);
    const packOf = (id: string) => trial.named("packs/", `/${id}`);
    const harms: (readonly [string, string, Buffer | undefined])[] = [];
    for (const { id } of tree.packs) {
      const [name, bytes] = packOf(id);
      const own = tree.chunks.filter(({ pack }) => tree.packs[pack]?.id === id);
      const edges = own.flatMap(({ offset, stored }) => [offset, offset + 12, offset + stored - 16, offset + stored]);
      const used = own.reduce((end, { offset, stored }) => Math.max(end, offset + stored), 0);
      for (const [what, changed] of harmsOf(bytes, edges, 0)) {
        const at = Number(/^(?:byte|cut to) (\d+)/.exec(what)?.[1] ?? -1);
        // Padding that nothing relies on, and what follows the size in the record.
        if (what.startsWith("byte") && at >= used) continue;
        if (added(what)) continue;
        harms.push([name, what, changed]);
      }
      for (const one of own) {
        const spliced = Buffer.from(bytes);
        const from = foreign.chunks.find(({ stored }) => stored >= one.stored);
        const source = packOf(foreign.packs[from?.pack ?? 0]?.id ?? "")[1];
        source.copy(spliced, one.offset, from?.offset ?? 0, (from?.offset ?? 0) + one.stored);
        if (!spliced.equals(bytes)) harms.push([name, `chunk at ${String(one.offset)} of another artifact`, spliced]);
        const [next] = own.filter((each) => each !== one && each.stored >= one.stored);
        const doubled = Buffer.from(bytes);
        if (next) bytes.copy(doubled, one.offset, next.offset, next.offset + one.stored);
        if (next) harms.push([name, `chunk at ${String(one.offset)} replaced by its neighbour`, doubled]);
      }
    }
    for (const [name, what, changed] of harms) {
      const { code, said } = await trial.read(new Map([[name, changed]]), pullIt);
      expect({ what, code, said }).toEqual({
        what,
        code: "INTEGRITY",
        said: expect.stringContaining("churn/cohort:one"),
      });
    }
    expect(harms.length).toBeGreaterThan(50);
  }, 300_000);
});
