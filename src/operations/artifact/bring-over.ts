// A version becomes another one, with the same files: in another domain or in a lower class.
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { artifactUri } from "../../provenance/manifest.ts";
import { type Ask, begin, newOperationId, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Pushed, PushOptions } from "../types.ts";
import { manifestOf } from "./check-manifest.ts";
import { type Crossing, crossingFacts, type LoggedCrossing, wasRun } from "./crossing.ts";
import { push } from "./push.ts";
import { contentOf } from "./version-content.ts";
import { referenceTo, type Version } from "./versions.ts";

/** What is to become what, and by which act. */
export interface BringingOver {
  readonly way: LoggedCrossing["way"];
  readonly version: Version;
  /** The act that allows it. */
  readonly ask: Ask;
  /** The fact of the act's intent that says where it leads to. */
  readonly aim: "toDomain" | "toClass";
  /** The new version: name, class and what is declared of it. Its source is the version. */
  readonly draft: Omit<PushOptions, "source">;
  /** The least class that the new version has. */
  readonly least: string;
  readonly dryRun: boolean;
}

/**
 * Two decisions: the act that allows it, and the push. The intent of the act stands in the log before the push, and its
 * end after it. The same command goes on with what was interrupted, by the same act: consent of others is used up once.
 * @returns the new version, and the entry that ended the act, which a dry run has not
 * @throws CloisterError as {@link push} does
 */
export async function bringOver(
  session: Session,
  given: BringingOver,
): Promise<{ readonly made: Pushed; readonly done: LoggedEvent | undefined }> {
  const { ask, dryRun } = given;
  // The path is never looked at: the files come from the version.
  const draft: PushOptions = { ...given.draft, source: { path: "." }, dryRun };
  if (dryRun) {
    await wouldPermit(session, ask);
    return { made: await push(session, draft, await crossing(session, given, newOperationId())), done: undefined };
  }
  const interrupted = await unfinished(session, given);
  if (interrupted === undefined) await permit(session, ask);
  const operation = await begin(session, ask, interrupted);
  try {
    const made = await push(session, draft, await crossing(session, given, operation.id));
    const done = await operation.done(() => ({ facts: { ...ask.facts, made: made.versionId } }));
    return { made, done };
  } catch (error) {
    // What can be gone on with by the same command stays open.
    const goesOn = error instanceof CloisterError && ["INTERRUPTED", "UNAVAILABLE"].includes(error.code);
    if (!goesOn) await operation.failed(error);
    throw error;
  }
}

async function crossing(session: Session, { way, version, least }: BringingOver, operation: string): Promise<Crossing> {
  const { record, versionId, header } = version;
  const { ledger, config } = session;
  // It is named as what the new version was made from: what does not hold must not be passed on.
  await manifestOf(session, version);
  const done = ledger.versionById(versionId)?.done;
  const { domain, number } = record;
  const uri = artifactUri({ projectId: config.project, domain, name: header.name, number });
  const input = {
    ...{ name: header.name, uri, digest: header.dirHash, versionId, class: record.class, kind: header.kind },
    ...{ licence: header.licence, manifestDigest: header.manifest },
  };
  return {
    source: async () => ({ files: await contentOf(session, version), bytesTotal: header.bytes, sayers: [] }),
    label: { class: least, from: referenceTo(version) },
    ran: done !== undefined && wasRun(ledger, done),
    inputs: [input],
    facts: crossingFacts(way, versionId, operation),
    journal: [versionId, operation],
  };
}

/** Id of this device's act of the same that was interrupted. */
async function unfinished(session: Session, { version, ask, aim }: BringingOver): Promise<string | undefined> {
  const { ledger } = session;
  const keyId = keyIdOf((await session.device()).signs);
  const policy = ledger.inForce.version;
  const open = ledger.index.about(version.versionId).findLast(({ event, keyId: by }) => {
    if (by !== keyId || event.action !== ask.action || event.phase !== "intent") return false;
    const operation = ledger.operation(keyId, event.operation);
    return event.policy === policy && event.facts?.[aim] === ask.facts?.[aim] && !operation?.done && !operation?.failed;
  });
  return open?.event.operation;
}
