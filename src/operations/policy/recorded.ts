// An entry of the log as the question that it answers.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Json } from "../../base/json.ts";
import { type Action, KINDS } from "../../policy/actions.ts";
import type { Recorded } from "../../policy/check/replay.ts";
import type { Policy } from "../../policy/schema.ts";
import { labelOf, ranIn } from "../artifact/label.ts";
import { factsFor } from "../governance/facts.ts";
import { saidIn } from "../governance/judge.ts";
import type { Session } from "../session.ts";

/** The sealed part of an entry. */
export type Details = Readonly<Record<string, string>>;

/** @param policy that it is to be put to: what has to be gathered from the log depends on it */
export async function recordedOf(
  session: Session,
  logged: LoggedEvent,
  policy: Policy,
  details: Details | undefined,
): Promise<Recorded> {
  const { event, entry, timeMs, member: id } = logged;
  const { domain, class: klass, versionId, facts = {} } = event;
  const action = event.action as Action;
  const { purpose, justification, owner, licence } = details ?? {};
  const kind = KINDS.find((each) => each === details?.["kind"]);
  const said = saidIn(event);
  const governance = await factsFor(session, policy, id, {
    ...{ action, domain, class: klass, kind, versionId, purpose, now: timeMs, before: entry, intent: logged },
    said: details?.["destination"] ? { ...said, destination: details["destination"] } : said,
  });
  const loginAt = number(facts["loginAtMs"]);
  const declared = { owner, licence, purpose, justification };
  const request = {
    ...{ action, member: id, now: timeMs, domain, class: klass, kind, purpose, justification, governance },
    ...{ ttlMs: number(facts["ttlMs"]), diskBytes: number(facts["diskBytes"]) },
    mfaAgeMs: loginAt === undefined ? undefined : Math.max(0, timeMs - loginAt),
    fields: details && Object.entries(declared).flatMap(([field, value]) => (value === undefined ? [] : [field])),
    // What it was written with was right then; that a draft moves on is no refusal of the past.
    epoch: policy.domains.find(({ id: name }) => name === domain)?.epoch,
    ownWorkspace: true,
    ...inputsOf(session, logged, policy),
  };
  return { allowed: event.phase === "intent", rules: event.rules, request, declared: details !== undefined };
}

/** What a push came from, as far as the log has it: the runs of its workspace and the most sensitive of its mounts. */
function inputsOf({ ledger }: Session, { event, entry, keyId }: LoggedEvent, policy: Policy) {
  const { workspace } = event;
  if (event.action !== "artifact.push" || workspace === undefined) return {};
  const owned = { workspace, keyId };
  const label = labelOf(ledger, owned, policy.classifications, entry);
  const provenance: "run" | "none" = ranIn(ledger, owned, entry) ? "run" : "none";
  return { provenance, label: label && { class: label.class, from: `version ${label.versionId.slice(0, 12)}` } };
}

function number(fact: Json | undefined): number | undefined {
  return typeof fact === "number" ? fact : undefined;
}
