// Push: files become an encrypted, signed, logged version that nobody can change.
import { resolve as resolvePath } from "node:path";
import type { LoggedEvent } from "../audit/log.ts";
import { CloisterError } from "../base/errors.ts";
import type { Written } from "../content/write.ts";
import { labelIdOf, nameIdOf } from "./class-keys.ts";
import { commitVersion } from "./commit-version.ts";
import { begin, type Operation, permit, wouldPermit } from "./guard.ts";
import { Journal } from "./journal.ts";
import { manifestOf } from "./manifest.ts";
import { claimLabel, claimName } from "./names.ts";
import { checkSource, write } from "./push-content.ts";
import { askOf, type PushPlan, planPush } from "./push-plan.ts";
import type { Session } from "./session.ts";
import type { Pushed, PushOptions } from "./types.ts";
import { readVersionAt, referenceOf, takenNumbers } from "./versions.ts";
import { notePushed } from "./workspace-source.ts";

/**
 * Pushes a file, a folder, standard input, or a path in a workspace.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), FAILURE (a file that cannot stand in an artifact or
 * changed), UNAVAILABLE, INTERRUPTED; whatever it throws, no version exists that was not pushed whole
 */
export async function push(session: Session, options: PushOptions): Promise<Pushed> {
  const source = await checkSource(session, options);
  await session.sync();
  const plan = await planPush(session, options);
  const ask = await askOf(session, plan);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return dryRunOf(session, plan);
  }
  await permit(session, ask);
  const journal = await Journal.open(stateOf(session), await session.identity(), journalKey(session, plan));
  const content = await write(session, plan, source, journal);
  const finished = await finishedEarlier(session, plan, journal, content);
  if (finished) return finished;
  const nameId = await claimName(session, plan.domain, plan.name);
  await claim(session, plan, nameId, journal);
  const operation = await begin(session, ask, journal.operation);
  const version = await commit(session, plan, { operation, nameId, content });
  const done = await operation.done({ versionId: version.versionId });
  // From here on the push has happened: nothing that can fail may follow.
  await journal.close();
  const pushed = resultOf(plan, content, { ...version, done, resumed: journal.resumed });
  if (plan.from) await notePushed(session, plan.from.name, pushed.reference);
  return pushed;
}

function stateOf({ places, config }: Session): string {
  return `${places.state}/${config.project}`;
}

/** What makes a later command the same push: its source, its name, its class, and the workspace it comes from. */
function journalKey(session: Session, plan: PushPlan): readonly string[] {
  const { source } = plan.options;
  const path = "stream" in source ? "-" : plan.from ? source.path : resolvePath(session.host.cwd, source.path);
  return [plan.domain, plan.name, plan.label ?? "", plan.class, plan.from?.id ?? "", path];
}

/** The version that an interrupted attempt of this push made after all, where it holds the same content. */
async function finishedEarlier(
  session: Session,
  plan: PushPlan,
  journal: Journal,
  content: Written,
): Promise<Pushed | undefined> {
  if (!journal.resumed) return undefined;
  const nameKey = await session.keys.requireNameKey(plan.domain);
  const nameId = nameIdOf(nameKey, plan.name);
  for (const number of (await takenNumbers(session, plan.domain, nameId)).reverse()) {
    const judged = await readVersionAt(session, plan.domain, nameId, number);
    if (judged?.kind !== "accepted" || judged.version.record.operation !== journal.operation) continue;
    const { versionId, header } = judged.version;
    const operation = await begin(session, await askOf(session, plan), journal.operation);
    const done = await operation.done({ versionId });
    await journal.close();
    // It held other files than there are now: that version stands, and this is a new one.
    if (header.dirHash !== content.dirHash) return push(session, plan.options);
    return resultOf(plan, content, { number, versionId, done, resumed: true });
  }
  return undefined;
}

async function claim(session: Session, plan: PushPlan, nameId: string, journal: Journal): Promise<void> {
  if (plan.label === undefined) return;
  const nameKey = await session.keys.requireNameKey(plan.domain);
  const labelId = labelIdOf(nameKey, plan.name, plan.label);
  const reference = referenceOf(plan.domain, plan.name, plan.label, 0);
  try {
    await claimLabel(session, { domain: plan.domain, nameId, labelId }, journal.operation, reference);
  } catch (error) {
    if (error instanceof CloisterError && error.code === "USAGE") await journal.close();
    throw error;
  }
}

async function commit(
  session: Session,
  plan: PushPlan,
  { operation, nameId, content }: { operation: Operation; nameId: string; content: Written },
): Promise<{ number: number; versionId: string }> {
  const { options, name, label, kind, purpose, from } = plan;
  const files = content.files.filter((file) => file.kind !== "directory");
  return commitVersion(session, operation, {
    epoch: await session.keys.newest({ domain: plan.domain, class: plan.class }),
    nameId,
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
  });
}

interface Outcome {
  readonly number: number;
  readonly versionId: string;
  readonly done: LoggedEvent;
  readonly resumed: boolean;
}

/** From what was pushed, not from the store: somebody may push into a class they cannot read. */
function resultOf(plan: PushPlan, content: Written, { number, versionId, done, resumed }: Outcome): Pushed {
  const { domain, name, label, kind, classFrom } = plan;
  return {
    reference: referenceOf(domain, name, label, number),
    ...{ domain, name, number, label, class: plan.class, kind, versionId, classFrom, resumed },
    digest: content.dirHash,
    bytes: content.bytes,
    bytesNew: content.bytesNew,
    files: content.files.filter((file) => file.kind !== "directory").length,
    pushedBy: done.member,
    pushedAt: new Date(done.timeMs).toISOString(),
    logEntry: done.entry,
    dryRun: false,
  };
}

/** The number is not given, and nothing was read: both are for the push itself. */
async function dryRunOf(session: Session, plan: PushPlan): Promise<Pushed> {
  const { domain, name, label, kind, classFrom } = plan;
  return {
    reference: `${domain}/${name}${label === undefined ? "" : `:${label}`}`,
    ...{ domain, name, number: 0, label, class: plan.class, kind, versionId: "", classFrom, resumed: false },
    ...{ digest: "", bytes: 0, bytesNew: 0, files: 0, logEntry: session.log.size - 1, dryRun: true },
    pushedBy: (await session.me()).id,
    pushedAt: new Date(await session.store.now()).toISOString(),
  };
}
