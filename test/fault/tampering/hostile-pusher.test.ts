// A member whose program was changed, who may push and signs everything as it should be: only what is sealed inside says
// something else. Nothing of it is ever written, and others' versions are not touched by it.
import { randomBytes } from "node:crypto";
import { beforeAll, expect, test, vi } from "vitest";
import { sha256Hex } from "../../../src/base/digest.ts";
import type { encodeSeal as EncodeSeal } from "../../../src/operations/artifact/artifact-seal.ts";
import { list } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import type { Host } from "../../../src/operations/host.ts";
import { makeProject, randomFiles, scratch, sessionOf } from "../../operations/project.ts";
import { dirHashOf, readTree } from "../store-reader/tree.ts";
import { Trial } from "./trial.ts";

type Encode = typeof EncodeSeal;
type Parts = Parameters<Encode>[2];

/** What the changed program does where the honest one seals. */
const program = vi.hoisted(() => ({ seal: undefined as ((real: unknown, ...args: unknown[]) => unknown) | undefined }));

vi.mock("../../../src/operations/artifact/artifact-seal.ts", async (original) => {
  const real = (await original()) as { encodeSeal: Encode };
  const encodeSeal = (...args: Parameters<Encode>) =>
    program.seal ? program.seal(real.encodeSeal, ...args) : real.encodeSeal(...args);
  return { ...real, encodeSeal };
});

let folder: string;
let ana: Host;
/** The parts of an honest version, to be put elsewhere. */
let earlier: Parts;

beforeAll(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  randomFiles(ana.cwd);
  program.seal = (real, keys, context, parts) => {
    earlier = parts as Parts;
    return (real as Encode)(keys as never, context as never, parts as Parts);
  };
  await push(await sessionOf(ana), { source: { path: "data" }, name: "honest", class: "internal" });
  randomFiles(ana.cwd);
});

const changedParts =
  (change: (parts: Parts) => Parts) =>
  (real: unknown, keys: unknown, context: unknown, parts: unknown): unknown =>
    (real as Encode)(keys as never, context as never, change(parts as Parts));

const header = (over: object) => changedParts((parts) => ({ ...parts, header: { ...parts.header, ...over } }));
const manifest = (bytes: (own: Uint8Array) => Uint8Array) =>
  changedParts((parts) => {
    const changed = bytes(parts.manifest);
    return { ...parts, manifest: changed, header: { ...parts.header, manifest: sha256Hex(changed) } };
  });
const tree = (bytes: (own: Buffer) => Buffer) =>
  changedParts((parts) => ({ ...parts, tree: bytes(Buffer.from(parts.tree)) }));

/** The tree with some bytes changed, and the header made to agree with it as far as it can be. */
const consistentTree = (bytes: (own: Buffer) => Buffer) =>
  changedParts((parts) => {
    const changed = bytes(Buffer.from(parts.tree));
    return { ...parts, tree: changed, header: { ...parts.header, dirHash: dirHashOf(readTree(changed).files) } };
  });

const flip = (at: (own: Buffer) => number) => (own: Buffer) => {
  const place = at(own);
  own[place] = (own[place] ?? 0) ^ 1;
  return own;
};
/** Where the sections of a tree begin, by its counts: keys, packs, chunks, streams, ranges, files, paths. */
const section = (own: Buffer, number: number) => {
  const sizes = [32, 20, 53, 4, 8, 55, 1];
  return sizes.slice(0, number).reduce((at, size, i) => at + size * own.readUInt32BE(16 + 4 * i), 44);
};
const path = (from: string, to: string) => (own: Buffer) => {
  const at = own.lastIndexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`no ${from}`);
  own.write(to, at, "latin1");
  return own;
};

const attacks: Readonly<Record<string, NonNullable<typeof program.seal>>> = {
  "header: another name": header({ name: "honest" }),
  "header: a label that nobody logged": header({ label: "gold" }),
  "header: an unknown kind": header({ kind: "weapon" }),
  "header: more files": header({ files: 4 }),
  "header: more bytes": header({ bytes: 1 }),
  "header: another digest": header({ dirHash: "ab".repeat(32) }),
  "header: another manifest": header({ manifest: "ab".repeat(32) }),
  "header: a newer version of itself": header({ v: 2 }),
  "header: a member more": header({ more: true }),
  "header: a workspace": header({ workspace: "ab".repeat(16) }),
  "manifest: noise": manifest(() => randomBytes(500)),
  "manifest: empty": manifest(() => Buffer.alloc(0)),
  "manifest: of an earlier version": manifest(() => earlier.manifest),
  "manifest: cut": manifest((own) => own.subarray(0, -1)),
  "manifest: with a byte changed in the statement": manifest((own) => flip(() => 300)(Buffer.from(own))),
  "tree: noise": tree(() => randomBytes(900)),
  "tree: empty": tree(() => Buffer.alloc(0)),
  "tree: of an earlier version": tree(() => Buffer.from(earlier.tree)),
  "tree: cut": tree((own) => own.subarray(0, -1)),
  "tree: with a byte after it": tree((own) => Buffer.concat([own, Buffer.of(0)])),
  "tree: another magic": tree(flip(() => 3)),
  "tree: counts beyond its bytes": tree((own) => own.fill(0xff, 24, 28)),
  "tree: another push key": tree(flip((own) => section(own, 0))),
  "tree: another pack": tree(flip((own) => section(own, 1))),
  "tree: a pack of another size": tree(flip((own) => section(own, 1) + 19)),
  "tree: another chunk digest": tree(flip((own) => section(own, 2))),
  "tree: a chunk elsewhere": tree(flip((own) => section(own, 2) + 32 + 8 + 3)),
  "tree: a shorter chunk": tree(flip((own) => section(own, 2) + 32 + 12 + 3)),
  "tree: another file digest": tree(flip((own) => section(own, 5) + 21)),
  "tree and header: another file digest": consistentTree(flip((own) => section(own, 5) + 21)),
  "tree and header: a path out of the folder": consistentTree(path("a.csv", "../ab")),
  "tree and header: an absolute path": consistentTree(path("a.csv", "/a.cs")),
  "tree and header: a path into .git": consistentTree(path("sub/b.bin", ".git/b.bi")),
  "tree and header: a file where a folder is": consistentTree(path("empty", "sub/b")),
  "seal: for another number": (real, keys, context, parts) =>
    (real as Encode)(keys as never, { ...(context as object), number: 77 } as never, parts as Parts),
  "seal: for another class": (real, keys, context, parts) =>
    (real as Encode)(keys as never, { ...(context as object), class: "public" } as never, parts as Parts),
  "seal: the tree under the metadata key": (real, keys, context, parts) => {
    const { metadata } = keys as { metadata: Uint8Array };
    return (real as Encode)({ metadata, data: metadata }, context as never, parts as Parts);
  },
  "seal: a tree with a short tag": (real, keys, context, parts) => {
    const sealed = (real as Encode)(keys as never, context as never, parts as Parts);
    const [magic, first, second, last] = sealed.object as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const short = last.subarray(0, -4);
    const described = { bytes: short.length, sha256: sha256Hex(short) };
    return { object: [magic, first, second, short], parts: { ...sealed.parts, tree: described } };
  },
  "seal: header and manifest exchanged": (real, keys, context, parts) => {
    const sealed = (real as Encode)(keys as never, context as never, parts as Parts);
    const [magic, first, second, last] = sealed.object as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const { header: one, manifest: two, tree: three } = sealed.parts;
    return { object: [magic, second, first, last], parts: { header: two, manifest: one, tree: three } };
  },
};

test.each(Object.entries(attacks))(
  "%s: refused and named, nothing written, and others' versions are listed",
  async (what, attack) => {
    const name = `h-${sha256Hex(what).slice(0, 8)}`;
    program.seal = attack;
    // The program that pushes reads nothing back.
    await push(await sessionOf(ana), { source: { path: "data" }, name, class: "internal" });
    program.seal = undefined;
    const trial = await Trial.of(folder, ana);
    const refused = await trial.read(new Map(), (session) =>
      pull(session, { reference: name, purpose: "modelling", output: { folder: "out" } }),
    );
    expect(refused).toMatchObject({ code: "INTEGRITY", said: expect.stringContaining(name) });
    const listed = await trial.read(new Map(), (session) => list(session, { name: "honest" }));
    expect(JSON.parse(listed.said).versions).toHaveLength(1);
  },
);
