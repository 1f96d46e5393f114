// Proposals read as the policies they would be: who proposes what, how far it is, and whether it came too late.
import { CloisterError } from "../../base/errors.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import type { ProposalSummary } from "../types.ts";
import { notesBy, readProposals, type StoredProposal, signaturesOf, signersOf, whyOf } from "./proposals.ts";
import { tallyOf } from "./tally.ts";

export interface OpenProposal {
  readonly proposal: StoredProposal;
  readonly before: Policy;
  readonly next: Policy;
  readonly summary: ProposalSummary;
}

interface Look {
  /** With those that came too late. */
  readonly stale: boolean;
  /** With the reasons that were given, for which the identity is unlocked. */
  readonly reasons: boolean;
}

/** Those that an owner signed, newest version last. What took force is none. */
export async function openProposals(session: Session, { stale, reasons }: Look): Promise<readonly OpenProposal[]> {
  const { ledger, store } = session;
  const next = ledger.inForce.version + 1;
  const stored = await readProposals(store, stale ? undefined : next);
  const read = await Promise.all(stored.map((proposal) => readOne(session, proposal, reasons)));
  const found = read.filter((open) => open !== undefined);
  const shown = stale ? found : found.filter(({ summary }) => !summary.stale);
  return shown.sort((a, b) => a.summary.version - b.summary.version);
}

async function readOne(
  session: Session,
  proposal: StoredProposal,
  reasons: boolean,
): Promise<OpenProposal | undefined> {
  const { ledger, config, host } = session;
  const { version, digest } = proposal;
  const earlier = ledger.policies.find((policy) => policy.version === version - 1);
  if (!earlier || ledger.policies.some((policy) => policy.digest === digest)) return undefined;
  const before = (await ledger.policy(earlier.version)).compiled.policy;
  // Whoever writes to the store can file texts of a megabyte: one that no member signed is not even parsed.
  const known = before.members.filter(({ suspended }) => suspended === undefined);
  if (signaturesOf(proposal.envelope, known).length === 0) return undefined;
  // With the first proposal, and not before: reading YAML is most of what `status` would take.
  const { readPolicy } = await import("../../policy/read.ts");
  const { policy } = readPolicy(proposal.envelope.payload, { now: host.now() });
  if (policy?.version !== version || policy.projectId !== config.project) return undefined;
  const signers = signersOf(before, policy);
  const envelope = { ...proposal.envelope, signatures: signaturesOf(proposal.envelope, signers) };
  const tally = tallyOf({ before, next: policy, digest }, envelope);
  if (tally.sides.every(({ signed }) => signed.length === 0)) return undefined;
  const why = reasons ? await reasonOf(session, notesBy(proposal, config.project, signers)) : undefined;
  const stale = version !== ledger.inForce.version + 1 || policy.previous !== ledger.inForce.digest;
  return { proposal: { ...proposal, envelope }, before, next: policy, summary: { ...tally, why, stale } };
}

/** For those who can sign. Who only looks, and has no identity to open it with, sees the rest. */
async function reasonOf(session: Session, notes: ReturnType<typeof notesBy>): Promise<string | undefined> {
  if (notes.every(({ why }) => why === undefined)) return undefined;
  try {
    return await whyOf(notes, await session.identity());
  } catch (error) {
    if (error instanceof CloisterError && error.code === "NOT_AUTHENTICATED") return undefined;
    throw error;
  }
}

/**
 * The one that is meant: by first digits of its digest, by its version, or as the only one.
 * @throws CloisterError NOT_FOUND, USAGE (several)
 */
export async function chooseProposal(session: Session, which: string | undefined): Promise<OpenProposal> {
  const all = await openProposals(session, { stale: which !== undefined, reasons: true });
  const fitting = which === undefined ? all : all.filter(({ summary }) => isMeant(which, summary));
  const current = fitting.filter(({ summary }) => !summary.stale);
  const [only, ...more] = current.length > 0 ? current : fitting;
  if (only && more.length === 0) return only;
  if (only) {
    throw new CloisterError("USAGE", `there are ${String(more.length + 1)} proposals: which one?`, {
      why: [only, ...more].map(({ summary }) => summary.digest.slice(0, 12)).join(", "),
      next: "cloister policy list, then name one by the first digits of its digest",
    });
  }
  throw new CloisterError(
    "NOT_FOUND",
    which === undefined ? "no policy waits for signatures" : `no proposal ${which}`,
    {
      why: `version ${String(session.ledger.inForce.version)} is in force`,
      next: which === undefined ? "cloister policy propose" : "cloister policy list --all",
    },
  );
}

function isMeant(which: string, { version, digest }: ProposalSummary): boolean {
  const bare = which.toLowerCase().replace(/^sha256:/, "");
  if (/^v?\d{1,8}$/.test(bare) && Number(bare.replace("v", "")) === version) return true;
  return bare.length >= DIGITS_MIN && digest.startsWith(bare);
}

const DIGITS_MIN = 4;
