// Export to another domain: the same files as a new version there, whose provenance names where they come from.
import { CloisterError } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { artifactUri } from "../../provenance/manifest.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { type Crossing, wasRun } from "../artifact/crossing.ts";
import { push } from "../artifact/push.ts";
import { contentOf } from "../artifact/version-content.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { type Ask, begin, newOperationId, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Exported, ExportOptions, PushOptions } from "../types.ts";
import { exported } from "./export.ts";

interface ToDomain {
  readonly version: Version;
  readonly ask: Ask;
  readonly options: ExportOptions;
  readonly domain: string;
}

/**
 * Two decisions: the export from the one domain, and the push into the other. The intent of the export stands in the log
 * before the push, and its end after it.
 * @throws CloisterError as {@link push} does
 */
export async function exportToDomain(session: Session, given: ToDomain): Promise<Exported> {
  const { version, ask, options, domain } = given;
  const destination = { kind: "domain" as const, text: `domain:${domain}` };
  const draft = pushOptions(version, options, domain);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    const would = await push(session, { ...draft, dryRun: true }, await crossing(session, version, newOperationId()));
    return exported(version, destination, undefined, true, madeOf(would));
  }
  await permit(session, ask);
  const operation = await begin(session, ask, await unfinished(session, version.versionId, domain));
  try {
    const made = await push(session, draft, await crossing(session, version, operation.id));
    const done = await operation.done(() => ({ facts: { ...ask.facts, made: made.versionId } }));
    return exported(version, destination, done.entry, false, madeOf(made));
  } catch (error) {
    // What can be gone on with by the same command stays open.
    const goesOn = error instanceof CloisterError && ["INTERRUPTED", "UNAVAILABLE"].includes(error.code);
    if (!goesOn) await operation.failed(error);
    throw error;
  }
}

function madeOf(pushed: { readonly reference: string; readonly class: string; readonly versionId: string }) {
  const { reference, class: klass, versionId } = pushed;
  return { reference, class: klass, versionId };
}

/** Header and manifest there say the same purpose and reason as the export: readers judge both by them. */
function pushOptions({ record, header }: Version, options: ExportOptions, domain: string): PushOptions {
  const name = options.name ?? `${header.name}${header.label === undefined ? "" : `:${header.label}`}`;
  const { purpose, justification } = options;
  const { kind, owner, licence } = header;
  const klass = options.class ?? record.class;
  // The path is never looked at: the files come from the version.
  return {
    source: { path: "." },
    name: `${domain}/${name}`,
    class: klass,
    kind,
    owner,
    licence,
    purpose,
    justification,
  };
}

async function crossing(session: Session, version: Version, operation: string): Promise<Crossing> {
  const { record, versionId, header } = version;
  const { ledger, config } = session;
  // It is named as what the new version was made from: what does not hold must not be passed on.
  await manifestOf(session, version);
  const done = ledger.versionById(versionId)?.done;
  const uri = artifactUri({
    projectId: config.project,
    domain: record.domain,
    name: header.name,
    number: record.number,
  });
  const input = {
    ...{ name: header.name, uri, digest: header.dirHash, versionId, class: record.class, kind: header.kind },
    ...{ licence: header.licence, manifestDigest: header.manifest },
  };
  return {
    source: async () => ({ files: await contentOf(session, version), bytesTotal: header.bytes, sayers: [] }),
    label: { class: record.class, from: referenceTo(version) },
    ran: done !== undefined && wasRun(ledger, done),
    inputs: [input],
    facts: { exported: versionId, export: operation },
    journal: [versionId, operation],
  };
}

/** Id of this device's export of the same that was interrupted. */
async function unfinished(session: Session, versionId: string, domain: string): Promise<string> {
  const { ledger } = session;
  const keyId = keyIdOf((await session.device()).signs);
  const policy = ledger.inForce.version;
  const open = ledger.index.about(versionId).findLast(({ event, keyId: by }) => {
    if (by !== keyId || event.action !== "artifact.export" || event.phase !== "intent") return false;
    const operation = ledger.operation(keyId, event.operation);
    return event.policy === policy && event.facts?.["toDomain"] === domain && !operation?.done && !operation?.failed;
  });
  return open?.event.operation ?? newOperationId();
}
