// Export: a version leaves its domain or its project, decided for the very destination that it goes to, and on record.
import { CloisterError } from "../../base/errors.ts";
import { checkFree, restoreFolder } from "../../content/restore.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { PROVENANCE_FILE } from "../artifact/provenance-file.ts";
import { domainOf, resolve } from "../artifact/resolve.ts";
import { contentOf } from "../artifact/version-content.ts";
import { referenceTo, summaryOf, type Version } from "../artifact/versions.ts";
import { type Ask, perform, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Exported, ExportOptions } from "../types.ts";
import { type Destination, destinationOf } from "./destination.ts";

/** What can be exported to. A share is made by its own command. */
type Outside = Exclude<Destination, { readonly kind: "share" }>;

/**
 * Writes a version to a folder, a bucket, or another domain of the project.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), APPROVAL_PENDING, INTEGRITY, UNAVAILABLE, INTERRUPTED
 */
export async function exportVersion(session: Session, options: ExportOptions): Promise<Exported> {
  await session.sync();
  const destination = checked(await destinationOf(session.host, options.to, options.endpoint), options);
  const { purpose, justification } = options;
  const version = await resolve(session, options.reference, { action: "artifact.export", purpose, justification });
  if (destination.kind === "domain") await checkOther(session, version, destination.domain);
  const ask = exportAsk(version, destination, options);
  if (destination.kind === "folder") await checkFree(destination.path);
  if (destination.kind === "domain") {
    const { exportToDomain } = await import("./to-domain.ts");
    return await exportToDomain(session, { version, ask, options, domain: destination.domain });
  }
  if (options.dryRun) await wouldPermit(session, ask);
  const done = options.dryRun ? undefined : await leave(session, { version, ask, options, destination });
  return exported(version, destination, done, options.dryRun === true);
}

interface Leaving {
  readonly version: Version;
  readonly ask: Ask;
  readonly options: ExportOptions;
  readonly destination: Extract<Destination, { kind: "folder" | "bucket" }>;
}

async function leave(session: Session, { version, ask, options, destination }: Leaving): Promise<number> {
  const { host } = session;
  const { done } = await perform(session, ask, async (_operation, released) => {
    const { bundle } = await manifestOf(session, version);
    const files = await contentOf(session, version);
    if (destination.kind === "folder") {
      const extra = [{ path: PROVENANCE_FILE, bytes: bundle }];
      await restoreFolder(destination.path, files, extra, { signal: host.signal });
    } else {
      const { bucketAccess, sendToBucket } = await import("./to-bucket.ts");
      await sendToBucket(bucketAccess(host, destination, options), files, bundle, released);
    }
    return { result: undefined, outcome: { facts: ask.facts ?? {} } };
  });
  return done.entry;
}

/** What the guard is asked. What the log says in clear of a destination is its kind, and which domain. */
function exportAsk(version: Version, destination: Outside, options: ExportOptions): Ask {
  const { record, versionId, header } = version;
  const reference = referenceTo(version);
  const { purpose, justification } = options;
  const { text } = destination;
  const toDomain = destination.kind === "domain" ? destination.domain : undefined;
  return {
    ...{ title: `export ${reference} to ${text}`, action: "artifact.export", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind, purpose, justification },
    governance: { destination: text },
    facts: { bytes: header.bytes, to: destination.kind, ...(toDomain === undefined ? {} : { toDomain }) },
    sealed: { artifact: reference, destination: text, purpose, justification },
  };
}

/** What is known of an export once it is done. */
export function exported(
  version: Version,
  { text, kind }: Pick<Outside, "text" | "kind">,
  exportEntry: number | undefined,
  dryRun: boolean,
  made?: Exported["made"],
): Exported {
  return { ...summaryOf(version), dryRun, destination: text, destinationKind: kind, exportEntry, made };
}

/** @throws CloisterError USAGE for a share, and for options of other destinations */
function checked(destination: Destination, options: ExportOptions): Outside {
  if (destination.kind === "share") {
    throw new CloisterError("USAGE", "an export goes to a folder, a bucket or a domain", {
      next: `cloister share create ${options.reference} --to ${destination.recipient} --ttl 72h`,
    });
  }
  const given = (keys: readonly (keyof ExportOptions)[]) => keys.find((key) => options[key] !== undefined);
  const odd =
    (destination.kind !== "domain" && given(["class", "name"])) ||
    (destination.kind !== "bucket" && given(["endpoint", "region", "profile"]));
  if (!odd) return destination;
  throw new CloisterError("USAGE", `--${odd} is of no use for ${destination.text}`, { next: "leave it out" });
}

async function checkOther(session: Session, version: Version, domain: string): Promise<void> {
  domainOf((await session.policy()).compiled.policy, domain);
  if (domain !== version.record.domain) return;
  throw new CloisterError("USAGE", `${referenceTo(version)} is in domain ${domain} already`);
}
