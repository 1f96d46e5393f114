// Releasing a key: who approves a request re-wraps their half of it to the devices of whoever asked.
import { CloisterError, integrity } from "../../base/errors.ts";
import { type KeyHalf, releaseHalfTo } from "../../keys/key-half.ts";
import { groupName, halvesFor, isOfPurpose, type Split } from "../../policy/key-halves.ts";
import { readRecord } from "../artifact/versions.ts";
import { eachOf } from "../each-of.ts";
import type { Session } from "../session.ts";
import { halvesOfMine, ownHalf, type SplitVersion } from "./own-half.ts";
import { releaseName } from "./released-key.ts";

/** What was asked for, as the approver's own reading of policy and log has it. */
export interface ReleaseRequest {
  /** SHA-256 of the signed request, hex. */
  readonly hash: string;
  readonly versionId: string;
  /** Recipients (`age1…`) of all devices of whoever asked, from the policy in force. */
  readonly devices: readonly string[];
  /** From then on nothing is released; ms since 1970. */
  readonly expiresMs: number;
  /** Left out: `release`. */
  readonly purpose?: Split["purpose"] | undefined;
}

export interface ReleasedHalf {
  /** Such as `half-data-owner`. */
  readonly half: string;
  readonly devices: number;
}

/**
 * Releases this member's half of the version's data key for one request; undefined where they hold none, because the key
 * is not split, or because they are in none of its groups. Doing it twice is doing it once.
 *
 * @throws CloisterError POLICY_DENIED (the request is over, or one person would give both halves), NOT_AUTHENTICATED (this
 * device was not given its half), INTEGRITY (what lies in its place is not it)
 */
export async function releaseHalf(session: Session, request: ReleaseRequest): Promise<ReleasedHalf | undefined> {
  const { purpose = "release" } = request;
  const version = await splitVersion(session, request.versionId);
  const mine = (await halvesOfMine(session, version)).filter((half) => isOfPurpose(half, purpose));
  const [half, another] = mine;
  if (half === undefined) return undefined;
  if (another !== undefined) {
    throw new CloisterError("POLICY_DENIED", "release the key of a version", {
      why: `you would release both halves of it, as ${groupName(half)} and as ${groupName(another)}`,
      next: "ask somebody else to approve",
    });
  }
  if ((await session.clock()) >= request.expiresMs) {
    throw new CloisterError("POLICY_DENIED", "release the key of a version", {
      why: "the request is over",
      next: "ask for a new request",
    });
  }
  const opened = await ownHalf(session, version, half);
  if (!opened) throw notGiven(half);
  await release(session, request, { half, opened });
  await sayForGood(session, request, version, half);
  return { half, devices: request.devices.length };
}

/** A grant ends, and a key does not: nobody is to take the one for the other. */
async function sayForGood(
  session: Session,
  { hash, devices, purpose = "release" }: ReleaseRequest,
  { record }: SplitVersion,
  half: string,
): Promise<void> {
  const other = halvesFor(record.halves, purpose)?.find((each) => each !== half) ?? "";
  const [first = ""] = devices;
  const isThere = await session.store.range(releaseName({ request: hash, half: other }, first), 0, 1);
  session.host.notice(
    isThere
      ? "both halves of its key are released: whoever asked has it for good, whatever is decided later"
      : "one half of its key is released: with the other one, whoever asked has it for good",
  );
}

async function release(
  session: Session,
  { hash, versionId, devices }: ReleaseRequest,
  { half, opened }: { readonly half: string; readonly opened: KeyHalf },
): Promise<void> {
  const context = { project: session.config.project, versionId, half, request: hash };
  await eachOf(devices, DEVICES_AT_ONCE, async (reads) => {
    await put(session, releaseName(context, reads), await releaseHalfTo(reads, context, opened));
  });
}

/** Requests to a store under way at once. */
const DEVICES_AT_ONCE = 8;

/** What lies there is another holder's release of the same half, or junk: nobody but the requester can tell. */
async function put(session: Session, name: string, file: Uint8Array): Promise<void> {
  if ((await session.store.create(name, [file])) === "created") return;
  await session.store.delete(name);
  if ((await session.store.create(name, [file])) === "created") return;
  throw integrity(`somebody keeps putting other objects at ${name}`, { next: "find out who writes to the store" });
}

/** A logged version by its signed record alone. @throws CloisterError NOT_FOUND, INTEGRITY */
async function splitVersion(session: Session, versionId: string): Promise<SplitVersion> {
  const logged = session.ledger.versionById(versionId);
  if (!logged) throw new CloisterError("NOT_FOUND", `there is no version ${versionId.slice(0, 12)}`);
  return readRecord(session, logged);
}

function notGiven(half: string): CloisterError {
  const group = groupName(half);
  return new CloisterError("NOT_AUTHENTICATED", "this device holds no half of the version's key", {
    why: `it was pushed before this device was one of a ${group}, and nobody has handed it on yet`,
    next: `ask somebody who was ${group} then to approve, or to run: cloister key hand-on`,
  });
}
