// What became of a version, by the log: retired, restored, held, shredded. Entries of people who were not entitled are passed
// over and reported; whoever reads decides that again.
import type { LoggedEvent } from "../../audit/taken.ts";
import { covers } from "../../policy/entitlements.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Act } from "../governance/facts.ts";
import { judge, refusalText } from "../governance/judge.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";

/** What `artifact.retire` is asked for. */
export type Retiring = NonNullable<GovernanceFacts["retire"]>;

export interface Fate {
  /** The entry that retired it, if it was not restored since. */
  readonly retired: LoggedEvent | undefined;
  /** The entry that put it under legal hold, if that was not lifted since. */
  readonly held: LoggedEvent | undefined;
  /** Destroying its keys began, and perhaps ended; there is no way back from the beginning. */
  readonly shredded: { readonly begun: LoggedEvent; readonly done: LoggedEvent | undefined } | undefined;
  /** Entries that do not count, with the reason. */
  readonly ignored: readonly Ignored[];
}

const UNTOUCHED: Fate = { retired: undefined, held: undefined, shredded: undefined, ignored: [] };
const WHOLE_LOG = Number.POSITIVE_INFINITY;

/** @param before entries of the log before this one count */
export async function fateOf(session: Session, versionId: string, before = WHOLE_LOG): Promise<Fate> {
  let fate = UNTOUCHED;
  for (const logged of session.ledger.index.about(versionId)) {
    if (logged.entry >= before) break;
    const step = stepOf(session, logged);
    if (step) fate = await after(session, fate, step);
  }
  return fate;
}

/** What there is to say to whoever asks for a version whose keys were destroyed. */
export function shreddedText({ member, entry }: LoggedEvent): string {
  return `its keys were destroyed by ${member} (#${String(entry)})`;
}

/** For every act about a version. */
export async function fateFacts({ session, versionId, before }: Act): Promise<GovernanceFacts> {
  if (versionId === undefined) return {};
  const { retired, held } = await fateOf(session, versionId, before);
  return { retired: retired !== undefined, held: held !== undefined };
}

interface Step {
  readonly what: Retiring | "restore";
  readonly intent: LoggedEvent;
  readonly logged: LoggedEvent;
}

/** Takes effect with its end; destroying keys does with its beginning, for then some may be gone. */
function stepOf({ ledger }: Session, logged: LoggedEvent): Step | undefined {
  const { event, keyId } = logged;
  const { action, phase } = event;
  if (action !== "artifact.retire" && action !== "artifact.restore") return undefined;
  const intent = ledger.operation(keyId, event.operation)?.intent;
  if (!intent || intent.event.versionId !== event.versionId) return undefined;
  const what =
    action === "artifact.restore" ? "restore" : WORDS.find((word) => word === intent.event.facts?.["retire"]);
  if (what === undefined || phase !== (what === "shred" ? "intent" : "done")) return undefined;
  return { what, intent, logged };
}

const WORDS: readonly Retiring[] = ["retire", "shred", "hold", "release"];

async function after(session: Session, fate: Fate, { what, intent, logged }: Step): Promise<Fate> {
  const why = outOfPlace(fate, what) ?? (await whyNot(session, intent, logged));
  if (why !== undefined) {
    const ignored = { what: `${NOUNS[what]} by ${logged.member} (#${String(logged.entry)})`, why };
    return { ...fate, ignored: [...fate.ignored, ignored] };
  }
  switch (what) {
    case "retire":
      return { ...fate, retired: fate.retired ?? logged };
    case "restore":
      return { ...fate, retired: undefined };
    case "hold":
      return { ...fate, held: fate.held ?? logged };
    case "release":
      return { ...fate, held: undefined };
    case "shred":
      return {
        ...fate,
        shredded: { begun: logged, done: session.ledger.operation(logged.keyId, logged.event.operation)?.done },
      };
  }
}

const NOUNS: Readonly<Record<Step["what"], string>> = {
  retire: "a retirement",
  restore: "a restoration",
  hold: "a legal hold",
  release: "the end of a legal hold",
  shred: "a destruction of its keys",
};

function outOfPlace({ retired, held, shredded }: Fate, what: Step["what"]): string | undefined {
  if (shredded) return `its keys were destroyed before (#${String(shredded.begun.entry)})`;
  if (what !== "shred") return undefined;
  if (!retired) return "it was not retired";
  return held ? `it is under legal hold (#${String(held.entry)})` : undefined;
}

async function whyNot(session: Session, intent: LoggedEvent, effect: LoggedEvent): Promise<string | undefined> {
  const { event, member } = intent;
  const { domain = "", class: klass = "", action } = event;
  const { policy } = (await session.ledger.policy(event.policy)).compiled;
  // The cheaper question first: anybody can log any number of these.
  if (action === "artifact.retire" || action === "artifact.restore") {
    if (!covers(policy, member, action, { domain, class: klass })) return `no role of ${member} may ${action} there`;
  }
  const refusal = await judge(session, intent, effect === intent ? {} : { effect });
  return refusal && refusalText(intent, refusal);
}
