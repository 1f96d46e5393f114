// An open project: the store, the log and the keys connected for one command.
import { stat } from "node:fs/promises";
import { Log } from "../audit/log.ts";
import type { LoggedEvent } from "../audit/taken.ts";
import { CloisterError } from "../base/errors.ts";
import { type Identity, keyIdOf } from "../keys/identity.ts";
import { type KnownIdentity, readPublicIdentity, unlockIdentity } from "../keys/keyring.ts";
import type { Kms, KmsRefused } from "../keys/kms.ts";
import type { Member, Policy } from "../policy/schema.ts";
import type { Store } from "../store/store.ts";
import { ClassKeys } from "./class-keys.ts";
import { type ProjectConfig, requireConfig } from "./config.ts";
import { holderOf } from "./devices.ts";
import type { Host } from "./host.ts";
import { kmsOf } from "./kms.ts";
import { Ledger } from "./ledger.ts";
import { LogMemory } from "./log-memory.ts";
import { openStore } from "./open-store.ts";
import { identityPlaces, type Places, placesOf } from "./places.ts";
import type { SignedVersion } from "./policy-ledger.ts";
import { PolicyShelf, type PolicyVersion } from "./policy-shelf.ts";
import { GARBAGE_TIMES, type GarbageTimes } from "./store/times.ts";
import { recordsThere } from "./workspace/folder.ts";

/** Everything an operation on a project needs. One per command; not shared between commands. */
export interface Session {
  readonly host: Host;
  readonly config: ProjectConfig;
  readonly places: Places;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly keys: ClassKeys;
  readonly kms: Kms;
  /** Reads the log to its end and remembers it. Called before every decision. */
  sync(): Promise<void>;
  /** Appends to the log and remembers it. */
  append: Log["append"];
  /** The unlocked identity. @throws CloisterError NOT_AUTHENTICATED */
  identity(): Promise<Identity>;
  /** The public identity of this device. @throws CloisterError NOT_AUTHENTICATED */
  device(): Promise<KnownIdentity>;
  /** Who this device is in the policy in force. @throws CloisterError NOT_AUTHENTICATED */
  me(): Promise<Member>;
  /** The policy in force. */
  policy(): Promise<SignedVersion>;
  /**
   * Logs what happened while nothing could be logged: workspaces that were over when this command began. For the guard,
   * before it logs anything but such an end. Never throws.
   */
  logOverdue(): Promise<void>;
  /** The store's clock, asked at most once a second: a listing decides hundreds of times. */
  clock(): Promise<number>;
  /** What garbage collection waits for, and pushes rely on. */
  readonly garbageTimes: GarbageTimes;
}

/** Connects the project that `folder` lies in. @throws CloisterError NOT_FOUND, USAGE */
export async function openSession(host: Host, folder: string): Promise<Session> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new CloisterError("NOT_FOUND", `there is no folder ${folder}`, { next: "-C FOLDER" });
  }
  const config = await requireConfig(folder);
  const session = connect(host, config, await openStore(host, config));
  await session.begin();
  // A look into a folder is all that this costs where there is no workspace.
  if (recordsThere(session).length === 0) return session;
  const { logEnds, reapWorkspaces } = await import("./workspace/reap.ts");
  const overdue = await reapWorkspaces(session);
  const logOverdue = once(() => logEnds(session, overdue));
  return overdue.length === 0 ? session : { ...session, logOverdue };
}

/**
 * {@link openSession} with a store at hand: for a project that is just being made, and for tests of faults.
 * @param garbageTimes others than all members of a project go by are for tests alone
 */
export function connect(
  host: Host,
  config: ProjectConfig,
  store: Store,
  garbageTimes = GARBAGE_TIMES,
): Session & { begin(): Promise<void> } {
  const places = placesOf(host);
  const shelf = new PolicyShelf(store, places.cache, host.now);
  const ledger = new Ledger(config.project, config.pin, shelf);
  const memory = new LogMemory(places.state, config.project, config.pin);
  const log = new Log(store, config.project, ledger, (commit) => memory.remember(commit));
  const identity = once(() => unlock(host));
  const device = once(() => requireDevice(host));
  const kms = kmsOf(host, config);
  const policy = () => ledger.policy();
  const me = async () => memberHere(await policy(), await device());
  const explain = async (refused: KmsRefused, place: { domain: string; class: string }): Promise<KmsRefused> => {
    const [{ id }, { inTermsOfPolicy }] = await Promise.all([me(), import("./kms-denial.ts")]);
    return inTermsOfPolicy(refused, (await policy()).compiled.policy, id, place);
  };
  const keys = new ClassKeys({ store, ledger, project: config.project, identity, kms, explain });
  const inTurn = oneByOne();
  const session = {
    host,
    config,
    places,
    store,
    ledger,
    log,
    keys,
    kms,
    identity,
    device,
    policy,
    me,
    logOverdue: async () => {},
    begin: async () => {
      log.restore(await memory.load());
    },
    clock: storeClock(store, host.now),
    garbageTimes,
    sync: () =>
      inTurn(async () => {
        await requireStore(store, config);
        await log.sync();
        memory.check(log.commits);
        await memory.save();
      }),
    append: (signer: Identity, make: Parameters<Log["append"]>[1]): Promise<LoggedEvent> =>
      inTurn(async () => {
        const logged = await log.append(signer, make);
        // What is logged has happened; that this device could not note it must not look as if it had not.
        await memory.save().catch((error: unknown) => {
          host.notice(error instanceof Error ? error.message : String(error));
        });
        return logged;
      }),
  };
  return session;
}

/** What there is to say about how the identity is kept, is said when it is unlocked. */
async function unlock(host: Host): Promise<Identity> {
  const identity = await unlockIdentity(identityPlaces(host));
  for (const warning of identity.warnings) host.notice(warning);
  return identity;
}

function memberHere({ compiled }: PolicyVersion, device: KnownIdentity): Member {
  const holder = holderOf(compiled.policy, keyIdOf(device.signs));
  if (holder) return holder.member;
  throw new CloisterError("NOT_AUTHENTICATED", `you are no member of ${compiled.policy.project}`, {
    why: `its policy (version ${String(compiled.policy.version)}) does not name this device's key ${device.fingerprint}`,
    next: `ask an owner (${ownersOf(compiled.policy)}) to add you: cloister join prints the line to hand over`,
  });
}

/** Names of the people who can change the policy. */
export function ownersOf(policy: Policy): string {
  return policy.owners.members.join(", ");
}

async function requireDevice(host: Host): Promise<KnownIdentity> {
  const known = await readPublicIdentity(identityPlaces(host));
  if (known) return known;
  throw new CloisterError("NOT_AUTHENTICATED", "this device has no identity yet", {
    next: "cloister init, or cloister join STORE",
  });
}

const STORE_OBJECT = "cloister";

/** The store is there, and is the one of this project. */
async function requireStore(store: Store, config: ProjectConfig): Promise<void> {
  const there = await readStoreObject(store);
  if (there === undefined) {
    throw new CloisterError("NOT_FOUND", `there is no Cloister store at ${store.url}`, {
      why: "it was moved, removed, or is not mounted",
      next: `check the store line of ${config.folder}/.cloister/config.yaml`,
    });
  }
  if (there !== config.project) {
    throw new CloisterError("INTEGRITY", `the store at ${store.url} belongs to another project`, {
      why: `this folder belongs to project ${config.project}, the store to ${there}`,
    });
  }
}

/** The first object of every store: its format and its project id. */
function storeObject(project: string): Uint8Array {
  return Buffer.from(`{"cloister":"store@1","project":"${project}"}`);
}

/** Project id of the store, or undefined where there is none. @throws CloisterError USAGE for a newer format */
export async function readStoreObject(store: Store): Promise<string | undefined> {
  const bytes = await store.get(STORE_OBJECT, 1024);
  if (!bytes) return undefined;
  const match = /^\{"cloister":"store@(\d+)","project":"([0-9a-f]{32})"\}$/.exec(Buffer.from(bytes).toString("latin1"));
  if (match?.[1] === "1") return match[2];
  throw new CloisterError(match ? "USAGE" : "INTEGRITY", `the store at ${store.url} cannot be read by this version`, {
    next: match ? "upgrade cloister" : undefined,
  });
}

/** Claims an empty store for a project. */
export async function claimStore(store: Store, project: string): Promise<boolean> {
  return (await store.create(STORE_OBJECT, [storeObject(project)])) === "created";
}

function storeClock(store: Store, now: () => number): () => Promise<number> {
  let asked: { readonly at: number; readonly time: number } | undefined;
  return async () => {
    const at = now();
    if (!asked || Math.abs(at - asked.at) > CLOCK_MS) asked = { at, time: await store.now() };
    return asked.time + (at - asked.at);
  };
}

const CLOCK_MS = 1000;

/**
 * Each begins when the one before has ended: an endpoint that gets the next credential and the run that it is for use the
 * log of one session at once, which keeps its place in it.
 */
function oneByOne(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const ended = last.then(act);
    last = ended.catch(() => undefined);
    return ended;
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
