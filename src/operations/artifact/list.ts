// Listing and showing what this member can see.

import type { LoggedEvent } from "../../audit/taken.ts";
import { byUtf8 } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { KmsRefused } from "../../keys/kms.ts";
import type { GitState } from "../../provenance/manifest.ts";
import { nameIdOf } from "../class-keys.ts";
import { type Standing, standingOf } from "../governance/stage.ts";
import { mayI } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import { fateOf } from "../retention/fate.ts";
import { runSummary } from "../run-summary.ts";
import type { Session } from "../session.ts";
import { statementsOf } from "../stage/statements.ts";
import { tagWords } from "../stage/tag-words.ts";
import type { CodeState, Ignored, ListedVersion, Listing, ListOptions, VersionDetail } from "../types.ts";
import { manifestOf } from "./check-manifest.ts";
import { domainOf, permitReading, resolve } from "./resolve.ts";
import { treeOf } from "./version-content.ts";
import { readVersionAt, summaryOf, type Version } from "./versions.ts";

/** Versions this member may see, by name and number; what does not count is named with the reason. */
export async function list(session: Session, options: ListOptions): Promise<Listing> {
  await session.sync();
  await session.me();
  const versions: Omit<ListedVersion, "tags">[] = [];
  const shredded: Listing["shredded"][number][] = [];
  const hidden = new Map<string, { where: string; count: number; why: string | undefined }>();
  const ignored: Ignored[] = [];
  for (const { logged, nameKey } of await wanted(session, options.name)) {
    const judged = await readVersionAt(session, logged, nameKey);
    if (judged.kind === "ignored") ignored.push(judged.ignored);
    else if (judged.kind === "shredded") {
      if (options.all) shredded.push(shreddedOf(logged, judged.begun));
    } else if (judged.kind === "accepted" && (await visible(session, judged.version))) {
      const standing = await standingNow(session, judged.version);
      const end = await endOf(session, logged.versionId);
      if (options.all || !end.retired)
        versions.push({ ...summaryOf(judged.version), stage: standing?.stage, ...end.now });
      ignored.push(...(standing?.ignored ?? []), ...end.ignored);
    } else {
      const { record } = judged.kind === "hidden" ? judged : judged.version;
      const where = `${record.domain}/${record.class}`;
      const why = judged.kind === "hidden" ? judged.refused?.message : undefined;
      hidden.set(where, { where, why, count: (hidden.get(where)?.count ?? 0) + 1 });
    }
  }
  versions.sort((a, b) => byUtf8(`${a.domain}/${a.name}`, `${b.domain}/${b.name}`) || a.number - b.number);
  const tags = await tagWords(session, versions);
  return {
    versions: versions.map((version) => ({ ...version, tags: tags.words.get(version.versionId) ?? [] })),
    ...{ shredded, hidden: [...hidden.values()], ignored: [...ignored, ...tags.ignored] },
  };
}

function shreddedOf({ domain, nameId, number, versionId }: LoggedVersion, { member, entry }: LoggedEvent) {
  const what = `${domain}/(name ${nameId.slice(0, 12)}):v${String(number)}`;
  return { what, versionId, by: member, logEntry: entry };
}

/** What became of a version, and what was logged of that and does not count. */
async function endOf(session: Session, versionId: string) {
  const { retired, held, ignored } = await fateOf(session, versionId);
  const by = (logged: LoggedEvent | undefined) => logged && { by: logged.member, logEntry: logged.entry };
  return { retired, now: { retired: by(retired), held: by(held) }, ignored };
}

/** The logged versions of one artifact, or of all in the domains whose name key this member holds. */
async function wanted(session: Session, name: string | undefined) {
  const { ledger, keys } = session;
  const { policy } = (await session.policy()).compiled;
  const all: { logged: LoggedVersion; nameKey: Buffer }[] = [];
  const add = (domain: string, nameId: string, nameKey: Buffer) => {
    for (const logged of ledger.versionsOf(domain, nameId)) all.push({ logged, nameKey });
  };
  if (name !== undefined) {
    const reference = parseReference(name);
    const domain = domainOf(policy, reference.domain);
    const nameKey = await keys.requireNameKey(domain);
    add(domain, nameIdOf(nameKey, reference.name), nameKey);
    return all;
  }
  for (const { id: domain } of policy.domains) {
    const nameKey = await keys.nameKey(domain);
    if (nameKey) for (const nameId of ledger.artifactsIn(domain)) add(domain, nameId, nameKey);
  }
  return all;
}

/** Where it stands in the stages of the policy in force. */
async function standingNow(session: Session, { versionId, header }: Version): Promise<Standing | undefined> {
  const { policy } = (await session.policy()).compiled;
  return standingOf(session, versionId, { policy, kind: header.kind });
}

function visible(session: Session, { record, header, versionId }: Version): Promise<boolean> {
  const { domain, class: klass } = record;
  return mayI(session, { action: "artifact.read-metadata", domain, class: klass, kind: header.kind, versionId });
}

/** Everything about one version. @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED */
export async function show(session: Session, reference: string): Promise<VersionDetail> {
  await session.sync();
  const version = await resolve(session, reference, { action: "artifact.read-metadata" });
  await permitReading(session, version);
  const { header } = version;
  const { manifest } = await manifestOf(session, version);
  const run = manifest.runs?.at(-1);
  const tree = await treeOf(session, version).catch(unlessDenied);
  const standing = await standingNow(session, version);
  const { statements, ignored } = await statementsOf(session, version);
  const end = await endOf(session, version.versionId);
  const summary = summaryOf(version);
  const tags = await tagWords(session, [summary]);
  return {
    ...summary,
    ...end.now,
    stage: standing?.stage,
    tags: tags.words.get(version.versionId) ?? [],
    statements,
    ignored: [...(standing?.ignored ?? []), ...ignored, ...end.ignored],
    owner: header.owner,
    licence: header.licence,
    purpose: header.purpose,
    justification: header.justification,
    workspace: manifest.workspace?.name,
    inputs: manifest.inputs.map(({ uri, digest, class: klass }) => ({
      reference: shortReference(uri),
      digest,
      class: klass,
    })),
    run: run && {
      argv: run.argv,
      exit: run.exitCode,
      seconds: (Date.parse(run.finishedOn) - Date.parse(run.startedOn)) / 1000,
    },
    runs: manifest.runs?.map(runSummary) ?? [],
    origins: manifest.origins,
    git: manifest.git && codeState(manifest.git),
    environment: manifest.environment ?? {},
    policyVersion: version.record.policy,
    signer: version.intent.keyId,
    fileList: tree?.files.flatMap(({ path, kind, bytes, sha256 }) =>
      kind === "directory" ? [] : [{ path, bytes, sha256 }],
    ),
  };
}

function codeState({ commit, dirty, patchSha256, patch, untracked, untrackedFiles }: GitState): CodeState {
  return { commit, dirty, patchSha256, patch, untracked, untrackedFiles };
}

/** `cloister://<project>/<domain>/<name>@vN` as people write it here. */
function shortReference(uri: string): string {
  return uri.replace(/^cloister:\/\/[0-9a-f]{32}\//, "").replace(/@(v\d+)$/, ":$1");
}

function unlessDenied(error: unknown): undefined {
  const denied = error instanceof CloisterError && error.code === "POLICY_DENIED";
  if (denied || error instanceof KmsRefused) return undefined;
  throw error;
}
