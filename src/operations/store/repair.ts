// Repairing a store: missing objects are added from another copy of it, and what is not what was signed makes room for what
// is. Nothing is deleted: what has to go is moved to `quarantine/`, which no reader looks at.
import { randomBytes } from "node:crypto";
import { CloisterError, integrity } from "../../base/errors.ts";
import { checkAborted } from "../../content/abort.ts";
import type { Store } from "../../store/store.ts";
import { eachOf } from "../each-of.ts";
import { type Ask, perform, permit, wouldPermit } from "../guard.ts";
import { openStore, placeOfStore, storeConfigFor } from "../open-store.ts";
import { copyObjects } from "../project/copy-objects.ts";
import { readStoreObject, type Session } from "../session.ts";
import type { RepairedObject, RepairStoreOptions, StoreChecked, StoreRepaired } from "../types.ts";
import { checkStore } from "./check.ts";
import { takeInventory } from "./inventory.ts";
import { markName, readMark } from "./mark.ts";
import { repairable } from "./repair-plan.ts";

const ASK: Ask = { title: "repair the store", action: "store.gc", sealed: {} };

/**
 * Looks, or with `yes` acts, and then checks again.
 * @throws CloisterError POLICY_DENIED, USAGE where the copy is of something else, UNAVAILABLE; what is left is a result
 */
export async function repairStore(session: Session, options: RepairStoreOptions): Promise<StoreRepaired> {
  const { yes = false, read = false } = options;
  await session.sync();
  if (yes) await permit(session, ASK);
  else await wouldPermit(session, ASK);
  const copy = await copyOf(session, options);
  const checked = await checkStore(session, { read });
  const objects = await planRepair(session, copy, checked);
  if (!yes || objects.length === 0) return { dryRun: !yes, objects, left: checked.damaged, logEntry: undefined };
  const { done } = await perform(session, ASK, async (_, released) => {
    released();
    for (const object of objects) {
      checkAborted(session.host.signal);
      await putRight(session, copy, object);
    }
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
    return { result: undefined, outcome: { facts: { repaired: objects.length, bytes, complete: true } } };
  });
  const after = await checkStore(session, { read });
  return { dryRun: false, objects, left: after.damaged, logEntry: done.entry };
}

/** The copy, if one was named; a session that reads there and knows what this one knows. */
async function copyOf(session: Session, options: RepairStoreOptions): Promise<Session | undefined> {
  const { host, config } = session;
  if (options.from === undefined) return undefined;
  const place = { ...config, ...storeConfigFor(host, config.folder, { ...options, store: options.from }) };
  const store = await openStore(host, place);
  const project = await readStoreObject(store);
  if (project === config.project) return { ...session, store };
  throw new CloisterError("USAGE", `${placeOfStore(place)} is no copy of this store`, {
    why: project === undefined ? "there is no store there" : "it is the store of another project",
    next: "name a folder or bucket that cloister store copy made, or a backup",
  });
}

async function planRepair(
  session: Session,
  copy: Session | undefined,
  checked: StoreChecked,
): Promise<readonly RepairedObject[]> {
  const inventory = await takeInventory(session);
  const found = new Map<string, RepairedObject>();
  await eachOf([...inventory.marks], MARKS_AT_ONCE, async ([id, { name, bytes }]) => {
    if (name === markName(id) && (await readMark(session.store, id)) === "junk") {
      found.set(name, { name, what: "set-aside", bytes, by: "form" });
    }
  });
  if (!copy) return [...found.values()];
  const both = { here: session, copy, inventory, copied: await takeInventory(copy) };
  for (const { versionId, damage } of checked.damaged) {
    const logged = session.ledger.versionById(versionId);
    const inside = damage.some((what) => !/^the (?:pack|seal|sealed|wrapped) /.test(what));
    for (const object of logged ? await repairable(both, logged, inside) : []) found.set(object.name, object);
  }
  return [...found.values()];
}

const MARKS_AT_ONCE = 16;

/** Interrupted after what was wrong went, the next run adds what is right: then it is missing. */
async function putRight({ store, host }: Session, copy: Session | undefined, object: RepairedObject): Promise<void> {
  const { name, what, bytes } = object;
  if (what !== "add") await setAside(store, name);
  if (what === "set-aside" || !copy) return;
  const onObject = () => host.progress({ step: "repairing", bytes, bytesTotal: undefined });
  await copyObjects({ from: copy.store, to: store, signal: host.signal, onObject }, new Map([[name, bytes]]));
}

/** What can be an object at all. */
const OBJECT_BYTES_MAX = 2 ** 31 - 1;

/** Copies it, reads the copy back, and only then takes it away from its name. */
async function setAside(store: Store, name: string): Promise<void> {
  // Not a part of it: what is taken away has to be whole in its new place.
  const content = await store.get(name, OBJECT_BYTES_MAX);
  if (!content) return;
  const aside = `quarantine/${randomBytes(16).toString("hex")}/${name}`;
  await store.create(aside, [content]);
  const there = await store.range(aside, 0, content.length + 1);
  if (!there || Buffer.compare(there, content) !== 0) {
    throw integrity(`the store did not keep ${aside}`, { next: "nothing was taken away; check its disk or server" });
  }
  await store.delete(name);
}
