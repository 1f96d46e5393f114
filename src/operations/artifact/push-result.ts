// What a push tells of itself.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Session } from "../session.ts";
import type { Pushed } from "../types.ts";
import type { Numbered } from "./commit-version.ts";
import type { Journal } from "./journal.ts";
import type { Content } from "./push-content.ts";
import type { PushPlan } from "./push-plan.ts";
import { referenceOf } from "./versions.ts";

/** From what was pushed, not from the store: somebody may push into a class they cannot read. */
export function resultOf(
  plan: PushPlan,
  content: Content,
  { number, versionId, done, journal }: Numbered & { readonly done: LoggedEvent; readonly journal: Journal },
): Pushed {
  const { domain, name, label, kind, classFrom } = plan;
  const { bytes, bytesNew, bases } = content;
  const stored = content.packs.filter(({ id }) => journal.isNew(id));
  return {
    reference: referenceOf(domain, name, label, number),
    ...{ domain, name, number, label, class: plan.class, kind, versionId, classFrom, resumed: journal.resumed },
    digest: content.dirHash,
    ...{ bytes, bytesNew, bytesReused: bytes - bytesNew },
    bytesStored: stored.reduce((sum, pack) => sum + pack.bytes, 0),
    foundIn: foundIn(content),
    notSearched: bases.leftOut,
    files: content.files.filter((file) => file.kind !== "directory").length,
    pushedBy: done.member,
    pushedAt: new Date(done.timeMs).toISOString(),
    logEntry: done.entry,
    dryRun: false,
  };
}

/** A pack that several bases have counts for the first, which is the one that was searched first. */
function foundIn({ packs, bases }: Content): readonly string[] {
  const used = new Set(packs.map(({ id }) => id));
  return bases.usable.flatMap(({ reference, tree }) => {
    const helped = tree.packs.filter(({ id }) => used.delete(id));
    return helped.length > 0 ? [reference] : [];
  });
}

/** The number is not given, and nothing was read: both are for the push itself. */
export async function dryRunOf(session: Session, plan: PushPlan): Promise<Pushed> {
  const { domain, name, label, kind, classFrom } = plan;
  return {
    reference: `${domain}/${name}${label === undefined ? "" : `:${label}`}`,
    ...{ domain, name, number: 0, label, class: plan.class, kind, versionId: "", classFrom, resumed: false },
    ...{ digest: "", bytes: 0, bytesNew: 0, bytesReused: 0, bytesStored: 0, files: 0, foundIn: [], notSearched: [] },
    ...{ logEntry: session.log.size - 1, dryRun: true },
    pushedBy: (await session.me()).id,
    pushedAt: new Date(await session.store.now()).toISOString(),
  };
}
