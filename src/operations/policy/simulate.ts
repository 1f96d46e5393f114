// Decides again what the log says that people did or were refused, as if a draft had been in force.
import type { LoggedEvent } from "../../audit/taken.ts";
import { isAction } from "../../policy/actions.ts";
import { loadCedar } from "../../policy/cedar.ts";
import { type Replayed, replay } from "../../policy/check/replay.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { CompiledPolicy } from "../../policy/compiled.ts";
import type { Host } from "../host.ts";
import type { Session } from "../session.ts";
import type { PolicySimulated, PolicySimulateOptions, SimulatedEntry } from "../types.ts";
import { readDetails } from "./entry-details.ts";
import { type Details, recordedOf } from "./recorded.ts";
import { PolicySources } from "./source.ts";

/**
 * Who may read the log's details has them read for this, which is logged as any reading of them is.
 * @throws CloisterError NOT_FOUND, USAGE
 */
export async function simulatePolicy(
  host: Host,
  folder: string,
  options: PolicySimulateOptions,
): Promise<PolicySimulated> {
  const sources = new PolicySources(host, folder);
  const { title, policy } = await sources.read(options.policy);
  const session = await sources.session();
  const since = (await session.store.now()) - options.sinceMs;
  const events = session.ledger.events.filter(
    ({ timeMs, event }) => timeMs >= since && ["intent", "refused"].includes(event.phase) && isAction(event.action),
  );
  const details = await readDetails(session, events);
  const draft = compilePolicy(policy, "");
  const found = { refused: [], allowed: [], unclear: [] } as Record<
    "refused" | "allowed" | "unclear",
    SimulatedEntry[]
  >;
  for (const logged of events) {
    const replayed = await replayEntry(session, logged, details.get(logged), draft);
    if (replayed.verdict !== "same") found[replayed.verdict].push(entryOf(logged, replayed));
  }
  const closed = events.length - details.size;
  const about = `of ${String(closed)} of ${String(events.length)} entries`;
  const notKnown = closed === 0 ? [] : [`purpose, justification and what was declared, ${about}`];
  return { policy: title, since: new Date(since).toISOString(), replayed: events.length, ...found, notKnown };
}

async function replayEntry(
  session: Session,
  logged: LoggedEvent,
  details: Details | undefined,
  draft: CompiledPolicy,
): Promise<Replayed> {
  const { compiled } = await session.ledger.policy(logged.event.policy);
  const [before, after] = await Promise.all(
    [compiled, draft].map(async (each) => ({
      compiled: each,
      recorded: await recordedOf(session, logged, each.policy, details),
    })),
  );
  return before && after ? replay(await loadCedar(true), before, after) : { verdict: "same" };
}

function entryOf(
  { entry, timeMs, member, event }: LoggedEvent,
  replayed: Exclude<Replayed, { verdict: "same" }>,
): SimulatedEntry {
  const rules =
    replayed.verdict === "allowed"
      ? replayed.decision.by.map(({ rule, line, text }) => ({ rule, line, why: text }))
      : replayed.refusals.map(({ rule, line, why }) => ({ rule, line, why }));
  const { action, domain, class: klass } = event;
  return { entry, time: new Date(timeMs).toISOString(), member, action, domain, class: klass, rules };
}
