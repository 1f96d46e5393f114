// Moving a project to another store: a whole copy, read back and verified; each member then turns their folder to it.
import { CloisterError, integrity } from "../../base/errors.ts";
import type { Store } from "../../store/store.ts";
import { IGNORE_FILE, keepOutOfGit, writeConfig } from "../config.ts";
import { type Ask, perform, permit, wouldPermit } from "../guard.ts";
import { argumentsOfStore, isBucket, openStore, placeOfStore, storeConfigFor } from "../open-store.ts";
import { policyName } from "../policy-shelf.ts";
import { connect, readStoreObject, type Session } from "../session.ts";
import type { AuditVerified, CopyStoreOptions, StoreCopied } from "../types.ts";
import { verifyAudit } from "./audit.ts";
import { copyObjects, type Inventory, inventoryOf } from "./copy-objects.ts";

/** Times the store is looked through again for what others pushed meanwhile. */
const PASSES_MAX = 10;

interface Target {
  readonly to: Store;
  /** How a member turns to it. */
  readonly command: string;
}

interface Tally {
  newObjects: number;
  newBytes: number;
  bytes: number;
}

/**
 * Copies the store, create-only. What it copies is sealed, and stays so; the intent stands in the log of both. The same
 * command goes on where an interrupted one ended.
 * @throws CloisterError POLICY_DENIED, USAGE where something else is there, INTEGRITY where the copy does not verify
 */
export async function copyStore(session: Session, options: CopyStoreOptions): Promise<StoreCopied> {
  const { config, host, store: from } = session;
  const target = { ...config, ...storeConfigFor(host, config.folder, { ...options, store: options.to }) };
  const to = await openStore(host, target);
  const place = placeOfStore(target);
  if (place === placeOfStore(config) && target.endpoint === config.endpoint) {
    throw new CloisterError("USAGE", `the store is at ${place} already`, { next: "name another place" });
  }
  const ask: Ask = { title: `copy the store to ${place}`, action: "store.copy", sealed: { to: place } };
  const command = `cloister join ${argumentsOfStore(place, target)}`;
  const common = { from: placeOfStore(config), to: place, command };
  if (options.dryRun) return { ...common, ...(await survey(session, ask, { to, command })) };

  await permit(session, ask);
  const there = await inventoryOf(to);
  // Before anything is logged: an entry here that the copy lacks would part this device from a copy that has gone on.
  await requireOurs(session, { to, command }, await inventoryOf(from), there);
  if (there.size === 0) await to.prove?.();
  const tally: Tally = { newObjects: 0, newBytes: 0, bytes: 0 };
  const { result: copied, done } = await perform(session, ask, async (_, released) => {
    released();
    const seen = await copyAll(session, to, new Set(), tally);
    return { result: seen, outcome: { facts: { objects: tally.newObjects, bytes: tally.newBytes } } };
  });
  // The entry that says so, and what others logged since.
  await copyAll(session, to, copied, tally);
  const verified = await verifyCopy(session, target, to);
  if (options.switch) await switchTo(target);
  return {
    ...common,
    ...{ objects: copied.size, bytes: tally.bytes, newObjects: tally.newObjects, newBytes: tally.newBytes },
    ...{ logEntries: verified.entries, root: verified.root, switched: options.switch === true },
    ...{ dryRun: false, logEntry: done.entry },
  };
}

/** What there would be to do. */
async function survey(session: Session, ask: Ask, target: Target) {
  await wouldPermit(session, ask);
  const [here, there] = [await inventoryOf(session.store), await inventoryOf(target.to)];
  await requireOurs(session, target, here, there);
  const missing = [...here].filter(([name]) => !there.has(name));
  const sum = (sizes: Iterable<number>) => [...sizes].reduce((total, bytes) => total + bytes, 0);
  return {
    ...{ objects: here.size, bytes: sum(here.values()) },
    ...{ newObjects: missing.length, newBytes: sum(missing.map(([, bytes]) => bytes)) },
    ...{ logEntries: undefined, root: undefined, switched: false, dryRun: true, logEntry: undefined },
  };
}

/** Nothing is there yet, or what an earlier copy of this very project left. */
async function requireOurs(
  { config }: Session,
  { to, command }: Target,
  here: Inventory,
  there: Inventory,
): Promise<void> {
  if (there.size === 0) return;
  const project = await readStoreObject(to);
  if (!there.has(policyName(1, config.pin)) || (project !== undefined && project !== config.project)) {
    throw new CloisterError("USAGE", `${to.url} is not empty`, {
      why: project === undefined ? "something else is kept there" : "it is the store of another project",
      next: "name an empty place",
    });
  }
  const ahead = [...there.keys()].find((name) => name.startsWith("log/") && !here.has(name));
  if (ahead === undefined) return;
  throw new CloisterError("USAGE", `${to.url} has gone on without this store`, {
    why: `${ahead} is there, and not here: somebody works with it already`,
    next: `${command}   (or copy to an empty place)`,
  });
}

/** Copies until a look at the store finds nothing more; `copied` are names that need no other look. */
async function copyAll(session: Session, to: Store, copied: Set<string>, tally: Tally): Promise<Set<string>> {
  const { host, store: from } = session;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const left = new Map([...(await inventoryOf(from))].filter(([name]) => !copied.has(name)));
    if (left.size === 0) return copied;
    const bytesTotal = tally.bytes + [...left.values()].reduce((sum, bytes) => sum + bytes, 0);
    const onObject = (bytes: number, isNew: boolean) => {
      tally.bytes += bytes;
      if (isNew) {
        tally.newObjects++;
        tally.newBytes += bytes;
      }
      host.progress({ step: "copying", bytes: tally.bytes, bytesTotal, bytesNew: tally.newBytes });
    };
    await copyObjects({ from, to, signal: host.signal, onObject }, left);
    for (const name of left.keys()) copied.add(name);
  }
  throw new CloisterError("UNAVAILABLE", "the store does not come to rest", {
    why: "others go on writing to it, faster than it is copied",
    next: "ask them to pause, then run the same command again",
  });
}

/** The log as it reads from the copy alone: every signature, the order, the tree, and all this device saw before. */
async function verifyCopy(session: Session, target: Session["config"], to: Store): Promise<AuditVerified> {
  const copy = connect(session.host, target, to);
  await copy.begin();
  const verified = await verifyAudit(copy);
  const bad = verified.checks.find(({ state }) => state === "bad");
  if (verified.ok && !bad) return verified;
  throw integrity(`the copy at ${to.url} does not verify`, { why: bad?.text, next: "keep to the store you have" });
}

async function switchTo(target: Session["config"]): Promise<void> {
  await writeConfig(target);
  // A store below `.cloister/` does not belong in git.
  if (!isBucket(target.store) && target.store.startsWith(IGNORE_FILE.replace(/[^/]*$/, "")))
    await keepOutOfGit(target.folder);
}
