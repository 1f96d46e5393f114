// Proposals as people deal with them: which are open, what one changes, a signature given, a signature taken back.
import { CloisterError } from "../../base/errors.ts";
import { type Ask, deny, whyNot } from "../guard.ts";
import type { Session } from "../session.ts";
import type { PolicySigned, ProposalShown, ProposalSummary, ProposalWithdrawn, SignOptions } from "../types.ts";
import { changesBetween } from "./diff.ts";
import { chooseProposal, openProposals } from "./open-proposals.ts";
import { findProposal, removeOwn } from "./proposals.ts";
import { submit } from "./submit.ts";

/** Proposals that could follow what is in force; with `all` those that came too late, too. */
export async function listProposals(session: Session, all: boolean): Promise<readonly ProposalSummary[]> {
  await session.sync();
  return (await openProposals(session, { stale: all, reasons: true })).map(({ summary }) => summary);
}

/** @throws CloisterError NOT_FOUND, USAGE (several) */
export async function showProposal(session: Session, which: string | undefined): Promise<ProposalShown> {
  await session.sync();
  const { proposal, before, next, summary } = await chooseProposal(session, which);
  const text = Buffer.from(proposal.envelope.payload).toString("utf8");
  return { ...summary, text, changes: (await changesBetween(before, next)).changes };
}

/**
 * Adds this member's signature. The one that completes both sides publishes the version, if the policy lets its giver.
 * @throws CloisterError NOT_FOUND, USAGE (several, or overtaken), POLICY_DENIED (logged)
 */
export async function signProposal(session: Session, options: SignOptions): Promise<PolicySigned> {
  await session.sync();
  const { dryRun = false } = options;
  const { proposal, summary } = await chooseProposal(session, options.which);
  const { version, digest } = summary;
  if (summary.stale) throw overtaken(summary, session.ledger.inForce.version);
  // Who signs without a reason of their own agrees with the one that was given.
  const justification = options.justification ?? summary.why;
  const ask: Ask = {
    title: `change the policy to version ${String(version)}`,
    action: "policy.change",
    ...(justification === undefined ? {} : { justification }),
    sealed: { justification },
  };
  await requireAlways(session, ask, dryRun);
  const { again, logEntry, pending, lacking } = await submit(session, ask, proposal.envelope.payload, {
    ...{ dryRun, file: `proposal ${digest.slice(0, 12)}`, signsOnly: true },
    ifEdited: "bring your changes into what is in force: cloister policy show --text > theirs.yaml",
  });
  return { version, digest, again, logEntry, pending, lacking, dryRun };
}

/**
 * An owner signs by right of being one, so no role is asked for; what the policy says of every change of it holds for them, too.
 * @throws CloisterError POLICY_DENIED (logged, but for a dry run)
 */
async function requireAlways(session: Session, ask: Ask, dryRun: boolean): Promise<void> {
  const refusals = await whyNot(session, ask);
  const refusal = refusals.find(({ rule }) => rule !== "role" && !rule.startsWith("role:"));
  if (refusal) await deny(session, ask, refusal, dryRun);
}

function overtaken({ version, digest }: ProposalSummary, inForce: number): CloisterError {
  return new CloisterError("USAGE", `proposal ${digest.slice(0, 12)} for version ${String(version)} was overtaken`, {
    why: `it does not follow version ${String(inForce)}, which is in force, and would undo it`,
    next: `cloister policy show --text > cloister.policy.yaml, make the change there again, and: cloister policy propose`,
  });
}

/** Takes this member's signature back. @throws CloisterError NOT_FOUND, USAGE (not signed by them) */
export async function withdrawProposal(session: Session, which: string | undefined): Promise<ProposalWithdrawn> {
  await session.sync();
  const { proposal, summary } = await chooseProposal(session, which);
  const { version, digest } = summary;
  const me = await session.me();
  if (!summary.sides.some(({ signed }) => signed.includes(me.id))) {
    throw new CloisterError("USAGE", `there is no signature of yours on proposal ${digest.slice(0, 12)}`, {
      next: "cloister policy list",
    });
  }
  const whole = (await findProposal(session.store, version, digest)) ?? proposal;
  await removeOwn(session.store, whole, me);
  const signed = new Set(summary.sides.flatMap((side) => side.signed));
  signed.delete(me.id);
  return { version, digest, signed: [...signed] };
}
