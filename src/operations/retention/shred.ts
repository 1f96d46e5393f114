// Destroying the keys of a version: every object in the store that holds one of them, in any wrapping, is deleted.
import { CloisterError } from "../../base/errors.ts";
import { SHA256 } from "../../base/record.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { versionNamed } from "../artifact/named.ts";
import { locate } from "../artifact/resolve.ts";
import { referenceTo } from "../artifact/versions.ts";
import { eachOf } from "../each-of.ts";
import { begin, newOperationId, type Operation, wouldPermit } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { EndOptions, Shredded } from "../types.ts";
import { endAsk } from "./end.ts";
import { type Fate, fateOf } from "./fate.ts";

/**
 * Only what is retired and not under legal hold. Logged before the first deletion, from where on readers treat it as gone,
 * and after the last; what was interrupted is gone on with by the same command.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), UNAVAILABLE
 */
export async function shredVersion(session: Session, options: EndOptions): Promise<Shredded> {
  await session.sync();
  const logged = await locate(session, options.reference);
  return shredLogged(session, logged, options);
}

/** {@link shredVersion} for a version of the log. */
export async function shredLogged(session: Session, logged: LoggedVersion, options: EndOptions): Promise<Shredded> {
  const { versionId, domain } = logged;
  const klass = logged.done.event.class ?? "";
  const { dryRun = false, justification } = options;
  const fate = await fateOf(session, versionId);
  const named = await versionNamed(session, versionId);
  const reference = named ? referenceTo(named) : options.reference;
  checkReady(fate, reference);
  const kind = { done: "shredded", action: "artifact.retire", retire: "shred" } as const;
  const ask = endAsk({ record: { domain, class: klass }, versionId }, reference, kind, justification);
  const newerVersions = session.ledger.versionsOf(domain, logged.nameId).length - logged.number;
  const common = {
    reference,
    versionId,
    domain,
    class: klass,
    newerVersions,
    dryRun,
    resumed: fate.shredded !== undefined,
  };
  if (dryRun) {
    await wouldPermit(session, ask);
    return { ...common, deleted: 0, logEntry: undefined };
  }
  const operation = await begin(session, ask, await operationFor(session, fate));
  await checkCounts(session, versionId, reference, operation);
  const deleted = await deleteKeys(session, { domain, class: klass, versionId });
  const done = await operation.done(() => ({ facts: { ...ask.facts, deleted } }));
  return { ...common, deleted, logEntry: done.entry };
}

function checkReady({ retired, held, shredded }: Fate, reference: string): void {
  if (shredded?.done) {
    const { member, entry } = shredded.done;
    throw new CloisterError("USAGE", `the keys of ${reference} are destroyed already`, {
      why: `by ${member} (#${String(entry)})`,
    });
  }
  if (shredded) return;
  if (!retired) {
    throw new CloisterError("USAGE", `${reference} is in use: only a retired version is shredded`, {
      next: `cloister artifact retire ${reference} --why …`,
    });
  }
  if (!held) return;
  throw new CloisterError("POLICY_DENIED", `destroy the keys of ${reference}`, {
    why: `it is under legal hold: by ${held.member} (#${String(held.entry)})`,
    next: `cloister artifact hold ${reference} --release --why …`,
  });
}

/** Before anything is deleted: somebody may have put it under legal hold just before the intent came to stand in the log. */
async function checkCounts(
  session: Session,
  versionId: string,
  reference: string,
  operation: Operation,
): Promise<void> {
  const fate = await fateOf(session, versionId);
  if (fate.shredded) return;
  const error = new CloisterError("POLICY_DENIED", `destroy the keys of ${reference}`, {
    why: fate.ignored.at(-1)?.why,
    next: `cloister show ${reference}`,
  });
  await operation.failed(error);
  throw error;
}

/** The operation that an earlier command began on this device under the same policy. */
async function operationFor(session: Session, { shredded }: Fate): Promise<string> {
  const begun = shredded?.begun;
  const mine = begun !== undefined && begun.keyId === keyIdOf((await session.device()).signs);
  const same = mine && begun.event.policy === session.ledger.inForce.version;
  return same ? begun.event.operation : newOperationId();
}

const AT_ONCE = 8;

/**
 * Wraps of both keys, halves of split ones, and what was released of these for any request. Looked for again afterwards:
 * a release that was under way comes to lie there meanwhile.
 */
async function deleteKeys(
  session: Session,
  version: { readonly domain: string; readonly class: string; readonly versionId: string },
): Promise<number> {
  const { domain, class: klass, versionId } = version;
  const prefixes = [
    `wraps/${domain}/${klass}/${versionId}/`,
    ...requestsAbout(session, versionId).map((request) => `releases/${request}/`),
  ];
  let deleted = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const names: string[] = [];
    for (const prefix of prefixes) for await (const { name } of session.store.list(prefix)) names.push(name);
    if (names.length === 0) return deleted;
    await eachOf(names, AT_ONCE, (name) => session.store.delete(name));
    deleted += names.length;
  }
  throw new CloisterError("UNAVAILABLE", "keys of it come to lie in the store again and again", {
    why: "somebody writes them while they are deleted, or the store does not delete",
    next: "run the same command again",
  });
}

/** Rounds after which somebody is taken to put them back. */
const ROUNDS_MAX = 5;

/** Hashes of all requests about the version, whoever made them. */
function requestsAbout({ ledger }: Session, versionId: string): readonly string[] {
  const hashes = ledger.index.about(versionId).flatMap(({ event }) => {
    const request = event.facts?.["request"];
    return typeof request === "string" && SHA256.test(request) ? [request] : [];
  });
  return [...new Set(hashes)];
}
