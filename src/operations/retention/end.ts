// Retiring a version, restoring it, and legal hold: entries of the log, which every reader judges. Nothing is deleted.
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { locate, resolve } from "../artifact/resolve.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { type Ask, perform, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Ended, EndOptions } from "../types.ts";
import { type Fate, fateOf, type Retiring } from "./fate.ts";

/** A retired version is no `latest`, and nobody pulls or mounts it; it can be restored. @throws USAGE, POLICY_DENIED */
export function retireVersion(session: Session, options: EndOptions): Promise<Ended> {
  return end(session, options, { done: "retired", action: "artifact.retire", retire: "retire" });
}

/** @throws CloisterError USAGE where it is not retired, NOT_FOUND where its keys were destroyed, POLICY_DENIED */
export function restoreVersion(session: Session, options: EndOptions): Promise<Ended> {
  return end(session, options, { done: "restored", action: "artifact.restore" });
}

/** Under legal hold a version's keys are not destroyed, whoever asks. @throws USAGE, POLICY_DENIED */
export function holdVersion(session: Session, options: EndOptions & { readonly release?: boolean }): Promise<Ended> {
  const { release = false } = options;
  const done = release ? "released" : "held";
  return end(session, options, { done, action: "artifact.retire", retire: release ? "release" : "hold" });
}

interface Kind {
  readonly done: Ended["done"];
  readonly action: "artifact.retire" | "artifact.restore";
  readonly retire?: Retiring;
}

async function end(session: Session, options: EndOptions, kind: Kind): Promise<Ended> {
  await session.sync();
  const { justification, dryRun = false } = options;
  const { record, versionId, reference } = await endable(session, options, kind);
  const already = whyPointless(await fateOf(session, versionId), kind.done);
  if (already !== undefined) {
    throw new CloisterError("USAGE", `${reference} ${already}`, { next: `cloister show ${reference}` });
  }
  const ask = endAsk({ record, versionId }, reference, kind, justification);
  const result = (logEntry: number | undefined): Ended => {
    const { domain, class: klass } = record;
    return { reference, versionId, domain, class: klass, done: kind.done, dryRun, logEntry };
  };
  if (dryRun) {
    await wouldPermit(session, ask);
    return result(undefined);
  }
  const { done } = await perform(session, ask, async () => ({
    result: undefined,
    outcome: { facts: ask.facts ?? {} },
  }));
  return result(done.entry);
}

interface Endable {
  readonly record: Pick<Version["record"], "domain" | "class">;
  readonly versionId: string;
  readonly reference: string;
}

/** What is damaged for good can still be retired, and its keys destroyed: garbage collection waits for it otherwise. */
async function endable(session: Session, { reference, justification }: EndOptions, kind: Kind): Promise<Endable> {
  try {
    const version = await resolve(session, reference, { action: kind.action, justification });
    return { ...version, reference: referenceTo(version) };
  } catch (error) {
    const named = isIntegrity(error) && kind.done === "retired" && parseReference(reference).version.kind !== "latest";
    if (!named) throw error;
    const { versionId, domain, done } = await locate(session, reference);
    return { record: { domain, class: done.event.class ?? "" }, versionId, reference };
  }
}

/** Without the kind: whoever reads the log only has to know as much to judge it. */
export function endAsk(
  { record, versionId }: { readonly record: Pick<Version["record"], "domain" | "class">; readonly versionId: string },
  reference: string,
  { done, action, retire }: Pick<Kind, "action" | "retire"> & { readonly done: string },
  justification: string | undefined,
): Ask {
  const verb = VERBS[done] ?? done;
  return {
    ...{ title: `${verb} ${reference}`, action, reference, versionId, justification },
    ...{ domain: record.domain, class: record.class },
    ...(retire === undefined ? {} : { governance: { retire }, facts: { retire } }),
    sealed: { artifact: reference, justification },
  };
}

const VERBS: Readonly<Record<string, string>> = {
  retired: "retire",
  restored: "restore",
  held: "put under legal hold",
  released: "lift the legal hold of",
  shredded: "destroy the keys of",
};

function whyPointless({ retired, held }: Fate, done: Ended["done"]): string | undefined {
  if (done === "retired" && retired) return `is retired already (#${String(retired.entry)})`;
  if (done === "restored" && !retired) return "is not retired";
  if (done === "held" && held) return `is under legal hold already (#${String(held.entry)})`;
  if (done === "released" && !held) return "is not under legal hold";
  return undefined;
}
