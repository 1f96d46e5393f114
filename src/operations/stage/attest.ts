// Attest: a member states something about a version, with the document that it rests on.
import { basename, resolve as resolvePath } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, unlessDamaged } from "../../base/errors.ts";
import type { Policy } from "../../policy/schema.ts";
import { whyUndeclared } from "../../policy/stating.ts";
import type { Evidence } from "../../provenance/evidence.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { resolve } from "../artifact/resolve.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { judge, refusalText } from "../governance/judge.ts";
import { type Ask, begin, newOperationId, permit, wouldPermit } from "../guard.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { Attested, AttestOptions } from "../types.ts";
import {
  DOCUMENT_BYTES_MAX,
  encodeEvidence,
  STATEMENT_BYTES_MAX,
  sealStatement,
  statementName,
} from "./statement-object.ts";

/**
 * Signs a statement about a version and stores it, sealed for those who may see what the version is.
 * @throws CloisterError USAGE (the policy declares no such kind), NOT_FOUND, FAILURE (the file is too large),
 * POLICY_DENIED (logged), UNAVAILABLE
 */
export async function attest(session: Session, options: AttestOptions): Promise<Attested> {
  await session.sync();
  const { kind, result, justification } = options;
  checkKind((await session.policy()).compiled.policy, kind);
  const version = await resolve(session, options.reference, { action: "artifact.attest", justification });
  const { record, versionId, header } = version;
  const me = await session.me();
  const document = await documentIn(session, options.file);
  const reference = referenceTo(version);
  const ask: Ask = {
    ...{ title: `state ${kind} of ${reference}`, action: "artifact.attest", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind, justification },
    governance: { stating: kind },
    facts: { kind, result },
    sealed: { artifact: reference, justification, document: document.name },
  };
  await (options.dryRun ? wouldPermit : permit)(session, ask);
  const { bytes, ...described } = document;
  const attested = { reference, versionId, kind, result, by: me.id, document: { ...described, bytes: bytes.length } };
  if (options.dryRun) return { ...attested, digest: undefined, logEntry: undefined, dryRun: true };
  const operationId = newOperationId();
  const statedAt = new Date(await session.store.now()).toISOString();
  const evidence = await evidenceAbout(session, version, { ...attested, operationId, statedAt });
  const { digest, logEntry } = await publish(session, version, { ask, evidence, document: bytes });
  return { ...attested, digest, logEntry, dryRun: false };
}

/** @throws CloisterError USAGE */
function checkKind(policy: Policy, kind: string): void {
  const refusal = whyUndeclared(policy, kind);
  if (refusal) throw new CloisterError("USAGE", refusal.why, { next: refusal.next });
}

async function documentIn(session: Session, file: string) {
  const path = resolvePath(session.host.cwd, file);
  const bytes = await readLocal(path, DOCUMENT_BYTES_MAX);
  if (!bytes) throw new CloisterError("NOT_FOUND", `there is no file ${file}`);
  if (bytes.length > 0) return { name: basename(path), bytes, sha256: sha256Hex(bytes) };
  throw new CloisterError("USAGE", `${file} is empty`, {
    why: "a statement rests on a document",
    next: "name the report",
  });
}

async function evidenceAbout(
  session: Session,
  version: Version,
  said: Pick<Evidence, "kind" | "result" | "by" | "document" | "operationId" | "statedAt">,
): Promise<Evidence> {
  const { manifest } = await manifestOf(session, version);
  const { record, versionId, header } = version;
  const { kind, result, by, document, operationId, statedAt } = said;
  return {
    ...{ projectId: record.project, domain: record.domain, name: header.name, number: record.number, versionId },
    ...{ dirHash: manifest.dirHash, omsRoot: manifest.omsRoot },
    ...{ kind, result, by, document, operationId, statedAt },
  };
}

/** The intent names the statement by its digest, then it is stored, then it counts. */
async function publish(
  session: Session,
  version: Version,
  what: { readonly ask: Ask; readonly evidence: Evidence; readonly document: Uint8Array },
): Promise<{ digest: string; logEntry: number }> {
  const encoded = encodeEvidence(what.evidence);
  const { digest } = encoded;
  const sealed = await sealStatement(version, encoded, what.document, await session.identity());
  const ask = { ...what.ask, facts: { ...what.ask.facts, digest } };
  const operation = await begin(session, ask, what.evidence.operationId);
  try {
    await store(session, statementName(version, digest), sealed);
  } catch (error) {
    await operation.failed(error);
    throw error;
  }
  const done = await operation.done();
  const refusal = await judge(session, operation.intent, { kind: version.header.kind, effect: done });
  if (!refusal) return { digest, logEntry: done.entry };
  throw new CloisterError("FAILURE", "the statement is logged, and does not count", {
    why: refusalText(operation.intent, refusal),
    next: "the policy changed meanwhile: cloister policy show",
  });
}

/** The name is in the log before the object is there: whoever can write to the store could take it. */
async function store(session: Session, name: string, sealed: Uint8Array): Promise<void> {
  const create = () => session.store.create(name, [sealed]);
  // After a lost answer it may be there already.
  const made = await create().catch((error: unknown) => {
    if (error instanceof CloisterError && error.code === "UNAVAILABLE") return create();
    throw error;
  });
  if (made === "created") return;
  // An object of another size than any statement is as good as none.
  const there = await session.store.get(name, STATEMENT_BYTES_MAX).catch(unlessDamaged);
  if (there && Buffer.from(sealed).equals(there)) return;
  throw new CloisterError("UNAVAILABLE", "the statement could not be stored", {
    why: "something else was put in its place meanwhile",
    next: "run the same command again: it becomes another statement",
  });
}
