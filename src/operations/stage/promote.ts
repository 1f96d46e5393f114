// Promote: a version goes one stage on, through the gate that the policy has there.
import { CloisterError } from "../../base/errors.ts";
import { nearest } from "../../policy/near.ts";
import type { Policy } from "../../policy/schema.ts";
import { resolve } from "../artifact/resolve.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { judge, refusalText } from "../governance/judge.ts";
import { type Standing, standingOf } from "../governance/stage.ts";
import { type Ask, begin, type Operation, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Promoted, PromoteOptions } from "../types.ts";

/**
 * Moves a version to the next stage. Where it is there already, nothing is done or logged.
 * @throws CloisterError USAGE (no stages, or not the next one), NOT_FOUND, POLICY_DENIED (logged)
 */
export async function promote(session: Session, options: PromoteOptions): Promise<Promoted> {
  await session.sync();
  const { justification } = options;
  const version = await resolve(session, options.reference, { action: "artifact.promote", justification });
  const { policy } = (await session.policy()).compiled;
  const standing = await requireStanding(session, policy, version);
  const to = options.to ?? nextAfter(policy, standing.stage);
  const promoted = {
    reference: referenceTo(version),
    versionId: version.versionId,
    class: version.record.class,
    stage: to,
  };
  if (to !== undefined && to === standing.stage) return { ...promoted, stage: to, ...unchanged(standing) };
  const gate = checkStep(policy, { reference: promoted.reference, from: standing.stage, to });
  const ask = askOf(version, gate, justification);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    const { id } = await session.me();
    return { ...promoted, stage: gate.to, from: gate.from, by: id, logEntry: undefined, dryRun: true };
  }
  await permit(session, ask);
  return {
    ...promoted,
    stage: gate.to,
    from: gate.from,
    ...(await perform(session, policy, version, ask)),
    dryRun: false,
  };
}

async function requireStanding(session: Session, policy: Policy, version: Version): Promise<Standing> {
  const standing = await standingOf(session, version.versionId, { policy, kind: version.header.kind });
  if (standing) return standing;
  throw new CloisterError("USAGE", "the policy has no stages", {
    why: "stages are what its gates lead to, and it has none",
    next: "an owner adds gates: { dev -> candidate: … } to cloister.policy.yaml, then: cloister policy propose",
  });
}

function nextAfter(policy: Policy, stage: string): string | undefined {
  return policy.gates.find(({ from }) => from === stage)?.to;
}

function unchanged({ stage, since }: Standing): Pick<Promoted, "from" | "by" | "logEntry" | "dryRun"> {
  return { from: stage, by: since.member, logEntry: since.entry, dryRun: false };
}

/** The gate between two stages. @throws CloisterError USAGE where there is none, saying what there is */
function checkStep(
  policy: Policy,
  { reference, from, to }: { readonly reference: string; readonly from: string; readonly to: string | undefined },
): { readonly from: string; readonly to: string } {
  const gate = policy.gates.find((each) => each.from === from && each.to === to);
  if (gate) return gate;
  const [stages, next] = [policy.stages, nextAfter(policy, from)];
  if (to === undefined) {
    throw new CloisterError("USAGE", `${reference} is in ${from}, the last stage`, {
      why: `stages: ${stages.join(", ")}`,
    });
  }
  if (!stages.includes(to)) {
    const near = nearest(to, stages);
    throw new CloisterError("USAGE", `the policy has no stage ${JSON.stringify(to)}`, {
      next: near === undefined ? `--to, one of: ${stages.join(", ")}` : `--to ${near}`,
    });
  }
  if (stages.indexOf(to) < stages.indexOf(from)) {
    throw new CloisterError("USAGE", `${reference} is in ${from}, and stages lead one way`, {
      why: `no version goes back to ${to}: what should not be used any more is retired`,
      next: `cloister artifact retire ${reference}, or promote a better version`,
    });
  }
  throw new CloisterError("USAGE", `${reference} is in ${from}: ${to} is not the next stage`, {
    why: "a version goes through one gate at a time",
    next: `cloister artifact promote ${reference} --to ${next ?? from}`,
  });
}

function askOf(version: Version, { from, to }: { from: string; to: string }, justification: string | undefined): Ask {
  const { record, versionId, header } = version;
  const reference = referenceTo(version);
  return {
    ...{ title: `promote ${reference} to ${to}`, action: "artifact.promote", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind, justification },
    governance: { toStage: to },
    facts: { stage: from, toStage: to },
    sealed: { artifact: reference, justification },
  };
}

/** Who promoted it in the end: somebody else may have been first. */
async function perform(
  session: Session,
  policy: Policy,
  version: Version,
  ask: Ask,
): Promise<{ readonly by: string; readonly logEntry: number }> {
  const { kind } = version.header;
  const standing = () => standingOf(session, version.versionId, { policy, kind });
  const there = (now: Standing | undefined) =>
    now?.stage === ask.governance?.toStage && now ? { by: now.since.member, logEntry: now.since.entry } : undefined;
  let operation: Operation;
  try {
    operation = await begin(session, ask);
  } catch (error) {
    const first = there(await standing());
    if (first) return first;
    throw error;
  }
  const done = await operation.done();
  const after = await standing();
  const counts = there(after);
  if (counts) return counts;
  const refusal = await judge(session, operation.intent, { kind, effect: done });
  throw new CloisterError("FAILURE", "the promotion is logged, and does not count", {
    why: refusal ? refusalText(operation.intent, refusal) : `the version is in ${after?.stage ?? "no stage"} by now`,
    next: `cloister show ${referenceTo(version)}`,
  });
}
