// From `[domain/]name[:version]` to the version it means.
import { CloisterError } from "../base/errors.ts";
import { parseReference, type Reference } from "../base/name.ts";
import type { Policy } from "../policy/schema.ts";
import { labelIdOf, nameIdOf } from "./class-keys.ts";
import { knownNames, readLabel } from "./names.ts";
import type { Session } from "./session.ts";
import { type Judged, readVersionAt, takenNumbers, type Version } from "./versions.ts";

/** The domain a reference without one means: the project's only domain. @throws CloisterError USAGE, NOT_FOUND */
export function domainOf(policy: Policy, given: string | undefined): string {
  const domains = policy.domains.map((domain) => domain.id);
  const [only] = domains;
  if (given === undefined) {
    if (only !== undefined && domains.length === 1) return only;
    throw new CloisterError("USAGE", "which domain?", {
      why: `the project has several: ${domains.join(", ")}`,
      next: `write the name as ${only ?? "domain"}/name`,
    });
  }
  if (domains.includes(given)) return given;
  throw new CloisterError("NOT_FOUND", `the policy has no domain ${given}`, { next: `domains: ${domains.join(", ")}` });
}

/**
 * The version a reference means. Damaged or unauthorised versions are never returned; where one is what was asked for,
 * the error says why it does not count.
 * @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED (no key)
 */
export async function resolve(session: Session, text: string): Promise<Version> {
  const reference = parseReference(text);
  const domain = domainOf((await session.policy()).compiled.policy, reference.domain);
  const nameKey = await session.keys.requireNameKey(domain);
  const nameId = nameIdOf(nameKey, reference.name);
  const read = (number: number) => readVersionAt(session, domain, nameId, number);
  const numbers = await takenNumbers(session, domain, nameId);
  if (numbers.length === 0) throw await unknownName(session, domain, reference.name);
  const { version } = reference;
  if (version.kind === "number") {
    const judged = await read(version.number);
    if (!judged) throw unknownVersion(text, numbers);
    return accepted(judged, text);
  }
  const operation =
    version.kind === "label"
      ? await readLabel(session, domain, nameId, labelIdOf(nameKey, reference.name, version.label))
      : undefined;
  if (version.kind === "label" && operation === undefined) throw unknownVersion(text, numbers);
  return newestThat(numbers, read, text, (found) => matches(found, reference, operation));
}

function matches(found: Version, { version }: Reference, operation: string | undefined): boolean {
  if (version.kind === "latest") return true;
  if (version.kind === "label") return found.record.operation === operation && found.header.label === version.label;
  return version.kind === "digest" && [found.header.dirHash, found.versionId].includes(version.sha256);
}

async function newestThat(
  numbers: readonly number[],
  read: (number: number) => Promise<Judged | undefined>,
  text: string,
  fits: (version: Version) => boolean,
): Promise<Version> {
  let obstacle: Judged | undefined;
  for (const number of [...numbers].reverse()) {
    const judged = await read(number);
    if (judged?.kind === "accepted" && fits(judged.version)) return judged.version;
    if (judged && judged.kind !== "accepted") obstacle ??= judged;
  }
  if (obstacle) return accepted(obstacle, text);
  throw unknownVersion(text, numbers);
}

function accepted(judged: Judged, text: string): Version {
  if (judged.kind === "accepted") return judged.version;
  if (judged.kind === "hidden") {
    throw new CloisterError("POLICY_DENIED", `read ${text}`, {
      why: `you hold no key of class ${judged.record.class} in domain ${judged.record.domain}`,
      next: `cloister policy explain artifact.pull --domain ${judged.record.domain} --class ${judged.record.class}`,
    });
  }
  throw new CloisterError("INTEGRITY", `${text} cannot be trusted`, {
    why: judged.ignored.why,
    next: "cloister audit verify; ask its pusher to push it again",
  });
}

function unknownVersion(text: string, numbers: readonly number[]): CloisterError {
  const newest = numbers.at(-1) ?? 0;
  return new CloisterError("NOT_FOUND", `there is no version ${text}`, {
    next: `cloister list ${parseReference(text).name}   (the newest is v${String(newest)})`,
  });
}

async function unknownName(session: Session, domain: string, name: string): Promise<CloisterError> {
  const names = await knownNames(session, domain);
  const near = names.map((known) => known.name).filter((known) => known.includes(name) || name.includes(known));
  const next = near.length > 0 ? `did you mean ${near.slice(0, 3).join(", ")}?` : "cloister list";
  return new CloisterError("NOT_FOUND", `there is no artifact ${domain}/${name}`, { next });
}
