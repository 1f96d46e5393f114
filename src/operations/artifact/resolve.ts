// From `[domain/]name[:version]` to the version it means.
import { CloisterError } from "../../base/errors.ts";
import { parseReference, type Reference } from "../../base/name.ts";
import type { Action } from "../../policy/actions.ts";
import type { Policy } from "../../policy/schema.ts";
import { labelIdOf, nameIdOf } from "../class-keys.ts";
import { permit } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import { fateOf, shreddedText } from "../retention/fate.ts";
import type { Session } from "../session.ts";
import { namedBy } from "../stage/named.ts";
import { type Judged, readVersionAt, referenceTo, type Version } from "./versions.ts";

/** What a version is wanted for, in case it has to be refused. */
export interface Use {
  readonly action: Extract<Action, `artifact.${string}` | "share.create" | "workspace.mount">;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
}

/**
 * The domain a reference without one means: the project's only domain.
 * @param how to give one, where a domain is named first
 * @throws CloisterError USAGE, NOT_FOUND
 */
export function domainOf(
  policy: Policy,
  given: string | undefined,
  how = (domain: string) => `write the name as ${domain}/name`,
): string {
  const domains = policy.domains.map((domain) => domain.id);
  const [only] = domains;
  if (given === undefined) {
    if (only !== undefined && domains.length === 1) return only;
    throw new CloisterError("USAGE", "which domain?", {
      why: `the project has several: ${domains.join(", ")}`,
      next: how(only ?? "domain"),
    });
  }
  if (domains.includes(given)) return given;
  throw new CloisterError("NOT_FOUND", `the policy has no domain ${given}`, { next: `domains: ${domains.join(", ")}` });
}

/**
 * The version a reference means, by the log. Versions that do not count are never returned; where one is what was asked
 * for, the error says why. Damage to a newer version is an error, too: `latest` must not quietly mean an older one.
 * @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED (no key)
 */
export async function resolve(session: Session, text: string, use: Use): Promise<Version> {
  const judged = await find(session, text);
  return judged.kind === "hidden" ? withoutKey(session, judged, text, use) : accepted(judged, text);
}

/**
 * What stands where a reference leads, for whoever may look at it or not. Nothing is decided or logged.
 * @throws CloisterError NOT_FOUND
 */
export async function find(session: Session, text: string): Promise<Judged> {
  const reference = parseReference(text);
  await session.me();
  const domain = domainOf((await session.policy()).compiled.policy, reference.domain);
  const nameKey = await session.keys.requireNameKey(domain);
  const nameId = nameIdOf(nameKey, reference.name);
  const versions = session.ledger.versionsOf(domain, nameId);
  if (versions.length === 0) throw await unknownName(session, domain, reference.name);
  const { version } = reference;
  if (version.kind === "number" || version.kind === "label") {
    const found =
      version.kind === "number"
        ? versions.find(({ number }) => number === version.number)
        : await namedBy(session, { domain, nameId, name: reference.name, nameKey }, version.label);
    if (!found) throw unknownVersion(text, versions);
    return readVersionAt(session, found, nameKey);
  }
  let obstacle: Judged | undefined;
  for (const logged of [...versions].reverse()) {
    const judged = await readVersionAt(session, logged, nameKey);
    // Asked for by its digest, it is meant; the latest is one that people use.
    if (version.kind === "latest" && (await fateOf(session, logged.versionId)).retired) continue;
    if (judged.kind === "accepted" && fits(judged.version, version)) return judged;
    if (judged.kind === "ignored" && judged.damaged && version.kind === "latest") return judged;
    // That AWS knows nobody just now is no reason to take an older version for the latest.
    if (judged.kind === "hidden" && judged.refused && judged.refused.code !== "POLICY_DENIED") return judged;
    if (judged.kind !== "accepted") obstacle ??= judged;
  }
  if (obstacle) return obstacle;
  throw unknownVersion(text, versions);
}

/**
 * The one version of the log that a number, a label or a version id means, whatever became of it.
 * @throws CloisterError NOT_FOUND, USAGE for a reference that moves
 */
export async function locate(session: Session, text: string): Promise<LoggedVersion> {
  const { domain: given, name, version } = parseReference(text);
  const domain = domainOf((await session.policy()).compiled.policy, given);
  const nameKey = await session.keys.requireNameKey(domain);
  const versions = session.ledger.versionsOf(domain, nameIdOf(nameKey, name));
  if (versions.length === 0) throw await unknownName(session, domain, name);
  const found = versions.find(({ number, labelId, versionId }) => {
    if (version.kind === "number") return number === version.number;
    if (version.kind === "label") return labelId === labelIdOf(nameKey, name, version.label);
    return version.kind === "digest" && versionId === version.sha256;
  });
  if (found) return found;
  if (version.kind !== "latest") throw unknownVersion(text, versions);
  throw new CloisterError("USAGE", `which version of ${text}?`, {
    why: "for what cannot be undone, it is named",
    next: `cloister list ${name} --all`,
  });
}

function fits({ header, versionId }: Version, wanted: Reference["version"]): boolean {
  return wanted.kind === "latest" || (wanted.kind === "digest" && [header.dirHash, versionId].includes(wanted.sha256));
}

/** @throws CloisterError NOT_FOUND where its keys were destroyed, INTEGRITY where it does not count */
export function accepted(judged: Exclude<Judged, { kind: "hidden" }>, text: string): Version {
  if (judged.kind === "accepted") return judged.version;
  if (judged.kind === "shredded") {
    throw new CloisterError("NOT_FOUND", `${text} is no more`, {
      why: shreddedText(judged.begun),
      next: `cloister list ${parseReference(text).name} --all`,
    });
  }
  throw new CloisterError("INTEGRITY", `${text} cannot be trusted`, {
    why: `${judged.ignored.what}: ${judged.ignored.why}`,
    next: `ask for it to be pushed again, or name an older version: cloister list ${parseReference(text).name}`,
  });
}

/** Looking at a version is decided like everything else; only its refusal is logged. @throws CloisterError POLICY_DENIED */
export async function permitReading(session: Session, version: Version): Promise<void> {
  const { record, header, versionId } = version;
  const reference = referenceTo(version);
  await permit(session, {
    ...{ title: `look at ${reference}`, action: "artifact.read-metadata", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind },
    sealed: { artifact: reference },
  });
}

/** No key, no header: the policy says why, on record, before mathematics would. */
async function withoutKey(
  session: Session,
  { record, refused }: Extract<Judged, { kind: "hidden" }>,
  text: string,
  use: Use,
): Promise<never> {
  const { domain, class: klass } = record;
  const title = `${use.action.split(".")[1] ?? "read"} ${text}`;
  await permit(session, { ...use, title, domain, class: klass, reference: text, sealed: { artifact: text, ...use } });
  if (refused) throw refused;
  throw new CloisterError("NOT_AUTHENTICATED", `you were not given the key of class ${klass} in domain ${domain}`, {
    why: "the policy entitles you to it, and nobody has wrapped it for this device yet",
    next: "ask somebody who reads it to run: cloister key hand-on",
  });
}

function unknownVersion(text: string, versions: readonly LoggedVersion[]): CloisterError {
  return new CloisterError("NOT_FOUND", `there is no version ${text}`, {
    why: parseReference(text).version.kind === "latest" ? "none of its versions is in use any more" : undefined,
    next: `cloister list ${parseReference(text).name}   (the newest is v${String(versions.at(-1)?.number ?? 0)})`,
  });
}

async function unknownName(session: Session, domain: string, name: string): Promise<CloisterError> {
  const near = (await namesIn(session, domain)).filter((known) => known.includes(name) || name.includes(known));
  const next = near.length > 0 ? `did you mean ${near.slice(0, 3).join(", ")}?` : "cloister list";
  return new CloisterError("NOT_FOUND", `there is no artifact ${domain}/${name}`, { next });
}

/** Names of a domain that this member can read. */
async function namesIn(session: Session, domain: string): Promise<readonly string[]> {
  const nameKey = await session.keys.requireNameKey(domain);
  const names: string[] = [];
  for (const nameId of session.ledger.artifactsIn(domain)) {
    const newest = session.ledger.versionsOf(domain, nameId).at(-1);
    const judged = newest && (await readVersionAt(session, newest, nameKey));
    if (judged?.kind === "accepted") names.push(judged.version.header.name);
  }
  return names;
}

/** Data of one domain only. @throws CloisterError USAGE */
export function checkDomain(domain: string, other: string | undefined): void {
  if (other === domain) return;
  throw new CloisterError("USAGE", `a workspace has data of one domain: ${domain} or ${other ?? ""}`, {
    why: "nothing crosses from one domain to another without an approved export",
    next: "create a workspace for each",
  });
}
