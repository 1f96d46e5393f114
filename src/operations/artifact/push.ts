// Push: files become an encrypted, signed, logged version that nobody can change.
import { resolve as resolvePath } from "node:path";
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { labelIdOf, nameIdOf } from "../class-keys.ts";
import { type Ask, begin, type Operation, type Outcome, permit, wouldPermit } from "../guard.ts";
import { isReleased } from "../release/split.ts";
import type { Session } from "../session.ts";
import { tagOf } from "../stage/tag-words.ts";
import type { Pushed, PushOptions } from "../types.ts";
import { notePushed } from "../workspace/source.ts";
import { namedBases } from "./bases.ts";
import { carriedLabel } from "./carried-label.ts";
import { type Committed, committedBefore, commitVersion, type Numbered } from "./commit-version.ts";
import type { Crossing } from "./crossing.ts";
import { Journal } from "./journal.ts";
import { manifestOf } from "./manifest.ts";
import { type Content, checkSource, type Source, stateOf, write } from "./push-content.ts";
import { askOf, type PushPlan, planPush } from "./push-plan.ts";
import { dryRunOf, resultOf } from "./push-result.ts";
import type { SeenFile } from "./seen-table.ts";
import { referenceOf, type Version } from "./versions.ts";

/**
 * Pushes a file, a folder, standard input, a path in a workspace, or what crosses from another domain.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), FAILURE (a file that cannot stand in an artifact or
 * changed), UNAVAILABLE, INTERRUPTED; whatever it throws, no version exists that was not pushed whole
 */
export async function push(session: Session, options: PushOptions, crossing?: Crossing): Promise<Pushed> {
  const source = crossing ? await crossing.source() : await checkSource(session, options);
  await session.sync();
  const carried = crossing?.label ?? (await carriedLabel(session, source?.sayers ?? []));
  const plan = { ...(await planPush(session, options, carried, crossing !== undefined)), crossing };
  const ask = await askOf(session, plan);
  await (options.dryRun ? wouldPermit(session, ask) : permit(session, ask));
  const released = isReleased((await session.policy()).compiled.policy, plan);
  const named = await namedBases(session, plan, released);
  if (options.dryRun) return dryRunOf(session, plan);
  const filing = await filingOf(session, plan);
  const journal = await Journal.open(stateOf(session), await session.identity(), journalKey(session, plan));
  try {
    // Whoever is released one version must not get by it the key that another was stored under.
    if (released && (await endedEarlier(session, journal))) await journal.forgetStored();
    return await store(session, plan, { ask, source, filing, journal, released, named });
  } finally {
    await journal.release();
  }
}

interface Pushing {
  readonly ask: Ask;
  readonly source: Source | undefined;
  readonly filing: Filing;
  readonly journal: Journal;
  /** Others release its key: it shares nothing with other versions. */
  readonly released: boolean;
  /** Versions that the pusher named to find content in. */
  readonly named: readonly Version[];
}

async function store(session: Session, plan: PushPlan, pushing: Pushing): Promise<Pushed> {
  const { ask, source, filing, journal, released, named } = pushing;
  await checkLabel(session, plan, filing, journal);
  const lookedMs = await session.clock();
  const content = await write(session, plan, source, { journal, shares: !released, named });
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const finished = await finishedEarlier(session, plan, journal, content);
    if (finished) return finished;
    const operation = await begin(session, ask, await operationFor(session, plan, filing, journal));
    const version =
      (await committedEarlier(session, filing, journal, content)) ??
      (await commit(session, plan, { operation, filing, content, journal, lookedMs }));
    try {
      const done = await operation.done(() => outcomeOf(session, filing, version, ask.reference ?? plan.name));
      // An attempt that was interrupted had sent its own entry, for other content, and it arrived only now.
      if (done.event.versionId !== version.versionId) continue;
      return await pushed(session, plan, content, { ...version, done, journal });
    } catch (error) {
      // Somebody else was given the number first: everything again for the next one, under the same intent.
      if (error instanceof NumberTaken) continue;
      if (error instanceof CloisterError && error.code === "USAGE") {
        await operation.failed(error);
        await journal.close();
      }
      throw error;
    }
  }
  throw new CloisterError("UNAVAILABLE", "too many others are pushing this artifact", { next: "push again" });
}

class NumberTaken extends Error {}

/** Lost races before giving up. */
const ATTEMPTS_MAX = 1000;

/** Where the log files a version: ids instead of names. */
interface Filing {
  readonly domain: string;
  readonly nameId: string;
  readonly labelId: string | undefined;
}

async function filingOf(session: Session, { domain, name, label }: PushPlan): Promise<Filing> {
  const nameKey = await session.keys.requireNameKey(domain);
  const labelId = label === undefined ? undefined : labelIdOf(nameKey, name, label);
  return { domain, nameId: nameIdOf(nameKey, name), labelId };
}

/** @throws CloisterError USAGE where the label was given, by any push but an interrupted one of this */
async function checkLabel(session: Session, plan: PushPlan, filing: Filing, journal: Journal): Promise<void> {
  const { domain, nameId, labelId } = filing;
  if (labelId === undefined) return;
  const given = session.ledger.labelled(domain, nameId, labelId);
  if (given?.done.event.operation === journal.operation) return;
  const reference = referenceOf(domain, plan.name, plan.label, 0);
  const taken = given ? labelTaken(reference) : await whyTagged(session, plan, reference);
  if (!taken) return;
  await journal.close();
  throw taken;
}

/** A tag of the same word was there first, and goes on to lead where it does. */
async function whyTagged(session: Session, plan: PushPlan, reference: string): Promise<CloisterError | undefined> {
  const { domain, name, label = "" } = plan;
  const nameKey = await session.keys.requireNameKey(domain);
  const tag = await tagOf(session, { domain, name, nameKey, nameId: nameIdOf(nameKey, name) }, label);
  if (!tag) return undefined;
  return new CloisterError("USAGE", `${reference} is a tag`, {
    why: `it leads to v${String(tag.version.number)}, and can be moved`,
    next: `push without it, then: cloister artifact tag ${name} ${label}`,
  });
}

function labelTaken(reference: string): CloisterError {
  return new CloisterError("USAGE", `${reference} exists already`, {
    why: "versions never change, and a label is given once",
    next: "choose another label, or leave it out and the version gets the next number",
  });
}

/** What the last entry of a push says. Asked for each position it tries to stand at. */
async function outcomeOf(session: Session, filing: Filing, version: Committed, reference: string): Promise<Outcome> {
  const { domain, nameId, labelId } = filing;
  const { number, versionId } = version;
  if (labelId !== undefined && session.ledger.labelled(domain, nameId, labelId)) throw labelTaken(reference);
  const taken = session.ledger.versionById(versionId) !== undefined;
  if (taken || number !== session.ledger.nextNumber(domain, nameId)) throw new NumberTaken();
  await version.reliance.requireStanding(session);
  return { versionId, facts: { nameId, number, labelId } };
}

/** What makes a later command the same push: its source, its name, its class, and the workspace it comes from. */
function journalKey(session: Session, plan: PushPlan): readonly string[] {
  const { source } = plan.options;
  const path = "stream" in source ? "-" : plan.from ? source.path : resolvePath(session.host.cwd, source.path);
  const { owner = "", licence = "", justification = "" } = plan.options;
  const declared = [plan.kind, plan.purpose ?? "", owner, licence, justification, ...(plan.crossing?.journal ?? [])];
  return [plan.domain, plan.name, plan.label ?? "", plan.class, plan.from?.id ?? "", path, ...declared];
}

/** The entry that finished the operation of a journal. */
async function endedEarlier(session: Session, journal: Journal): Promise<LoggedEvent | undefined> {
  const keyId = keyIdOf((await session.device()).signs);
  return session.ledger.operation(keyId, journal.operation)?.done;
}

/** The push was logged as done, and only its journal was left. */
async function finishedEarlier(
  session: Session,
  plan: PushPlan,
  journal: Journal,
  content: Content,
): Promise<Pushed | undefined> {
  const done = await endedEarlier(session, journal);
  const { attempt } = journal;
  if (!done || attempt?.dirHash !== content.dirHash || attempt.versionId !== done.event.versionId) return undefined;
  return pushed(session, plan, content, { ...attempt, done, journal });
}

/**
 * The operation that the journal began, unless it is over: it held other files than there are now, so that its version
 * stands and this is a new one; or the policy changed since its intent, by which readers would judge.
 */
async function operationFor(session: Session, plan: PushPlan, filing: Filing, journal: Journal): Promise<string> {
  const keyId = keyIdOf((await session.device()).signs);
  const earlier = session.ledger.operation(keyId, journal.operation);
  const stale = earlier?.intent && earlier.intent.event.policy !== session.ledger.inForce.version;
  if (!earlier?.done && !stale) return journal.operation;
  await journal.beginAnew();
  await checkLabel(session, plan, filing, journal);
  return journal.operation;
}

/** The record was created, and the log never heard of it. */
async function committedEarlier(
  session: Session,
  { domain, nameId }: Filing,
  { attempt }: Journal,
  content: Content,
): Promise<Committed | undefined> {
  if (attempt?.dirHash !== content.dirHash || session.ledger.versionById(attempt.versionId)) return undefined;
  if (attempt.number !== session.ledger.nextNumber(domain, nameId)) return undefined;
  return committedBefore(session, { domain, nameId, ...attempt });
}

async function commit(
  session: Session,
  plan: PushPlan,
  made: {
    readonly operation: Operation;
    readonly filing: Filing;
    readonly content: Content;
    readonly journal: Journal;
    readonly lookedMs: number;
  },
): Promise<Committed> {
  const { operation, filing, content, journal, lookedMs } = made;
  const { options, name, label, kind, purpose, from } = plan;
  const files = content.files.filter((file) => file.kind !== "directory");
  const number = session.ledger.nextNumber(plan.domain, filing.nameId);
  const draft = {
    epoch: await session.keys.newest({ domain: plan.domain, class: plan.class }),
    nameId: filing.nameId,
    attempting: (version: Numbered) => journal.attempting({ ...version, dirHash: content.dirHash }),
    lookedMs,
    content,
    header: {
      name,
      label,
      kind,
      files: files.length,
      bytes: content.bytes,
      dirHash: content.dirHash,
      purpose,
      owner: options.owner,
      licence: options.licence,
      justification: options.justification,
      workspace: from?.id,
    },
    manifest: await manifestOf(session, plan, { operation, files, content }),
  };
  return commitVersion(session, operation, draft, number);
}

/** From here on the push has happened: what follows must not fail it, and needs nothing of the store. */
async function pushed(
  session: Session,
  plan: PushPlan,
  content: Content,
  made: Numbered & { readonly done: LoggedEvent; readonly journal: Journal },
): Promise<Pushed> {
  const result = resultOf(plan, content, made);
  try {
    await made.journal.close();
    await content.seen?.learn({ versionId: made.versionId, files: readHere(content) });
    if (plan.from) await notePushed(session, plan.from, result.reference);
  } catch (error) {
    session.host.notice(
      `pushed, but not noted on this device: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return result;
}

function readHere({ files }: Content): readonly SeenFile[] {
  return files.flatMap(({ path, bytes, sha256, local }) =>
    local && bytes > 0 ? [{ path, stats: local.stats, sha256 }] : [],
  );
}
