// The versions whose stored chunks a push may use again: earlier ones of the artifact, what its workspace was given, and
// what the pusher names.
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import type { Tree } from "../../content/tree.ts";
import { KmsRefused } from "../../keys/kms.ts";
import { nameIdOf } from "../class-keys.ts";
import { type Ask, permit, whyNot, wouldPermit } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import { needsRelease } from "../release/released-key.ts";
import type { Session } from "../session.ts";
import { ownEvents } from "./label.ts";
import { versionNamed } from "./named.ts";
import type { PushPlan } from "./push-plan.ts";
import { resolve } from "./resolve.ts";
import { treeOf } from "./version-content.ts";
import { readVersionAt, referenceTo, refusedByKms, type Version } from "./versions.ts";

/** A version that a push may find its content in. */
export interface Base {
  readonly reference: string;
  readonly versionId: string;
  readonly tree: Tree;
  /** Somebody else wrote it, or all is to be read again: each chunk is opened before it is relied on. */
  readonly verify: boolean;
}

export interface Bases {
  /** Those that need no look at their chunks come first. */
  readonly usable: readonly Base[];
  /** Earlier versions that the policy does not let this member read now, and why. */
  readonly leftOut: readonly { readonly reference: string; readonly why: string }[];
}

/** Earlier versions that are looked at, newest first. */
const EARLIER_MAX = 8;
/** Inputs of a workspace that are looked at, the last first. */
const INPUTS_MAX = 16;
/** Files of all bases that nobody asked for: their trees lie in memory while the push runs. */
const FILES_MAX = 2_000_000;

/**
 * Checks what `--base` names, before anything is stored. What is found there again shows the pusher what it holds; so
 * whoever uses it must be allowed to pull it. That is decided, and not logged: nothing of it comes out.
 *
 * @throws CloisterError POLICY_DENIED (logged, but for a dry run), NOT_FOUND, INTEGRITY, USAGE where it shares nothing
 * with what is pushed
 */
export async function namedBases(session: Session, plan: PushPlan, released: boolean): Promise<readonly Version[]> {
  const { bases = [], dryRun = false, justification } = plan.options;
  const named: Version[] = [];
  for (const text of bases) {
    const use = { action: "artifact.pull", purpose: plan.purpose, justification } as const;
    const version = await resolve(session, text, use);
    const reference = referenceTo(version);
    const why = whyUnfit(version, plan) ?? (released ? RELEASED : undefined);
    if (why) throw unusable(reference, why);
    const ask = askOf(version, plan);
    await (dryRun ? wouldPermit(session, ask) : permit(session, ask));
    if (!named.some(({ versionId }) => versionId === version.versionId)) named.push(version);
  }
  return named;
}

/**
 * Where this push may find chunks again. What it does not find there is stored anew, which takes room and nothing else.
 * @param named what {@link namedBases} found
 * @param seenAs id of the version that this device last pushed from the same path
 */
export async function basesOf(
  session: Session,
  plan: PushPlan,
  { named, seenAs }: { readonly named: readonly Version[]; readonly seenAs: string | undefined },
): Promise<Bases> {
  const me = (await session.me()).id;
  const usable = new Map<string, Base>();
  const leftOut: { reference: string; why: string }[] = [];
  let files = 0;
  const use = (version: Version, tree: Tree): void => {
    const { versionId, pusher } = version;
    const verify = pusher !== me || plan.options.reread === true;
    usable.set(versionId, { reference: referenceTo(version), versionId, tree, verify });
  };
  for (const version of named) use(version, await requireTree(session, version));
  const found = [...(await earlier(session, plan, seenAs)), ...(await inputs(session, plan))];
  for (const { version, decided } of found) {
    files += version.header.files;
    if (usable.has(version.versionId) || (files > FILES_MAX && usable.size > 0)) continue;
    // What somebody pushed, they had; what a workspace was given, was decided then.
    const why = decided || version.pusher === me ? undefined : await refusal(session, plan, version);
    if (why !== undefined) leftOut.push({ reference: referenceTo(version), why });
    else {
      const tree = await treeIfAny(session, version);
      if (tree) use(version, tree);
    }
  }
  const all = [...usable.values()];
  return { usable: [...all.filter(({ verify }) => !verify), ...all.filter(({ verify }) => verify)], leftOut };
}

interface Candidate {
  readonly version: Version;
  /** Whether the log says that this member was let read it. */
  readonly decided: boolean;
}

/** The newest version of the same artifact and class, the newest of one's own, and the one last pushed from here. */
async function earlier(session: Session, plan: PushPlan, seenAs: string | undefined): Promise<readonly Candidate[]> {
  const nameKey = await session.keys.requireNameKey(plan.domain);
  const all = session.ledger
    .versionsOf(plan.domain, nameIdOf(nameKey, plan.name))
    .filter(({ done }) => done.event.class === plan.class);
  const last = all.slice(-EARLIER_MAX).reverse();
  const { id: me } = await session.me();
  const newest = await firstOf(session, plan, nameKey, last);
  const own = last.filter(({ done }) => done.member === me);
  const seen = all.filter(({ versionId }) => versionId === seenAs);
  const found = [newest, await firstOf(session, plan, nameKey, own), await firstOf(session, plan, nameKey, seen)];
  return found.flatMap((version) => (version ? [{ version, decided: false }] : []));
}

async function firstOf(
  session: Session,
  plan: PushPlan,
  nameKey: Buffer,
  list: readonly LoggedVersion[],
): Promise<Version | undefined> {
  for (const logged of list) {
    const judged = await readVersionAt(session, logged, nameKey);
    if (judged.kind === "accepted" && whyUnfit(judged.version, plan) === undefined) return judged.version;
  }
  return undefined;
}

/** What was mounted in the workspace by the log: that was decided, and as a reading of its content. */
async function inputs(session: Session, plan: PushPlan): Promise<readonly Candidate[]> {
  const { from } = plan;
  if (!from) return [];
  const { id: workspace, keyId } = from.state;
  const mounted = ownEvents(session.ledger, { workspace, keyId })
    .filter(({ event }) => event.action === "workspace.mount" && event.phase === "done")
    .flatMap(({ event }) => event.versionId ?? []);
  const found: Candidate[] = [];
  for (const versionId of [...new Set(mounted.reverse())].slice(0, INPUTS_MAX)) {
    if (session.ledger.versionById(versionId)?.done.event.class !== plan.class) continue;
    const version = await versionNamed(session, versionId);
    if (version && whyUnfit(version, plan) === undefined) found.push({ version, decided: true });
  }
  return found;
}

/** Why nothing of a version can be used again, whoever asks. */
function whyUnfit(version: Version, plan: PushPlan): string | undefined {
  const { record } = version;
  if (record.domain !== plan.domain) return `it lies in domain ${record.domain}, this push goes to ${plan.domain}`;
  if (record.class !== plan.class) return `it is of class ${record.class}, this push of class ${plan.class}`;
  return needsRelease(version) ? RELEASED : undefined;
}

const RELEASED = "where others release the key of each version, versions share nothing";

function unusable(reference: string, why: string): CloisterError {
  return new CloisterError("USAGE", `--base ${reference} cannot be used`, {
    why,
    next: "leave it out: what is found nowhere is stored anew",
  });
}

/** Using a version as a base tells what it holds to those who hold the same; that takes what a pull takes. */
function askOf(version: Version, plan: PushPlan): Ask {
  const { record, header, versionId } = version;
  const [reference, justification] = [referenceTo(version), plan.options.justification];
  return {
    ...{ title: `use ${reference} as a base`, action: "artifact.pull", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind },
    ...{ purpose: plan.purpose, justification },
    sealed: { artifact: reference, purpose: plan.purpose, justification },
  };
}

async function refusal(session: Session, plan: PushPlan, version: Version): Promise<string | undefined> {
  const refusals = await whyNot(session, askOf(version, plan));
  return refusals.length === 0 ? undefined : (refusals[0]?.why ?? "the policy does not allow it");
}

/** @throws CloisterError POLICY_DENIED without a key, INTEGRITY */
async function requireTree(session: Session, version: Version): Promise<Tree> {
  const tree = await treeOf(session, version, "compare");
  if (tree) return tree;
  const title = `use ${referenceTo(version)} as a base`;
  throw new CloisterError("POLICY_DENIED", title, { why: `you hold no key of class ${version.record.class}` });
}

async function treeIfAny(session: Session, version: Version): Promise<Tree | undefined> {
  try {
    const tree = await treeOf(session, version, "compare").catch(refusedByKms);
    return tree instanceof KmsRefused ? undefined : tree;
  } catch (error) {
    // A damaged one is none.
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}
