// Declassify: the same files as a new version of a lower class. What the old one was, it stays.
import { CloisterError } from "../../base/errors.ts";
import type { Policy } from "../../policy/schema.ts";
import { bringOver } from "../artifact/bring-over.ts";
import { resolve } from "../artifact/resolve.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import type { Ask } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Declassified, DeclassifyOptions } from "../types.ts";

/**
 * Writes a new version of the artifact under the keys of the lower class; its provenance names the old one.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), APPROVAL_PENDING, INTEGRITY, UNAVAILABLE, INTERRUPTED
 */
export async function declassify(session: Session, options: DeclassifyOptions): Promise<Declassified> {
  await session.sync();
  const { purpose, justification, dryRun = false } = options;
  const version = await resolve(session, options.reference, { action: "artifact.declassify", purpose, justification });
  checkLower((await session.policy()).compiled.policy, version, options.to);
  const { record, versionId, header } = version;
  const { made, done } = await bringOver(session, {
    ...{ way: "declassify", aim: "toClass", version, dryRun, least: options.to },
    ask: askOf(version, options),
    draft: {
      ...{ name: `${record.domain}/${header.name}`, class: options.to, kind: header.kind },
      ...{ owner: header.owner, licence: header.licence, purpose, justification },
    },
  });
  const from = { reference: referenceTo(version), class: record.class, versionId };
  return { ...made, from, declassifyEntry: done?.entry };
}

/** @throws CloisterError USAGE */
function checkLower({ classifications }: Policy, version: Version, to: string): void {
  const lower = classifications.slice(0, classifications.indexOf(version.record.class));
  if (lower.includes(to)) return;
  const known = classifications.includes(to);
  throw new CloisterError(
    "USAGE",
    known ? `${to} is not below ${version.record.class}` : `the policy has no class ${to}`,
    {
      why: known ? "a higher class needs no consent: push it again with --class" : undefined,
      next: lower.length === 0 ? "nothing is below it" : `--to, one of: ${lower.join(", ")}`,
    },
  );
}

function askOf(version: Version, { to, purpose, justification }: DeclassifyOptions): Ask {
  const { record, versionId, header } = version;
  const reference = referenceTo(version);
  return {
    ...{ title: `declassify ${reference} to ${to}`, action: "artifact.declassify", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind, purpose, justification },
    governance: { toClass: to },
    facts: { toClass: to },
    sealed: { artifact: reference, purpose, justification },
  };
}
