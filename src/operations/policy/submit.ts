// A policy text on its way into force: signed by this member, published where that is enough, kept as a proposal where not.
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { type Envelope, encodeEnvelope, SIGNATURES_MAX } from "../../keys/dsse.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import { epochKey } from "../class-keys.ts";
import { POLICY_FILE } from "../config.ts";
import { type Ask, mayI, permit, wouldPermit } from "../guard.ts";
import { writeLocal } from "../local-file.ts";
import { parsePolicy, signPolicy } from "../policy-shelf.ts";
import { ownersOf, type Session } from "../session.ts";
import type { LackingKeys, PendingPolicy } from "../types.ts";
import { isProposedHere, localState } from "./local-policy.ts";
import { addNote, addSignature, findProposal, notesBy, signaturesOf, signersOf } from "./proposals.ts";
import { readForSigning } from "./publish.ts";
import { type InForceNow, keysAnew, missingKeys, takeForce } from "./take-force.ts";
import { tallyOf } from "./tally.ts";

export interface Submitted {
  readonly next: Policy;
  readonly digest: string;
  /** Undefined while it is pending, and of a dry run. */
  readonly logEntry: number | undefined;
  readonly pending: PendingPolicy | undefined;
  /** Keys that it made, as `domain/class/epoch`; where it did not take force, those it would make. */
  readonly made: readonly string[];
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly lacking: readonly LackingKeys[];
  /** Whether this member had signed it before. */
  readonly again: boolean;
}

export interface Submission {
  readonly dryRun: boolean | undefined;
  /** Names the text in errors. */
  readonly file: string;
  /** What to do where the local file differs from what was in force; absent where that file is what is published. */
  readonly ifEdited?: string;
  /** `domain/class` of keys to make anew, though nothing in the text says so. */
  readonly rekey?: readonly string[];
  /** A signature is given by right of being an owner, not of a role; publishing is not. */
  readonly signsOnly?: boolean;
}

/** A text, and how far it is without this member. */
interface Draft {
  readonly before: Policy;
  readonly next: Policy;
  readonly digest: string;
  readonly text: Uint8Array;
  readonly signers: readonly Member[];
  /** With the signatures that were given so far and count for somebody; undefined where nobody gave one. */
  readonly others: Envelope | undefined;
  readonly rekey: readonly string[];
}

/**
 * Signs a text as the next version. With what others signed it takes force, or waits for them as a proposal.
 * @throws CloisterError USAGE, POLICY_DENIED (logged)
 */
export async function submit(session: Session, ask: Ask, text: Uint8Array, options: Submission): Promise<Submitted> {
  const { dryRun, signsOnly } = options;
  const next = await readForSigning(text, options.file, session.host.now());
  if (!signsOnly) await (dryRun ? wouldPermit : permit)(session, ask);
  const me = await session.me();
  const draft = await draftOf(session, next, text, options.rekey ?? [], me);
  const pending = tallyOf(draft, draft.others, [me.id]);
  const signed = draft.others && tallyOf(draft, draft.others).sides.flatMap((side) => side.signed);
  const again = signed?.includes(me.id) === true;
  const besides = keysAnew(session, next, draft.rekey);
  const made = missingKeys(session, next, besides).map(({ place, epoch }) => epochKey(place, epoch));
  const open = { next, digest: draft.digest, logEntry: undefined, made, given: new Map(), lacking: [], again };
  if (dryRun) return { ...open, pending: pending.complete ? undefined : pending };
  const envelope = again && draft.others ? draft.others : await withMine(session, draft);
  const publishes = draft.before.owners.members.includes(me.id) && (!signsOnly || (await mayI(session, ask)));
  if (pending.complete && publishes) {
    return { ...open, ...(await publish(session, ask, { next, envelope, besides }, options)), pending: undefined };
  }
  if (!again) await propose(session, draft, envelope, ask.justification);
  return { ...open, pending };
}

async function draftOf(
  session: Session,
  next: Policy,
  text: Uint8Array,
  rekey: readonly string[],
  me: Member,
): Promise<Draft> {
  const { policy: before } = (await session.policy()).compiled;
  if (next.projectId !== session.config.project) {
    throw new CloisterError("USAGE", "the policy file names another project id", {
      next: `id: ${session.config.project}`,
    });
  }
  const signers = signersOf(before, next);
  if (!signers.some(({ id }) => id === me.id)) {
    throw new CloisterError("POLICY_DENIED", `sign policy version ${String(next.version)}`, {
      why: "a new version is signed by owners of the version before and by owners of its own",
      next: `ask an owner: ${ownersOf(before)}`,
    });
  }
  const digest = sha256Hex(text);
  const draft = { before, next, digest, text, signers, others: undefined, rekey };
  // Where one's own signature is enough, nobody has to look for others.
  if (tallyOf(draft, undefined, [me.id]).complete) return draft;
  const proposal = await findProposal(session.store, next.version, digest);
  if (!proposal) return draft;
  const signatures = signaturesOf(proposal.envelope, signers);
  const others = signatures.length > 0 ? { ...proposal.envelope, signatures } : undefined;
  const noted = notesBy(proposal, session.config.project, signers).flatMap((note) => note.rekey);
  return { ...draft, others, rekey: [...new Set([...rekey, ...noted])] };
}

/** The text with one's own signature and those of the others. */
async function withMine(session: Session, { text, others }: Draft): Promise<Envelope> {
  const mine = parsePolicy(await signPolicy(text, await session.identity()), POLICY_FILE);
  return { ...mine, signatures: [...mine.signatures, ...(others?.signatures ?? [])].slice(0, SIGNATURES_MAX) };
}

async function propose(session: Session, draft: Draft, envelope: Envelope, why: string | undefined): Promise<void> {
  const { store, config } = session;
  const { next, digest, rekey, signers, others } = draft;
  const [mine] = envelope.signatures;
  if (!mine) return;
  // First what it is about: whoever finds the signature finds the reason.
  if (why !== undefined || (others === undefined && rekey.length > 0)) {
    const note = { project: config.project, version: next.version, digest, why, rekey };
    await addNote(store, await session.identity(), note, signers);
  }
  await addSignature(store, next.version, digest, encodeEnvelope({ ...envelope, signatures: [mine] }));
}

async function publish(
  session: Session,
  ask: Ask,
  signed: Parameters<typeof takeForce>[2],
  { ifEdited }: Submission,
): Promise<InForceNow> {
  const { next, envelope } = signed;
  const isFollowed = (await localState(session)) !== "differs";
  const step = { version: next.version, digest: sha256Hex(envelope.payload) };
  const isWritten = ifEdited === undefined || isFollowed || (await isProposedHere(session, step));
  const inForce = await takeForce(session, ask, signed);
  if (isWritten) {
    await writeLocal(join(session.config.folder, POLICY_FILE), envelope.payload, 0o644);
  } else {
    session.host.notice(`${POLICY_FILE} differs from what was in force and was left alone; ${ifEdited}`);
  }
  return inForce;
}
