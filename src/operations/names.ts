// Names and version labels in the store: sealed or as ids, never in clear.
import { createHmac } from "node:crypto";
import { CloisterError, integrity } from "../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../base/json.ts";
import { NAME } from "../base/name.ts";
import { Fields, ID } from "../base/record.ts";
import { openBlob, sealBlob } from "../content/blob.ts";
import { parseEnvelope, signEnvelope, verifyEnvelope } from "../keys/dsse.ts";
import { nameIdOf } from "./class-keys.ts";
import type { Session } from "./session.ts";

const NAME_BYTES_MAX = 4096;
const LABEL_TYPE = "application/vnd.cloister.label.v1+json";
const LABEL_BYTES_MAX = 8 * 1024;

function nameObject(domain: string, nameId: string): string {
  return `names/${domain}/${nameId}`;
}

function labelObject(domain: string, nameId: string, labelId: string): string {
  return `labels/${domain}/${nameId}/${labelId}`;
}

function sealingKey(nameKey: Buffer): Buffer {
  return createHmac("sha256", nameKey).update("cloister sealed names v1").digest();
}

function contextOf(session: Session, domain: string, nameId: string) {
  return { object: "name", project: session.config.project, domain, nameId };
}

/** Puts the sealed name where listings find it; it may be there already. */
export async function claimName(session: Session, domain: string, name: string): Promise<string> {
  const nameKey = await session.keys.requireNameKey(domain);
  const nameId = nameIdOf(nameKey, name);
  const sealed = sealBlob(sealingKey(nameKey), contextOf(session, domain, nameId), Buffer.from(name));
  const object = nameObject(domain, nameId);
  if ((await session.store.create(object, [sealed])) === "created") return nameId;
  const there = await openName(session, domain, nameId, nameKey);
  if (there === name) return nameId;
  // Junk under our name: only what opens with the domain's key counts, so it can be replaced.
  await session.store.delete(object);
  await session.store.create(object, [sealed]);
  return nameId;
}

/** Names of a domain with their ids, sorted; junk is passed over. Empty where this member holds no name key. */
export async function knownNames(
  session: Session,
  domain: string,
): Promise<readonly { readonly name: string; readonly nameId: string }[]> {
  const nameKey = await session.keys.nameKey(domain);
  if (!nameKey) return [];
  const prefix = `names/${domain}/`;
  const known: { name: string; nameId: string }[] = [];
  for await (const object of session.store.list(prefix)) {
    const nameId = object.name.slice(prefix.length);
    const name = await openName(session, domain, nameId, nameKey);
    if (name !== undefined) known.push({ name, nameId });
  }
  return known.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function openName(
  session: Session,
  domain: string,
  nameId: string,
  nameKey: Buffer,
): Promise<string | undefined> {
  try {
    const sealed = await session.store.get(nameObject(domain, nameId), NAME_BYTES_MAX);
    if (!sealed) return undefined;
    const name = openBlob(sealingKey(nameKey), contextOf(session, domain, nameId), sealed, "name").toString("utf8");
    return NAME.test(name) && nameIdOf(nameKey, name) === nameId ? name : undefined;
  } catch (error) {
    if (error instanceof CloisterError && error.code === "INTEGRITY") return undefined;
    throw error;
  }
}

/**
 * Claims a label for an operation, before its version exists.
 * @throws CloisterError USAGE where another operation has it
 */
export async function claimLabel(
  session: Session,
  place: { readonly domain: string; readonly nameId: string; readonly labelId: string },
  operation: string,
  reference: string,
): Promise<void> {
  const { project } = session.config;
  const payload = canonicalBytes({ v: 1, project, ...place, operation });
  const bytes = signEnvelope(LABEL_TYPE, payload, await session.identity());
  const object = labelObject(place.domain, place.nameId, place.labelId);
  if ((await session.store.create(object, [bytes])) === "created") return;
  if ((await readLabel(session, place.domain, place.nameId, place.labelId)) === operation) return;
  throw new CloisterError("USAGE", `${reference} exists already`, {
    why: "versions never change, and a label is given once",
    next: "choose another label, or leave it out and the version gets the next number",
  });
}

/** The operation that a label was claimed for; undefined where it is free. @throws CloisterError INTEGRITY */
export async function readLabel(
  session: Session,
  domain: string,
  nameId: string,
  labelId: string,
): Promise<string | undefined> {
  const what = "version label";
  const bytes = await session.store.get(labelObject(domain, nameId, labelId), LABEL_BYTES_MAX);
  if (!bytes) return undefined;
  const envelope = parseEnvelope(bytes, LABEL_TYPE, what, LABEL_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, LABEL_BYTES_MAX), what);
  const [v, project, operation] = [fields.integer("v"), fields.string("project"), fields.string("operation", ID)];
  const there = [fields.string("domain"), fields.string("nameId"), fields.string("labelId")];
  fields.end();
  if (v !== 1 || project !== session.config.project || there.join() !== [domain, nameId, labelId].join()) {
    throw integrity(`a ${what} was exchanged`);
  }
  const signer = await session.ledger.signerOf(envelope.signatures[0]?.keyid ?? "");
  if (!signer || !verifyEnvelope(envelope, signer.signs)) {
    throw integrity(`a ${what} is not signed by a member`);
  }
  return operation;
}
