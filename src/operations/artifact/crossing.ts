// A version that comes from another domain: by an export that is logged, and that readers judge before they accept it.
import type { LoggedEvent } from "../../audit/taken.ts";
import { ID, SHA256 } from "../../base/record.ts";
import type { ManifestInput } from "../../provenance/manifest.ts";
import type { Ledger } from "../ledger.ts";
import { ranIn } from "./label.ts";
import type { Source } from "./push-content.ts";

/** What a push needs to know of the version that it brings over. */
export interface Crossing {
  /** Its files. */
  source(): Promise<Source>;
  readonly label: { readonly class: string; readonly from: string };
  /** Whether a recorded run made it. */
  readonly ran: boolean;
  readonly inputs: readonly ManifestInput[];
  /** For the clear part of the push's intent. */
  readonly facts: { readonly exported: string; readonly export: string };
  /** What makes a later command the same push. */
  readonly journal: readonly string[];
}

/** The logged export that a push rests on. */
export interface LoggedCrossing {
  /** Version id of what was exported. */
  readonly versionId: string;
  readonly class: string;
  readonly domain: string;
  readonly ran: boolean;
  /** The intent of the export. */
  readonly export: LoggedEvent;
}

/**
 * What a push says that it brings over, held to the log: an intent to export that version to this domain, by the same key,
 * before the push, which no other push rests on. Whether its signer was entitled to it is for the policy to say.
 * @returns undefined where the push says nothing of the kind; a text where the log does not bear it out
 */
export function crossingOf(ledger: Ledger, intent: LoggedEvent, domain: string): LoggedCrossing | string | undefined {
  const { exported, export: operation } = intent.event.facts ?? {};
  if (exported === undefined && operation === undefined) return undefined;
  if (typeof exported !== "string" || !SHA256.test(exported)) return "it does not name what was exported";
  if (typeof operation !== "string" || !ID.test(operation)) return "it does not name its export";
  const source = ledger.versionById(exported);
  if (!source || source.done.entry > intent.entry) return "the log has no version that it could come from";
  const begun = ledger.operation(intent.keyId, operation)?.intent;
  const { action, versionId, facts } = begun?.event ?? {};
  if (!begun || action !== "artifact.export" || versionId !== exported || begun.entry > intent.entry) {
    return "the export that it names is not in the log";
  }
  if (facts?.["toDomain"] !== domain) return "the export that it names goes to another domain";
  if (source.domain === domain) return "what it names is of this domain";
  const other = ledger.index
    .of("artifact.push")
    .some(
      ({ entry, keyId, event }) =>
        entry < intent.entry &&
        keyId === intent.keyId &&
        event.phase === "intent" &&
        event.facts?.["export"] === operation &&
        event.operation !== intent.event.operation,
    );
  if (other) return "another push rests on the same export";
  const klass = source.done.event.class ?? "";
  return { versionId: exported, class: klass, domain: source.domain, ran: wasRun(ledger, source.done), export: begun };
}

/** Whether a recorded run made a logged version, as readers of it decide. */
export function wasRun(ledger: Ledger, done: LoggedEvent): boolean {
  const intent = ledger.operation(done.keyId, done.event.operation)?.intent;
  const workspace = intent?.event.workspace;
  return (
    intent !== undefined && workspace !== undefined && ranIn(ledger, { workspace, keyId: intent.keyId }, intent.entry)
  );
}
