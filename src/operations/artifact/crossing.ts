// A version with the files of another: exported to another domain, or declassified. Either is logged as an act of its own,
// which readers judge before they accept the version.
import type { LoggedEvent } from "../../audit/taken.ts";
import { ID, SHA256 } from "../../base/record.ts";
import type { ManifestInput } from "../../provenance/manifest.ts";
import type { Ledger, LoggedVersion } from "../ledger.ts";
import { ranIn } from "./label.ts";
import type { Source } from "./push-content.ts";

/** What a push needs to know of the version that it brings over. */
export interface Crossing {
  /** Its files. */
  source(): Promise<Source>;
  /** The least that the new version has: the class it comes from or, where it was declassified, the one it leads to. */
  readonly label: { readonly class: string; readonly from: string };
  /** Whether a recorded run made it. */
  readonly ran: boolean;
  readonly inputs: readonly ManifestInput[];
  /** For the clear part of the push's intent. */
  readonly facts: Readonly<Record<string, string>>;
  /** What makes a later command the same push. */
  readonly journal: readonly string[];
}

/** The logged act that a push rests on. */
export interface LoggedCrossing {
  readonly way: "export" | "declassify";
  /** Version id of what it was. */
  readonly versionId: string;
  /** The least that the new version must have. */
  readonly class: string;
  readonly domain: string;
  readonly ran: boolean;
  /** The intent of the export or the declassification. */
  readonly act: LoggedEvent;
}

/** How a push names the act that it rests on: facts with the version's id and with the act's operation. */
const WAYS = [
  { way: "export", action: "artifact.export", version: "exported", operation: "export" },
  { way: "declassify", action: "artifact.declassify", version: "declassified", operation: "declassification" },
] as const;
type Way = (typeof WAYS)[number];

/** The facts by which a push says what it brings over. */
export function crossingFacts(way: Way["way"], versionId: string, operation: string): Crossing["facts"] {
  const [found] = WAYS.filter((each) => each.way === way);
  return found ? { [found.version]: versionId, [found.operation]: operation } : {};
}

/** The push that is to be judged. */
type Pushed = { readonly domain: string; readonly class: string };

/**
 * What a push says that it brings over, held to the log: an intent to export that version to this domain, or to declassify it
 * to this class, by the same key, before the push, which no other push rests on. Whether its signer was entitled to it is for
 * the policy to say.
 * @returns undefined where the push says nothing of the kind; a text where the log does not bear it out
 */
export function crossingOf(ledger: Ledger, intent: LoggedEvent, pushed: Pushed): LoggedCrossing | string | undefined {
  const facts = intent.event.facts ?? {};
  const [way, other] = WAYS.filter((each) => facts[each.version] !== undefined || facts[each.operation] !== undefined);
  if (!way) return undefined;
  if (other) return "it says that it was exported and declassified";
  const [versionId, operation] = [facts[way.version], facts[way.operation]];
  if (typeof versionId !== "string" || !SHA256.test(versionId)) return "it does not name the version that it was";
  if (typeof operation !== "string" || !ID.test(operation)) return `it does not name its ${way.operation}`;
  const source = ledger.versionById(versionId);
  if (!source || source.done.entry > intent.entry) return "the log has no version that it could come from";
  const act = ledger.operation(intent.keyId, operation)?.intent;
  const fits = act?.event.action === way.action && act.event.versionId === versionId && act.entry < intent.entry;
  if (!act || !fits) return `the ${way.operation} that it names is not in the log`;
  if (isGivenUp(ledger, act, intent.entry)) return `the ${way.operation} that it names was given up`;
  const astray = whyAstray(way, act, source, pushed);
  if (astray !== undefined) return astray;
  if (restsOn(ledger, intent, way, operation)) return `another push rests on the same ${way.operation}`;
  const klass = way.way === "declassify" ? pushed.class : (source.done.event.class ?? "");
  const ran = wasRun(ledger, source.done);
  return { way: way.way, versionId, class: klass, domain: source.domain, ran, act };
}

/** Where the act leads elsewhere than the push. */
function whyAstray({ way }: Way, { event }: LoggedEvent, source: LoggedVersion, pushed: Pushed): string | undefined {
  if (way === "export") {
    if (event.facts?.["toDomain"] !== pushed.domain) return "the export that it names goes to another domain";
    return source.domain === pushed.domain ? "what it names is of this domain" : undefined;
  }
  if (event.facts?.["toClass"] !== pushed.class) return "the declassification that it names is to another class";
  return source.domain === pushed.domain ? undefined : "what it names is of another domain";
}

/** Whether an operation was logged as failed, with nothing done, before an entry. */
export function isGivenUp(ledger: Ledger, { keyId, event }: LoggedEvent, before: number): boolean {
  const failed = ledger.operation(keyId, event.operation)?.failed;
  return failed !== undefined && failed.entry < before;
}

/** Whether a push that rests on an act had begun before an entry, and was not given up: then something was done. */
export function isBroughtOver(ledger: Ledger, act: LoggedEvent, before: number): boolean {
  const way = WAYS.find(({ action }) => action === act.event.action);
  if (!way) return false;
  return ledger.index.of("artifact.push").some((push) => {
    const { entry, keyId, event } = push;
    const rests = event.phase === "intent" && event.facts?.[way.operation] === act.event.operation;
    return rests && keyId === act.keyId && entry < before && !isGivenUp(ledger, push, before);
  });
}

/** Whether an earlier push rests on the act: it serves once. */
function restsOn(ledger: Ledger, { entry, keyId, event }: LoggedEvent, way: Way, operation: string): boolean {
  return ledger.index
    .of("artifact.push")
    .some(
      (push) =>
        push.entry < entry &&
        push.keyId === keyId &&
        push.event.phase === "intent" &&
        push.event.facts?.[way.operation] === operation &&
        push.event.operation !== event.operation,
    );
}

/** Whether a recorded run made a logged version, as readers of it decide. What was brought over was made where it comes from. */
export function wasRun(ledger: Ledger, done: LoggedEvent): boolean {
  const { domain, class: klass } = done.event;
  const intent = ledger.operation(done.keyId, done.event.operation)?.intent;
  if (!intent || domain === undefined || klass === undefined) return false;
  const crossing = crossingOf(ledger, intent, { domain, class: klass });
  if (crossing !== undefined) return typeof crossing !== "string" && crossing.ran;
  const { workspace } = intent.event;
  return workspace !== undefined && ranIn(ledger, { workspace, keyId: intent.keyId }, intent.entry);
}
