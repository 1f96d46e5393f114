// A project whose policy two owners sign, and what people with programs of their own can sign and log in it.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { type Envelope, encodeEnvelope, preAuthEncoding } from "../../src/keys/dsse.ts";
import { type Identity, keyIdOf } from "../../src/keys/identity.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { signProposal } from "../../src/operations/policy/sign.ts";
import { policyName } from "../../src/operations/policy-shelf.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import type { Session } from "../../src/operations/session.ts";
import { setVersion } from "../../src/policy/edit.ts";
import { hostIn, makeProject, scratch, sessionOf } from "./project.ts";

export const POLICY_TYPE = "application/vnd.cloister.policy.v1+yaml";

export interface Owners {
  readonly folder: string;
  readonly ana: Host;
  readonly omar: Host;
  readonly eve: Host;
}

/** Ana and Omar own it, two must sign; Eve is a data scientist. Version 4 is in force. */
export async function twoOwners(): Promise<Owners> {
  const folder = scratch();
  const ana = await makeProject(folder);
  const [omar, eve] = [hostIn(folder, "omar"), hostIn(folder, "eve")];
  for (const [host, name, role] of [
    [omar, "omar", "steward"],
    [eve, "eve", "data-scientist"],
  ] as const) {
    const { line } = await joinProject(host, { folder: ".", store: "../store", member: name, name });
    await addMember(await sessionOf(ana), { line, roles: [role] });
  }
  edit(ana, /^owners:.*$/m, "owners: { threshold: 2, members: [ana, omar] }");
  expect((await proposePolicy(await sessionOf(ana), {})).pending).toBeDefined();
  expect((await signProposal(await sessionOf(omar), {})).pending?.complete).toBe(true);
  expect((await signProposal(await sessionOf(ana), {})).logEntry).toBeGreaterThan(0);
  return { folder, ana, omar, eve };
}

/** Changes a person's local policy file. */
export function edit(host: Host, from: RegExp | string, to: string): void {
  const file = join(host.cwd, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
}

/** A session that has read the log to its end. */
export async function synced(host: Host): Promise<Session> {
  const session = await sessionOf(host);
  await session.sync();
  return session;
}

/** The text in force as the version after it, with something else in it. */
export async function nextText(session: Session, from: RegExp | string, to: string): Promise<Buffer> {
  const { text, compiled } = await session.policy();
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  const next = { version: compiled.policy.version + 1, previous: session.ledger.inForce.digest };
  return Buffer.from(setVersion(changed, next));
}

/** What `identities` make of a text, each a signature of the given type. */
export async function signedBy(
  text: Uint8Array,
  identities: readonly Identity[],
  payloadType = POLICY_TYPE,
): Promise<Envelope> {
  const signatures = identities.map(async (identity) => ({
    keyid: keyIdOf(identity.signs),
    sig: await identity.sign(preAuthEncoding(payloadType, text)),
  }));
  return { payloadType: POLICY_TYPE, payload: text, signatures: await Promise.all(signatures) };
}

/** Puts a version into the store and logs that it takes force, as any program could; `over` is laid over the facts. */
export async function logVersion(
  session: Session,
  envelope: Envelope,
  over: { readonly [name: string]: unknown } = {},
): Promise<void> {
  const { ledger, store } = session;
  const digest = sha256Hex(envelope.payload);
  const version = Number(over["policyVersion"] ?? ledger.inForce.version + 1);
  await store.delete(policyName(version, digest));
  await store.create(policyName(version, digest), [encodeEnvelope(envelope)]);
  const signatures = envelope.signatures.map(({ sig }) => Buffer.from(sig).toString("base64"));
  const facts = { policyVersion: version, policyDigest: digest, epochs: {}, signatures, ...over };
  const operation = randomBytes(16).toString("hex");
  for (const phase of ["intent", "done"] as const) {
    await session.append(await session.identity(), async () => ({
      ...{ project: session.config.project, operation, phase, action: "policy.change" },
      ...{ timeMs: Math.floor(await store.now()), policy: ledger.inForce.version },
      ...{ rules: ["role:steward"], enforcement: "advisory" },
      ...(phase === "done" ? { facts: facts as never } : {}),
    }));
  }
}
