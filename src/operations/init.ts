// Making a project: what was found on this device, the plan, and the project itself.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { CloisterError } from "../base/errors.ts";
import { checkName, NAME } from "../base/name.ts";
import { fingerprint, type Identity, type PublicIdentity } from "../keys/identity.ts";
import { createIdentity, describeStorage, readPublicIdentity, unlockIdentity } from "../keys/keyring.ts";
import { awsBlock } from "../policy/aws-block.ts";
import { describePolicy } from "../policy/describe.ts";
import { readPolicy } from "../policy/read.ts";
import { fillTemplate } from "../policy/template.ts";
import type { Store } from "../store/store.ts";
import {
  CONFIG_FILE,
  findConfig,
  IGNORE_FILE,
  keepOutOfGit,
  POLICY_FILE,
  type ProjectConfig,
  writeConfig,
} from "./config.ts";
import { newOperationId } from "./guard.ts";
import type { Host } from "./host.ts";
import { kmsOf } from "./kms.ts";
import { readLocal, writeLocal } from "./local-file.ts";
import { argumentsOfStore, isBucket, openStore, placeOfStore } from "./open-store.ts";
import { identityPlaces } from "./places.ts";
import {
  checkHeld,
  distribute,
  keepUnderKms,
  makeEpochs,
  placesNeeded,
  readForSigning,
  storePolicy,
} from "./policy/publish.ts";
import { parsePolicy, signPolicy } from "./policy-shelf.ts";
import { gitDefaults } from "./project/git-config.ts";
import { awsPlaceOf } from "./project/init-aws.ts";
import { claimStore, connect, readStoreObject } from "./session.ts";
import { TEMPLATES } from "./templates.ts";
import type { Created, CreateOptions, Detected, Plan } from "./types.ts";

const DAY_MS = 86_400_000;
/** A year: long enough not to get in the way, short enough to bound a frozen copy (policy.md, Trust). */
const EXPIRES_DAYS = 365;

/** What this device and folder suggest, so that the questions have good defaults. */
export async function detect(host: Host, folder: string): Promise<Detected> {
  const at = resolve(host.cwd, folder);
  const { git, userName } = await gitDefaults(at, host);
  const identity = await readPublicIdentity(identityPlaces(host));
  const name = userName ?? host.userName;
  return {
    folder: at,
    git,
    member: nameFrom(host.userName === "root" ? (name.split(" ")[0] ?? "") : host.userName, "me"),
    name,
    project: nameFrom(basename(at), "project"),
    templates: await templates(),
    identity: identity && { fingerprint: identity.fingerprint, storage: identity.storage },
  };
}

/** Refuses where there is a project already, and checks names. @throws CloisterError USAGE */
async function check(host: Host, options: CreateOptions): Promise<ProjectConfig> {
  const folder = resolve(host.cwd, options.folder);
  const existing = await findConfig(folder);
  if (existing?.folder === folder) {
    throw new CloisterError("USAGE", `${folder} is a Cloister project already`, {
      why: "nothing is ever overwritten",
      next: "cloister status   (or choose another folder)",
    });
  }
  if (await readLocal(join(folder, POLICY_FILE), 1_000_000)) {
    throw new CloisterError("USAGE", `${join(folder, POLICY_FILE)} exists already`, {
      next: "move it away, or choose another folder",
    });
  }
  const known = await templates();
  if (!known.some((template) => template.name === options.template)) {
    throw new CloisterError("USAGE", `there is no template ${options.template}`, {
      next: `--template ${known.map((template) => template.name).join(" or ")}`,
    });
  }
  const inAws = awsPlaceOf(options);
  for (const field of ["project", "member", "domain", "purpose"] as const) {
    checkName(options[field], field === "member" ? "member id" : field);
  }
  const { store, endpoint, profile } = options;
  // Where the store is a folder for now, the region is the one that the policy names.
  const region = inAws && !isBucket(store) ? undefined : options.region;
  const config = { folder, store, endpoint, region, profile, project: "", pin: "" };
  // Nothing is asked of it yet: what is said of it must make sense.
  await openStore(host, config);
  return config;
}

/** What `create` would write. @throws CloisterError USAGE, UNSUPPORTED_HOST (no safe place for an identity) */
export async function plan(host: Host, options: CreateOptions): Promise<Plan> {
  const config = await check(host, options);
  const places = identityPlaces(host);
  const known = await readPublicIdentity(places);
  const text = await policyText(host, options, "0".repeat(32), known ?? EXAMPLE_IDENTITY);
  const { policy } = readPolicy(Buffer.from(text), { now: host.now() });
  return {
    folder: config.folder,
    store: placeOfStore(config),
    files: filesOf(config),
    identity: known
      ? `${known.fingerprint}, kept in ${known.storage}`
      : `new, kept in ${await describeStorage(places)}`,
    policyLines: policy ? describePolicy(policy) : [],
    policyText: known ? text : text.replaceAll(EXAMPLE_IDENTITY.signs, "…").replaceAll(EXAMPLE_IDENTITY.reads, "…"),
  };
}

/**
 * Makes the project: identity, keys, policy version 1, log, and last the local files. A run that was interrupted before
 * the log began can be repeated, as what it left never counted; after that, `join` makes the local files.
 * @throws CloisterError USAGE, UNSUPPORTED_HOST, FAILURE
 */
export async function create(host: Host, options: CreateOptions): Promise<Created> {
  const draft = await check(host, options);
  const store = await openStore(host, draft);
  await store.prove?.();
  await clearUnfinished(store, draft);
  const places = identityPlaces(host, options.signingKey);
  const identity = (await readPublicIdentity(places)) ? await unlockIdentity(places) : await createIdentity(places);
  for (const warning of identity.warnings) host.notice(warning);
  const known = await readPublicIdentity(places);
  const project = randomBytes(16).toString("hex");
  const text = Buffer.from(await policyText(host, options, project, identity));
  const policy = await readForSigning(text, POLICY_FILE, host.now());
  if (!(await claimStore(store, project))) throw occupied(store.url, draft);
  const kms = kmsOf(host, draft);
  const { digests, held } = await makeEpochs(store, identity, project, placesNeeded(policy));
  await keepUnderKms(store, kms, held);
  await distribute(store, policy, held, () => true);
  await checkHeld(store, kms, identity, held, policy);
  const digest = await storePolicy(store, policy, parsePolicy(await signPolicy(text, identity), POLICY_FILE));
  const config = { ...draft, project, pin: digest };
  const entry = await beginLog(host, config, store, identity, digests);
  await writeLocal(join(config.folder, POLICY_FILE), text, 0o644);
  await writeConfig(config);
  if (!isBucket(config.store)) await keepOutOfGit(config.folder);
  return {
    folder: config.folder,
    store: placeOfStore(config),
    project: options.project,
    projectId: project,
    policyVersion: 1,
    policyDigest: digest,
    member: options.member,
    fingerprint: fingerprint(identity),
    identityStorage: known?.storage ?? "",
    files: filesOf(config),
    logEntry: entry,
  };
}

/** The first commit: intent and outcome of the policy that everything else rests on. */
async function beginLog(
  host: Host,
  config: ProjectConfig,
  store: Store,
  identity: Identity,
  epochs: Readonly<Record<string, string>>,
): Promise<number> {
  const session = connect(host, config, store);
  const { project, pin } = config;
  const events = await session.log.appendAll(identity, async () => {
    const timeMs = Math.floor(await store.now());
    const facts = { policyVersion: 1, policyDigest: pin };
    const common = { project, operation: newOperationId(), action: "policy.change", timeMs, policy: 1 };
    const decided = { rules: ["builtin:first-policy"], enforcement: "refused by every reader" };
    return [
      { ...common, ...decided, phase: "intent" as const, facts },
      { ...common, ...decided, phase: "done" as const, facts: { ...facts, epochs } },
    ];
  });
  await session.sync();
  return events.at(-1)?.entry ?? 0;
}

function filesOf({ folder, store }: ProjectConfig): readonly string[] {
  const files = [POLICY_FILE, CONFIG_FILE, ...(isBucket(store) ? [] : [IGNORE_FILE])];
  return files.map((file) => join(folder, file));
}

function occupied(url: string, config: ProjectConfig): CloisterError {
  return new CloisterError("USAGE", `there is a project in ${url} already`, {
    next: `cloister join ${argumentsOfStore(url, config)}   (or choose another --store)`,
  });
}

/** Removes what an interrupted `create` left: objects of a project without a log, which no reader accepts. */
async function clearUnfinished(store: Store, config: ProjectConfig): Promise<void> {
  if ((await readStoreObject(store)) === undefined) return;
  for (const prefix of ["log/", "versions/", "seals/", "wraps/", "packs/"]) {
    for await (const _ of store.list(prefix)) throw occupied(store.url, config);
  }
  for (const prefix of ["policy/", "epochs/", "keys/"]) {
    for await (const { name } of store.list(prefix)) await store.delete(name);
  }
  await store.delete("cloister");
}

/** Real keys of nobody: a plan must pass the checks that the policy will pass. */
const EXAMPLE_IDENTITY: PublicIdentity = {
  signs: "p256:A2sX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKW",
  reads: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
};

async function policyText(
  host: Host,
  options: CreateOptions,
  id: string,
  { signs, reads }: PublicIdentity,
): Promise<string> {
  const { project, member, name, domain, purpose } = options;
  const expires = new Date(host.now() + EXPIRES_DAYS * DAY_MS).toISOString().slice(0, 10);
  const template = await readFile(new URL(`${options.template}/${POLICY_FILE}`, TEMPLATES), "utf8");
  const filled = fillTemplate(template, { project, id, member, name, signs, reads, domain, purpose, expires });
  const aws = awsPlaceOf(options);
  return aws ? filled + awsBlock(aws) : filled;
}

/** Templates by name, with the first line of their policy as title. */
async function templates(): Promise<readonly { readonly name: string; readonly title: string }[]> {
  const found: { name: string; title: string }[] = [];
  for (const entry of await readdir(TEMPLATES, { withFileTypes: true })) {
    const text = await readFile(new URL(`${entry.name}/${POLICY_FILE}`, TEMPLATES), "utf8").catch(() => undefined);
    if (text !== undefined) found.push({ name: entry.name, title: (text.split("\n")[0] ?? "").replace(/^#\s*/, "") });
  }
  return found.sort((a, b) => (a.name === "solo" ? -1 : b.name === "solo" ? 1 : a.name < b.name ? -1 : 1));
}

function nameFrom(text: string, fallback: string): string {
  const name = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|-+$/g, "")
    .slice(0, 64);
  return NAME.test(name) ? name : fallback;
}
