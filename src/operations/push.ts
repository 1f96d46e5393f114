// Push: files become an encrypted, signed, logged version that nobody can change.
import { stat } from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import { CloisterError, systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { checkLabel, parseReference } from "../base/name.ts";
import { folderFiles, folderSize, stdinFile } from "../content/folder.ts";
import type { Tree } from "../content/tree.ts";
import { type UnsizedEntry, type WriteOptions, type Written, writeContent } from "../content/write.ts";
import { labelIdOf, nameIdOf } from "./class-keys.ts";
import { commitVersion } from "./commit-version.ts";
import { type Ask, begin, type Operation, permit, wouldPermit } from "./guard.ts";
import { Journal } from "./journal.ts";
import { manifestOf } from "./manifest.ts";
import { claimLabel, claimName } from "./names.ts";
import { domainOf } from "./resolve.ts";
import type { Session } from "./session.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import type { Pushed, PushOptions } from "./types.ts";
import { packPlace, treeOf } from "./version-content.ts";
import { readVersionAt, referenceOf, summaryOf, takenNumbers, type Version } from "./versions.ts";
import { type PushedFrom, pushedFrom } from "./workspace-source.ts";

/** A push as it was asked for, with everything that follows from the policy and the workspace filled in. */
export interface PushPlan {
  readonly options: PushOptions;
  readonly domain: string;
  readonly name: string;
  readonly label: string | undefined;
  readonly class: string;
  readonly classFrom: string;
  readonly kind: NonNullable<PushOptions["kind"]>;
  readonly purpose: string | undefined;
  readonly from: PushedFrom | undefined;
}

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
  await operation.done({ versionId: version.versionId });
  await journal.close();
  const judged = await readVersionAt(session, plan.domain, nameId, version.number);
  if (judged?.kind === "accepted") return result(judged.version, plan, content.bytesNew, journal.resumed);
  return ownSummary(session, plan, content, version, journal.resumed);
}

async function planPush(session: Session, options: PushOptions): Promise<PushPlan> {
  const { policy } = (await session.policy()).compiled;
  const reference = parseReference(options.name);
  if (reference.version.kind === "digest" || reference.version.kind === "number") {
    throw new CloisterError("USAGE", `${options.name} cannot be pushed to`, {
      why: "numbers are given in order, digests follow from the content",
      next: `--name ${reference.name} or --name ${reference.name}:LABEL`,
    });
  }
  if (options.name.endsWith(":latest")) checkLabel("latest");
  const from = options.from === undefined ? undefined : await pushedFrom(session, options.from);
  const domain = domainOf(policy, reference.domain ?? from?.domain);
  if (from && from.domain !== domain) {
    throw new CloisterError("USAGE", `workspace ${from.name} belongs to domain ${from.domain}`, {
      next: `--name ${from.domain}/${reference.name}`,
    });
  }
  const [lowest = ""] = policy.classifications;
  const inherited = from?.label && { class: from.label.class, classFrom: from.label.from };
  const given = options.class === undefined ? undefined : { class: options.class, classFrom: "asked" };
  if (given && !policy.classifications.includes(given.class)) {
    throw new CloisterError("USAGE", `the policy has no class ${given.class}`, {
      next: `--class, one of: ${policy.classifications.join(", ")}`,
    });
  }
  return {
    options,
    domain,
    name: reference.name,
    label: reference.version.kind === "label" ? checkLabel(reference.version.label) : undefined,
    ...(given ?? inherited ?? { class: lowest, classFrom: "lowest class" }),
    kind: options.kind ?? "dataset",
    purpose: options.purpose ?? from?.purpose,
    from,
  };
}

async function askOf(session: Session, plan: PushPlan): Promise<Ask> {
  const { options, domain, kind, purpose, from } = plan;
  const { owner, licence, justification } = options;
  const fields = Object.entries({ owner, licence, purpose, justification }).flatMap(([field, value]) =>
    value === undefined ? [] : [field],
  );
  const reference = `${domain}/${plan.name}${plan.label === undefined ? "" : `:${plan.label}`}`;
  return {
    title: `push ${reference} as ${plan.class}`,
    action: "artifact.push",
    domain,
    class: plan.class,
    kind,
    purpose,
    justification,
    fields,
    provenance: from?.ran ? "run" : "none",
    label: from?.label,
    epoch: (await session.keys.newest({ domain, class: plan.class })).epoch,
    workspace: from?.id,
    reference,
    sealed: { artifact: reference, kind, purpose, justification, owner, licence, workspace: from?.name },
  };
}

// ---- the content

interface Source {
  readonly files: AsyncIterable<FileEntry | UnsizedEntry>;
  readonly bytesTotal: number | undefined;
}

/** What can be checked before anything is decided or stored: the path is there and can be read. */
async function checkSource(session: Session, { source, from }: PushOptions): Promise<Source | undefined> {
  const { host } = session;
  if (from !== undefined) return undefined;
  if ("stream" in source) return { files: stdinFile(source.stream, "stdin"), bytesTotal: undefined };
  const path = resolvePath(host.cwd, source.path);
  const there = await stat(path).catch((error: unknown) => {
    const code = systemCode(error) === "ENOENT" ? "NOT_FOUND" : "FAILURE";
    throw new CloisterError(code, `cannot read ${source.path}`, {
      why: systemCode(error) === "ENOENT" ? "there is no such file or folder" : "permission denied",
      cause: error,
    });
  });
  const exclude = (at: string) => there.isDirectory() && at === PROVENANCE_FILE;
  const options = { signal: host.signal, exclude };
  return { files: folderFiles(path, options), bytesTotal: (await folderSize(path, options)).bytes };
}

async function write(
  session: Session,
  plan: PushPlan,
  source: Source | undefined,
  journal: Journal,
): Promise<Written> {
  const { host } = session;
  const { files, bytesTotal } = source ?? workspaceSource(plan);
  const options: WriteOptions = {
    place: packPlace(session, plan),
    pushKey: journal.pushKey,
    base: await baseOf(session, plan),
    resume: journal.packs,
    onPack: (record) => journal.stored(record),
    signal: host.signal,
    progress: ({ bytes, bytesNew }) => host.progress({ step: "pushing", bytes, bytesTotal, bytesNew }),
  };
  const content = await writeContent(files, options);
  if (content.files.some((file) => file.kind !== "directory")) return content;
  throw new CloisterError("USAGE", "there is nothing to push", { why: "it holds no file" });
}

function workspaceSource({ from, options }: PushPlan): Source {
  if (!from || !("path" in options.source)) {
    throw new CloisterError("USAGE", "--from needs a path inside the workspace", { next: "cloister push out/ --from NAME" });
  }
  return { files: from.collect(options.source.path), bytesTotal: undefined };
}

/** The newest version of the same artifact in the same class, where this member can read it: to find chunks again. */
async function baseOf(session: Session, plan: PushPlan): Promise<{ tree: Tree; verify: boolean } | undefined> {
  const nameKey = await session.keys.requireNameKey(plan.domain);
  const nameId = nameIdOf(nameKey, plan.name);
  const newest = (await takenNumbers(session, plan.domain, nameId)).at(-1);
  if (newest === undefined) return undefined;
  const judged = await readVersionAt(session, plan.domain, nameId, newest);
  if (judged?.kind !== "accepted" || judged.version.record.class !== plan.class) return undefined;
  const tree = await treeOf(session, judged.version);
  return tree && { tree, verify: judged.version.pusher !== (await session.me()).id };
}

// ---- the version

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
    const { version } = judged;
    const operation = await begin(session, await askOf(session, plan), journal.operation);
    await operation.done({ versionId: version.versionId });
    await journal.close();
    if (version.header.dirHash !== content.dirHash) return push(session, plan.options);
    const reread = await readVersionAt(session, plan.domain, nameId, number);
    return result(reread?.kind === "accepted" ? reread.version : version, plan, content.bytesNew, true);
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

// ---- what it returns

function result(version: Version, plan: PushPlan, bytesNew: number, resumed: boolean): Pushed {
  return { ...summaryOf(version), dryRun: false, bytesNew, classFrom: plan.classFrom, resumed };
}

/** Somebody may push into a class they cannot read: what they are told comes from what they pushed. */
async function ownSummary(
  session: Session,
  plan: PushPlan,
  content: Written,
  { number, versionId }: { number: number; versionId: string },
  resumed: boolean,
): Promise<Pushed> {
  const { domain, name, label, kind } = plan;
  const entry = session.log.size - 1;
  return {
    ...{ reference: referenceOf(domain, name, label, number), domain, name, number, label, class: plan.class, kind },
    ...{ versionId, digest: content.dirHash, bytes: content.bytes, logEntry: entry },
    files: content.files.filter((file) => file.kind !== "directory").length,
    pushedBy: (await session.me()).id,
    pushedAt: new Date(await session.store.now()).toISOString(),
    ...{ dryRun: false, bytesNew: content.bytesNew, classFrom: plan.classFrom, resumed },
  };
}

async function dryRunOf(session: Session, plan: PushPlan): Promise<Pushed> {
  const content = { dirHash: "", bytes: 0, bytesNew: 0, files: [], packs: [], tree: new Uint8Array() };
  return { ...(await ownSummary(session, plan, content, { number: 0, versionId: "" }, false)), dryRun: true };
}

