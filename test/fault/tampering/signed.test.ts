// Signed objects by somebody else, of another type, re-signed with less in them, or in another form: none is what the log says.
import { beforeAll, expect, test } from "vitest";
import { canonicalBytes, type Json } from "../../../src/base/json.ts";
import { type Envelope, encodeEnvelope, preAuthEncoding } from "../../../src/keys/dsse.ts";
import { generateIdentity, type Identity, keyIdOf } from "../../../src/keys/identity.ts";
import { list } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { verifyAudit } from "../../../src/operations/project/audit.ts";
import { leaseSecret } from "../../../src/operations/secret/lease.ts";
import { setSecret } from "../../../src/operations/secret/write.ts";
import type { Session } from "../../../src/operations/session.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "../../operations/project.ts";
import { enlist } from "../../operations/release-project.ts";
import { Trial } from "./trial.ts";

let trial: Trial;
let ana: Identity;
let bo: Identity;
let stranger: Identity;

beforeAll(async () => {
  const folder = scratch();
  const people = { ana: await makeProject(folder), bo: hostIn(folder, "bo") };
  await enlist(people, "bo", "data-scientist");
  randomFiles(people.ana.cwd);
  const value = async () => Buffer.from("the value");
  await setSecret(await sessionOf(people.ana), { name: "db", value, env: "DB" });
  await push(await sessionOf(people.ana), { source: { path: "data" }, name: "cohort:one", class: "internal" });
  ana = await (await sessionOf(people.ana)).identity();
  bo = await (await sessionOf(people.bo)).identity();
  stranger = await generateIdentity();
  trial = await Trial.of(folder, people.ana);
});

const pullIt = (session: Session) =>
  pull(session, { reference: "cohort:one", purpose: "modelling", output: { folder: "out" } });
const lease = (session: Session) => leaseSecret(session, { name: "db" });

const TYPES = [
  "policy.v1+yaml",
  "epoch.v1+json",
  "version.v1+json",
  "secret.v1+json",
  "commit.v1+json",
  "event.v1+json",
];

type Signed = { readonly [name in keyof Envelope]: Envelope[name] };

function read(bytes: Buffer): Signed {
  const { payload, payloadType, signatures } = JSON.parse(bytes.toString());
  const decoded = signatures.map((each: { keyid: string; sig: string }) => ({
    keyid: each.keyid,
    sig: Buffer.from(each.sig, "base64"),
  }));
  return { payload: Buffer.from(payload, "base64"), payloadType, signatures: decoded };
}

async function signedBy(signer: Identity, envelope: Signed, keyid = keyIdOf(signer.signs)): Promise<Buffer> {
  const sig = await signer.sign(preAuthEncoding(envelope.payloadType, envelope.payload));
  return Buffer.from(encodeEnvelope({ ...envelope, signatures: [{ keyid, sig }] }));
}

/** The other of the two values of s that ECDSA takes for one signature. */
function highS(der: Uint8Array): Buffer {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const rLength = der[3] ?? 0;
  const r = der.subarray(2, 4 + rLength);
  const s = BigInt(`0x${Buffer.from(der.subarray(6 + rLength)).toString("hex")}`);
  const bytes = Buffer.from(`00${(order - s).toString(16).padStart(64, "0")}`, "hex");
  const value = (bytes[1] ?? 0) >= 0x80 ? bytes : bytes.subarray(1);
  const body = Buffer.concat([r, Buffer.of(2, value.length), value]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** Everything that is no honest object, with what was done to it. */
async function forgeries(bytes: Buffer, lesser: (payload: Json) => Json): Promise<ReadonlyMap<string, Buffer>> {
  const envelope = read(bytes);
  const [signature] = envelope.signatures;
  if (!signature) throw new Error("not signed");
  const forged = new Map<string, Buffer>();
  const encode = (over: Partial<Signed>) => Buffer.from(encodeEnvelope({ ...envelope, ...over }));
  for (const type of TYPES.map((each) => `application/vnd.cloister.${each}`)) {
    if (type === envelope.payloadType) continue;
    forged.set(`type ${type}`, encode({ payloadType: type }));
    forged.set(`type ${type}, signed anew`, await signedBy(ana, { ...envelope, payloadType: type }));
  }
  forged.set("by a stranger", await signedBy(stranger, envelope));
  forged.set("by a stranger under the key id", await signedBy(stranger, envelope, signature.keyid));
  forged.set("by another member", await signedBy(bo, envelope));
  forged.set("by another member under the key id", await signedBy(bo, envelope, signature.keyid));
  forged.set("without signatures", encode({ signatures: [] }));
  forged.set("with 17 signatures", encode({ signatures: Array.from({ length: 17 }, () => signature) }));
  forged.set("with high S", encode({ signatures: [{ ...signature, sig: highS(signature.sig) }] }));
  forged.set("with an empty signature", encode({ signatures: [{ ...signature, sig: new Uint8Array() }] }));
  forged.set("with a short signature", encode({ signatures: [{ ...signature, sig: signature.sig.subarray(0, -1) }] }));
  const text = envelope.payload.toString();
  if (text.startsWith("{")) {
    const changed = canonicalBytes(lesser(JSON.parse(text)));
    forged.set("lesser, the old signature", encode({ payload: changed }));
    forged.set("lesser, signed anew by its signer", await signedBy(ana, { ...envelope, payload: changed }));
    const more = canonicalBytes({ ...JSON.parse(text), more: 1 });
    forged.set("with a member more, signed anew", await signedBy(ana, { ...envelope, payload: more }));
  }
  forged.set("with white space", Buffer.from(bytes.toString().replace(",", ", ")));
  forged.set("with a member more outside", Buffer.from(bytes.toString().replace(/}$/, ',"x":1}')));
  return forged;
}

interface Row {
  readonly object: () => readonly [string, Buffer];
  readonly lesser: (payload: Record<string, Json>) => Json;
  readonly read: (session: Session) => Promise<unknown>;
  readonly says: RegExp;
  /** Whoever signed: who made an epoch does not matter where the log names its digest. */
  readonly anySigner?: boolean;
}

const rows: readonly (readonly [string, Row])[] = [
  [
    "version record",
    {
      object: () => trial.named("versions/"),
      lesser: (payload) => ({ ...payload, class: "public" }),
      ...{ read: pullIt, says: /cohort:one/ },
    },
  ],
  [
    "epoch",
    {
      object: () => trial.named("epochs/churn/internal/"),
      lesser: (payload) => ({ ...payload, recipient: stranger.reads }),
      ...{ read: pullIt, says: /internal|cohort:one/ },
    },
  ],
  [
    "secret",
    {
      object: () => trial.named("secrets/"),
      lesser: (payload) => ({ ...payload, class: "public" }),
      ...{ read: lease, says: /db/ },
    },
  ],
  [
    "first policy",
    { object: () => trial.named("policy/00000001"), lesser: (same) => same, read: pullIt, says: /policy/ },
  ],
  [
    "commit in the middle of the log",
    {
      object: () => trial.named("log/commit/", "0000000000000002"),
      lesser: (payload) => ({ ...payload, entries: (payload["entries"] as Json[]).slice(0, 1), time: 1 }),
      ...{ read: pullIt, says: /log (entry|commit)/ },
    },
  ],
];

test.each(rows)(
  "%s: no forgery of it is accepted",
  async (_, row) => {
    const [name, bytes] = row.object();
    const honest = await trial.read(new Map(), row.read);
    expect(honest.code, honest.said).toBe("read");
    const all = await forgeries(bytes, row.lesser as (payload: Json) => Json);
    for (const [what, forged] of all) {
      const { code, said } = await trial.read(new Map([[name, forged]]), row.read);
      expect({ what, code, said }).toEqual({ what, code: "INTEGRITY", said: expect.stringMatching(row.says) });
    }
  },
  120_000,
);

test("the log: a device that knows it refuses any other, and one that does not never follows a gap or a reordered one", async () => {
  const commits = [...trial.objects.keys()].filter((name) => name.startsWith("log/commit/")).sort();
  const last = commits.length - 1;
  const look = (session: Session) => list(session, {});
  const bytesOf = (at: number) => trial.objects.get(commits[at] ?? "");
  for (const [at, name] of commits.entries()) {
    const bytes = bytesOf(at) ?? Buffer.alloc(0);
    const neighbour = bytesOf(at === 0 ? 1 : at - 1);
    const harms: (readonly [string, Map<string, Buffer | undefined>])[] = [
      ["gone", new Map([[name, undefined]])],
      ["noise", new Map([[name, Buffer.alloc(100)]])],
      ["cut", new Map([[name, bytes.subarray(0, -5)]])],
      ["replayed", new Map([[name, neighbour]])],
      [
        "exchanged",
        new Map([
          [name, neighbour],
          [commits[at === 0 ? 1 : at - 1] ?? "", bytes],
        ]),
      ],
      ["all from here on gone", new Map(commits.slice(at).map((each) => [each, undefined]))],
    ];
    for (const [what, changed] of harms) {
      const where = `${what} at ${String(at)} of ${String(last)}`;
      const known = await trial.read(changed, look, true);
      // A device remembers what it verified up to the last commit, and reads none before that again, but when it is asked to.
      const seen = at === last || what.startsWith("all") ? known.code : await audited(changed);
      expect({ where, code: seen }).toEqual({ where, code: "INTEGRITY" });
      const fresh = await trial.read(changed, look);
      // A reader who comes for the first time can be shown an older log, as docs/store-format.md says, and no other.
      const older = at === last || what.startsWith("all");
      if (!older) expect({ where, code: fresh.code }).toEqual({ where, code: "INTEGRITY" });
      else if (fresh.code === "read") expect(JSON.parse(fresh.said).ignored).toEqual([]);
    }
  }
}, 120_000);

/** What `audit verify` says on a device that knows the log as it was. */
async function audited(changed: ReadonlyMap<string, Buffer | undefined>): Promise<string> {
  const { code, result } = await trial.read(changed, (session) => verifyAudit(session), true);
  return code === "read" && !(result as { readonly ok: boolean }).ok ? "INTEGRITY" : code;
}
