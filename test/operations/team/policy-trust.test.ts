// Who can change the policy, when two owners must sign: everything that somebody else, or one of them alone, could try.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { sha256Hex } from "../../../src/base/digest.ts";
import { generateAge } from "../../../src/keys/age-key.ts";
import { wrapPrivateHalf } from "../../../src/keys/class-key.ts";
import { encodeEnvelope, signEnvelope } from "../../../src/keys/dsse.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { keyFileName } from "../../../src/operations/class-keys.ts";
import { rotateKeys } from "../../../src/operations/key/rotate.ts";
import { addMemberDevice, suspendMember } from "../../../src/operations/member/change.ts";
import { proposePolicy } from "../../../src/operations/policy/change.ts";
import { policyLog } from "../../../src/operations/policy/log.ts";
import { listProposals, signProposal, withdrawProposal } from "../../../src/operations/policy/sign.ts";
import { policyName } from "../../../src/operations/policy-shelf.ts";
import { verifyAudit } from "../../../src/operations/project/audit.ts";
import { join as joinProject } from "../../../src/operations/project/join.ts";
import type { Session } from "../../../src/operations/session.ts";
import { edit, logVersion, nextText, type Owners, POLICY_TYPE, signedBy, synced, twoOwners } from "../owners.ts";
import { copyOf, hostIn, makeProject, randomFiles, scratch, sessionOf } from "../project.ts";

let made: Owners;
beforeAll(async () => {
  made = await twoOwners();
});

/** Ana's, Omar's and Eve's sessions in a copy of the project. */
async function three(): Promise<{ folder: string; ana: Session; omar: Session; eve: Session }> {
  const folder = copyOf(made.folder);
  for (const name of ["omar", "eve"]) {
    const file = join(folder, name, ".cloister/config.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(made.folder, folder));
  }
  const [ana, omar, eve] = await Promise.all(["ana", "omar", "eve"].map((name) => synced(hostIn(folder, name))));
  return { folder, ana: ana as Session, omar: omar as Session, eve: eve as Session };
}

/** `P1D` more is a change that nobody minds. */
const HARMLESS = [/ttl: 8h/, "ttl: 7h"] as const;

async function isRefused(acting: Session, attempt: Promise<unknown>, code = "FAILURE"): Promise<void> {
  await expect(attempt).rejects.toMatchObject({ code });
  const fresh = await synced(hostIn(acting.host.home.replace(/\/home\/.*/, ""), "ana"));
  expect(fresh.ledger.inForce.version).toBe(4);
}

describe("what one owner signs alone does not take force", () => {
  test("with their one signature", async () => {
    const { ana } = await three();
    const envelope = await signedBy(await nextText(ana, ...HARMLESS), [await ana.identity()]);
    await isRefused(ana, logVersion(ana, envelope));
  });

  test("signed twice, and with the other signature that verifies as well", async () => {
    const { ana } = await three();
    const me = await ana.identity();
    const twice = await signedBy(await nextText(ana, ...HARMLESS), [me, me]);
    await isRefused(ana, logVersion(ana, twice));
    const [first] = twice.signatures;
    if (!first) throw new Error("no signature");
    const twin = { ...twice, signatures: [first, { ...first, sig: highS(first.sig) }] };
    await isRefused(ana, logVersion(ana, twin));
  });

  test("with two devices", async () => {
    const { folder, ana, omar } = await three();
    const laptop = hostIn(folder, "laptop");
    const { line } = await joinProject(laptop, { folder: ".", store: "../store", member: "ana", name: "Ana" });
    const added = await addMemberDevice(ana, { line, name: "laptop" });
    expect(added.pending?.sides.map(({ signed }) => signed)).toEqual([["ana"], ["ana"]]);
    await signProposal(omar, {});
    const other = await synced(laptop);
    expect(other.ledger.inForce.version).toBe(5);
    expect((await other.me()).id).toBe("ana");
    const text = await nextText(other, ...HARMLESS);
    const both = await signedBy(text, [await ana.identity(), await other.identity()]);
    await expect(logVersion(other, both)).rejects.toMatchObject({ code: "FAILURE" });
    expect((await synced(hostIn(folder, "omar"))).ledger.inForce.version).toBe(5);
  });

  test("lowering the threshold in the same version", async () => {
    const { ana } = await three();
    const text = await nextText(ana, "threshold: 2", "threshold: 1");
    await isRefused(ana, logVersion(ana, await signedBy(text, [await ana.identity()])));
  });

  test("with an owner whom that version adds", async () => {
    const { ana, eve } = await three();
    const text = await nextText(ana, "members: [ana, omar]", "members: [ana, omar, eve]");
    await isRefused(ana, logVersion(ana, await signedBy(text, [await ana.identity(), await eve.identity()])));
  });

  test("in the name of owners whom that version puts in the others' place", async () => {
    const { ana, eve } = await three();
    const text = await nextText(ana, "threshold: 2, members: [ana, omar]", "threshold: 1, members: [eve]");
    await isRefused(ana, logVersion(ana, await signedBy(text, [await ana.identity(), await eve.identity()])));
  });

  test("leaving out who signed, with two signatures in the store", async () => {
    const { ana, omar } = await three();
    const both = await signedBy(await nextText(ana, ...HARMLESS), [await ana.identity(), await omar.identity()]);
    await isRefused(ana, logVersion(ana, both, { signatures: undefined }));
    await isRefused(ana, logVersion(ana, both, { signatures: [] }));
    await isRefused(ana, logVersion(ana, both, { signatures: "x" }));
  });

  test("and the second signature, added in the store later, does not change what the log said", async () => {
    const { ana, omar } = await three();
    const text = await nextText(ana, ...HARMLESS);
    await isRefused(ana, logVersion(ana, await signedBy(text, [await ana.identity()])));
    const name = policyName(5, sha256Hex(text));
    await ana.store.delete(name);
    const both = await signedBy(text, [await ana.identity(), await omar.identity()]);
    await ana.store.create(name, [encodeEnvelope(both)]);
    expect((await synced(ana.host)).ledger.inForce.version).toBe(4);
  });
});

describe("what both signed takes force only as it is", () => {
  async function both(session: { ana: Session; omar: Session }, text: Uint8Array, type?: string) {
    return signedBy(text, [await session.ana.identity(), await session.omar.identity()], type);
  }

  test("and then it does, for every reader", async () => {
    const all = await three();
    await logVersion(all.ana, await both(all, await nextText(all.ana, ...HARMLESS)));
    const fresh = await synced(all.eve.host);
    expect(fresh.ledger.inForce.version).toBe(5);
    expect((await fresh.policy()).signedBy).toEqual(["ana", "omar"]);
    expect((await policyLog(fresh)).at(-1)).toMatchObject({ signed: ["ana", "omar"], signedBefore: ["ana", "omar"] });
    expect((await verifyAudit(fresh)).ok).toBe(true);
  });

  test("not edited after it was signed", async () => {
    const all = await three();
    const signed = await both(all, await nextText(all.ana, ...HARMLESS));
    const edited = { ...signed, payload: await nextText(all.ana, /ttl: 8h/, "ttl: 9h") };
    await isRefused(all.ana, logVersion(all.ana, edited));
  });

  test("not with signatures of another payload type", async () => {
    const all = await three();
    const text = await nextText(all.ana, ...HARMLESS);
    await isRefused(all.ana, logVersion(all.ana, await both(all, text, `${POLICY_TYPE}-draft`)));
  });

  test("not a version before (rollback), with a gap, or beside another (fork)", async () => {
    const all = await three();
    const { text } = await all.ana.ledger.policy(3);
    const old = await both(all, Buffer.from(text));
    await isRefused(all.ana, logVersion(all.ana, old, { policyVersion: 3 }));
    const gap = (await nextText(all.ana, ...HARMLESS)).toString().replace("version: 5", "version: 6");
    await isRefused(all.ana, logVersion(all.ana, await both(all, Buffer.from(gap)), { policyVersion: 6 }));
    const { digest } = all.ana.ledger.inForce;
    const fork = (await nextText(all.ana, ...HARMLESS)).toString().replace(digest, "ab".repeat(32));
    await isRefused(all.ana, logVersion(all.ana, await both(all, Buffer.from(fork))));
  });

  test("not the policy of another project", async () => {
    const all = await three();
    const { project } = all.ana.config;
    const text = (await nextText(all.ana, ...HARMLESS)).toString().replace(project, randomBytes(16).toString("hex"));
    await isRefused(all.ana, logVersion(all.ana, await both(all, Buffer.from(text))));
  });

  test("not when a member logs it who is no owner", async () => {
    const all = await three();
    await isRefused(all.eve, logVersion(all.eve, await both(all, await nextText(all.eve, ...HARMLESS))));
  });

  test("not with enough owners of one side only", async () => {
    const all = await three();
    const swapped = await nextText(all.ana, "members: [ana, omar]", "members: [ana, eve]");
    await isRefused(all.ana, logVersion(all.ana, await both(all, swapped)));
    const ofNext = await signedBy(swapped, [await all.ana.identity(), await all.eve.identity()]);
    await isRefused(all.ana, logVersion(all.ana, ofNext));
    const ofBoth = { ...ofNext, signatures: [...ofNext.signatures, ...(await both(all, swapped)).signatures] };
    await logVersion(all.ana, ofBoth);
    expect((await synced(all.eve.host)).ledger.inForce.version).toBe(5);
  });

  test("not with signatures of somebody unknown", async () => {
    const all = await three();
    const stranger = hostIn(scratch(), "mallory");
    await makeProjectOf(stranger);
    const text = await nextText(all.ana, ...HARMLESS);
    const strange = await signedBy(text, [await all.ana.identity(), await (await sessionOf(stranger)).identity()]);
    await isRefused(all.ana, logVersion(all.ana, strange));
  });
});

async function makeProjectOf(host: ReturnType<typeof hostIn>): Promise<void> {
  const folder = host.cwd.replace(/\/[^/]+$/, "");
  const ana = await makeProject(folder);
  await joinProject(host, { folder: ".", store: "../store", member: "mallory", name: "Mallory" });
  expect(ana.cwd).not.toBe(host.cwd);
}

describe("a suspended owner", () => {
  test("signs nothing that counts, even what they had signed before", async () => {
    const { folder, ana, omar, eve } = await three();
    edit(ana.host, "members: [ana, omar]", "members: [ana, omar, eve]");
    await proposePolicy(ana, {});
    await signProposal(omar, {});
    // Eve signs a change, and is suspended by the others before it is complete.
    const before = await synced(eve.host);
    const text = await nextText(before, ...HARMLESS);
    const kept = await signedBy(text, [await before.identity()]);
    const owners = await synced(ana.host);
    const without = await nextText(owners, "members: [ana, omar, eve]", "members: [ana, omar]");
    const gone = Buffer.from(without.toString().replace(/(eve: \{ name: .*)( \})/, '$1, suspended: "left"$2'));
    await logVersion(owners, await signedBy(gone, [await ana.identity(), await omar.identity()]));
    const now = await synced(hostIn(folder, "ana"));
    expect(now.ledger.inForce.version).toBe(6);
    const late = await nextText(now, ...HARMLESS);
    const with1 = await signedBy(late, [await ana.identity(), await eve.identity()]);
    await expect(logVersion(now, with1)).rejects.toMatchObject({ code: "FAILURE" });
    await expect(logVersion(now, kept)).rejects.toMatchObject({ code: "FAILURE" });
    // Nor does what a suspended key dates back: the log has gone on, and its signature is nobody's.
    const stale = await synced(hostIn(folder, "eve"));
    await expect(
      stale.append(await stale.identity(), () => ({
        ...{ project: stale.config.project, operation: randomBytes(16).toString("hex"), phase: "intent" as const },
        ...{
          action: "artifact.push",
          timeMs: Date.now() - 3_600_000,
          policy: 6,
          rules: ["x"],
          enforcement: "advisory",
        },
      })),
    ).rejects.toMatchObject({ code: "FAILURE" });
  });
});

test("after its last day a policy lets in nothing but its renewal, by both", async () => {
  const all = await three();
  const soon = (
    await nextText(all.ana, /^expires:.*$/m, `expires: ${new Date().toISOString().slice(0, 10)}`)
  ).toString();
  await logVersion(all.ana, await signedBy(Buffer.from(soon), [await all.ana.identity(), await all.omar.identity()]));
  const tomorrow = { ...all.ana.host, now: () => Date.now() + 2 * 86_400_000 };
  const late = await sessionOf(tomorrow, (store) => Object.assign(store, { now: async () => tomorrow.now() }));
  await late.sync();
  const text = await nextText(late, /^expires:.*$/m, "expires: 2031-01-31");
  await expect(logVersion(late, await signedBy(text, [await late.identity()]))).rejects.toMatchObject({
    code: "FAILURE",
  });
  const entry = { project: late.config.project, operation: randomBytes(16).toString("hex"), phase: "intent" as const };
  const push = { action: "artifact.push", timeMs: tomorrow.now(), policy: 5, rules: ["x"], enforcement: "advisory" };
  await expect(late.append(await late.identity(), () => ({ ...entry, ...push }))).rejects.toMatchObject({
    code: "FAILURE",
  });
  await logVersion(late, await signedBy(text, [await late.identity(), await all.omar.identity()]));
  expect(late.ledger.inForce.version).toBe(6);
});

test("an old key in the place of a new one is not used, nor is one that somebody made up", async () => {
  const { ana, omar, eve } = await three();
  await rotateKeys(ana, { domain: "churn" });
  await signProposal(omar, {});
  const place = { domain: "churn", class: "internal" };
  const fresh = await synced(eve.host);
  const { reads } = await fresh.device();
  const [older, newer] = [1, 2].map((epoch) => keyFileName(`churn/internal/${String(epoch)}`, reads));
  const file = await fresh.store.get(older ?? "", 10_000);
  const put = async (bytes: Uint8Array) => {
    await fresh.store.delete(newer ?? "");
    await fresh.store.create(newer ?? "", [bytes]);
  };
  for (const planted of [file ?? Buffer.alloc(0), await wrapPrivateHalf(generateAge(), reads)]) {
    await put(planted);
    await expect((await synced(eve.host)).keys.secret(place, 2)).rejects.toMatchObject({ code: "INTEGRITY" });
  }
});

describe("proposals", () => {
  test("junk beside them changes nothing, and stops nobody", async () => {
    const { ana, omar, eve } = await three();
    edit(ana.host, ...HARMLESS);
    const { digest, version } = await proposePolicy(ana, { justification: "shorter days" });
    const folder = `proposals/${String(version).padStart(8, "0")}-${digest}`;
    const put = async (bytes: Uint8Array, name = `${folder}/${sha256Hex(bytes)}`) => ana.store.create(name, [bytes]);
    const text = await nextText(ana, ...HARMLESS);
    await put(Buffer.from("junk"));
    await put(Buffer.from("junk"), `${folder}/${"0".repeat(64)}`);
    await put(Buffer.from("{}"), `proposals/00000005-${"ab".repeat(32)}/${sha256Hex("{}")}`);
    await put(await signEnvelope(POLICY_TYPE, Buffer.from("cloister: 1"), await ana.identity()));
    await put(await signEnvelope(POLICY_TYPE, text, await eve.identity()));
    const forged = await signedBy(text, [await ana.identity()]);
    const omarsId = (await signedBy(text, [await omar.identity()])).signatures[0]?.keyid ?? "";
    const asOmar = { ...forged, signatures: forged.signatures.map(({ sig }) => ({ sig, keyid: omarsId })) };
    await put(encodeEnvelope(asOmar));
    const [only, ...more] = await listProposals(omar, false);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ digest, why: "shorter days", sides: [{ signed: ["ana"] }, { signed: ["ana"] }] });
    expect((await signProposal(omar, {})).logEntry).toBeGreaterThan(0);
    expect((await synced(ana.host)).ledger.inForce).toMatchObject({ version: 5, digest, member: "omar" });
  });

  test("what is not an owner's to sign is refused, and what is overtaken is said to be", async () => {
    const { ana, omar, eve } = await three();
    edit(ana.host, ...HARMLESS);
    const late = await proposePolicy(ana, {});
    await expect(signProposal(eve, {})).rejects.toMatchObject({ code: "POLICY_DENIED" });
    writeFileSync(join(omar.host.cwd, "cloister.policy.yaml"), (await omar.policy()).text);
    edit(omar.host, /ttl: 8h/, "ttl: 6h");
    const won = await proposePolicy(omar, {});
    await expect(signProposal(ana, {})).rejects.toMatchObject({
      code: "USAGE",
      why: expect.stringContaining(late.digest.slice(0, 12)),
    });
    expect((await signProposal(ana, { which: won.digest.slice(0, 8) })).logEntry).toBeGreaterThan(0);
    expect(await listProposals(await synced(omar.host), false)).toEqual([]);
    expect(await listProposals(omar, true)).toMatchObject([{ digest: late.digest, stale: true }]);
    const which = late.digest.slice(0, 12);
    await expect(signProposal(omar, { which })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("overtaken"),
    });
  });

  test("a signature that was taken back is not counted", async () => {
    const { ana, omar } = await three();
    edit(ana.host, ...HARMLESS);
    await proposePolicy(ana, {});
    await expect(withdrawProposal(omar, undefined)).rejects.toMatchObject({ code: "USAGE" });
    expect((await withdrawProposal(ana, undefined)).signed).toEqual([]);
    await expect(signProposal(omar, {})).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("two who sign at once publish it once", async () => {
    const { ana, omar } = await three();
    edit(ana.host, /epoch: 1/, "epoch: 2");
    const { digest } = await proposePolicy(ana, {});
    const again = await synced(ana.host);
    // Omar's signature is there, as if his program had ended before it could publish.
    const text = await nextText(ana, /epoch: 1/, "epoch: 2");
    const folder = `proposals/00000005-${digest}`;
    const his = await signEnvelope(POLICY_TYPE, text, await omar.identity());
    await omar.store.create(`${folder}/${sha256Hex(his)}`, [his]);
    const ends = await Promise.all([signProposal(again, {}), signProposal(omar, {})]);
    const entries = new Set(ends.map(({ logEntry }) => logEntry));
    expect(entries.size).toBe(1);
    const fresh = await synced(ana.host);
    expect(fresh.ledger.policies.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5]);
    expect((await verifyAudit(fresh)).ok).toBe(true);
    randomFiles(ana.host.cwd);
    await push(fresh, { source: { path: "data" }, name: "cohort", class: "internal" });
    expect(
      await omar.keys.secret(
        { domain: "churn", class: "internal" },
        fresh.keys.epochsOf({ domain: "churn", class: "internal" }).at(-1) ?? 0,
      ),
    ).toBeDefined();
  });

  test("suspending is a proposal, too, and raises the epochs when the second owner signs", async () => {
    const { ana, omar, eve } = await three();
    const asked = await suspendMember(ana, { member: "eve", justification: "left" });
    expect(asked).toMatchObject({ logEntry: undefined, pending: { complete: false } });
    await signProposal(omar, {});
    const fresh = await synced(eve.host);
    expect(fresh.keys.epochsOf({ domain: "churn", class: "internal" })).toEqual([1, 2]);
    expect(await fresh.keys.secret({ domain: "churn", class: "internal" }, 2)).toBeUndefined();
    expect(await fresh.keys.secret({ domain: "churn", class: "internal" }, 1)).toBeDefined();
    const sure = await synced(ana.host);
    expect(await sure.keys.secret({ domain: "churn", class: "internal" }, 2)).toBeDefined();
    randomFiles(eve.host.cwd);
    const pushed = push(fresh, { source: { path: "data" }, name: "late", class: "internal" });
    await expect(pushed).rejects.toMatchObject({ code: "POLICY_DENIED" });
  });
});

/** The other value of s that verifies: n - s. */
function highS(sig: Uint8Array): Buffer {
  const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const rBytes = sig[3] ?? 0;
  const r = Buffer.from(sig.subarray(4, 4 + rBytes));
  const s = BigInt(`0x${Buffer.from(sig.subarray(6 + rBytes)).toString("hex")}`);
  const high = Buffer.from((order - s).toString(16).padStart(64, "0"), "hex");
  const whole = (high[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), high]) : high;
  const body = Buffer.concat([Buffer.of(2, r.length), r, Buffer.of(2, whole.length), whole]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
