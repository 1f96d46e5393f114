// Verifying: files against the signed manifest, the manifest against the store, the pusher against policy and log.
import { createHash } from "node:crypto";
import { join, resolve as resolvePath } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, explained, isIntegrity } from "../../base/errors.ts";
import { folderFiles } from "../../content/folder.ts";
import { BUNDLE_BYTES_MAX } from "../../provenance/bundle.ts";
import type { Manifest } from "../../provenance/manifest.ts";
import { verifyFiles } from "../../provenance/verify-files.ts";
import { nameIdOf } from "../class-keys.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import { isReleasedToMe, needsRelease } from "../release/released-key.ts";
import { endChecks } from "../retention/checks.ts";
import { shreddedText } from "../retention/fate.ts";
import type { Session } from "../session.ts";
import { governanceChecks } from "../stage/checks.ts";
import type { Check, Verified } from "../types.ts";
import { manifestOf, verifyManifest } from "./check-manifest.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import { permitReading, resolve } from "./resolve.ts";
import { contentOf, treeOf } from "./version-content.ts";
import { readVersionAt, referenceOf, summaryOf, type Version } from "./versions.ts";

/**
 * Verifies a pulled folder. Every check is reported, the first bad one does not end it.
 * @param partial whether files may be absent, as after a pull of some
 * @throws CloisterError NOT_FOUND where the folder has no manifest
 */
export async function verifyFolder(session: Session, folder: string, partial: boolean): Promise<Verified> {
  await session.sync();
  const path = resolvePath(session.host.cwd, folder);
  const bundle = await readLocal(join(path, PROVENANCE_FILE), BUNDLE_BYTES_MAX);
  if (!bundle) {
    throw new CloisterError("NOT_FOUND", `${folder} has no ${PROVENANCE_FILE}`, {
      why: "it was not pulled with cloister, or the file was removed",
      next: "cloister pull REF -o DIR",
    });
  }
  const checks: Check[] = [];
  const manifest = await checkSignature(session, bundle, checks);
  if (!manifest) return { target: folder, ok: false, checks, reference: undefined };
  if (!partial) await checkFiles(session, path, manifest, checks);
  const version = await checkVersion(session, manifest, bundle, checks);
  if (partial) await checkPart(session, path, { manifest, version }, checks);
  const reference = referenceOf(manifest.domain, manifest.name, manifest.label, manifest.number);
  return { target: folder, ok: checks.every(({ state }) => state !== "bad"), checks, reference };
}

/** Verifies a version in the store: record, signature, entitlement, and every byte of its content. */
export async function verifyReference(session: Session, text: string): Promise<Verified> {
  await session.sync();
  const checks: Check[] = [];
  const version = await resolve(session, text, { action: "artifact.read-metadata" }).catch((error: unknown) => {
    if (!isIntegrity(error)) throw error;
    checks.push(bad("record", error));
    return undefined;
  });
  if (version) {
    await permitReading(session, version);
    await checked(checks, "signature", async () => {
      await manifestOf(session, version);
      return [true, `the manifest is signed by ${version.pusher}, and agrees with the version`];
    });
    await checkContent(session, version, checks);
  }
  if (version) checks.push(...entitled(version), ...(await governanceChecks(session, version)));
  if (version) checks.push(...(await endChecks(session, version.versionId)));
  const ok = checks.every(({ state }) => state !== "bad");
  return { target: text, ok, checks, reference: version && summaryOf(version).reference };
}

/** A key that only others release is no damage: then there is nothing to be said about the content. */
async function checkContent(session: Session, version: Version, checks: Check[]): Promise<void> {
  if (needsRelease(version) && !(await isReleasedToMe(session, version))) {
    const text = "not looked at: its key is released to whoever asks, and was not to this device";
    checks.push({ name: "content", state: "unknown", text });
    return;
  }
  await checked(checks, "content", async () => {
    let files = 0;
    for await (const file of await contentOf(session, version, undefined, "verifying")) {
      for await (const _ of file.read());
      if (file.kind !== "directory") files++;
    }
    return [files === version.header.files, `${countOf(files)} decrypted, every digest matches`];
  });
}

/** The manifest, where a member of this project signed it. Whether it was theirs to sign, the version shows. */
async function checkSignature(session: Session, bundle: Buffer, checks: Check[]): Promise<Manifest | undefined> {
  let manifest: Manifest | undefined;
  await checked(checks, "signature", async () => {
    const verified = await verifyManifest(session, bundle);
    manifest = verified.manifest;
    return [true, `the manifest is signed by ${verified.signer}`];
  });
  return manifest;
}

async function checkFiles(session: Session, path: string, manifest: Manifest, checks: Check[]): Promise<void> {
  await checked(checks, "files", async () => {
    const found = await verifyFiles(manifest, digests(session.host, path, manifest.bytes));
    if (found.ok) return [true, `${countOf(manifest.fileCount)} as pushed`];
    const { changed, missing, extra } = found;
    const parts = Object.entries({ changed, missing, added: extra }).flatMap(([what, paths]) =>
      paths.length === 0 ? [] : [`${what}: ${some(paths)}`],
    );
    const onlyMissing = missing.length > 0 && changed.length + extra.length === 0;
    const hint = onlyMissing ? ["for a part that was pulled: cloister verify --partial"] : [];
    return [
      false,
      [...parts, ...(found.unlisted ? ["files beyond the manifest's list differ"] : []), ...hint].join("; "),
    ];
  });
}

/** Every file that is there is as pushed. A manifest lists the first files of many; the version's tree has all. */
async function checkPart(
  session: Session,
  path: string,
  { manifest, version }: { readonly manifest: Manifest; readonly version: Version | undefined },
  checks: Check[],
): Promise<void> {
  await checked(checks, "files", async () => {
    const complete = manifest.files.length === manifest.fileCount;
    const files = complete ? manifest.files : version && (await treeOf(session, version))?.files;
    if (!files)
      return [false, `the manifest lists only ${String(manifest.files.length)} files, and you cannot read the rest`];
    const listed = new Map(files.map((file) => [file.path, file.sha256]));
    const [changed, added]: [string[], string[]] = [[], []];
    let found = 0;
    for await (const file of digests(session.host, path, undefined)) {
      found++;
      if (!listed.has(file.path)) added.push(file.path);
      else if (listed.get(file.path) !== file.sha256) changed.push(file.path);
    }
    const parts = Object.entries({ changed, added }).filter(([, paths]) => paths.length > 0);
    if (parts.length > 0) return [false, parts.map(([what, paths]) => `${what}: ${some(paths)}`).join("; ")];
    return [found > 0, `${String(found)} of ${countOf(manifest.fileCount)} are there, as pushed`];
  });
}

function countOf(files: number): string {
  return files === 1 ? "1 file" : `${String(files)} files`;
}

function some(paths: readonly string[]): string {
  const more = paths.length > 5 ? ` and ${String(paths.length - 5)} more` : "";
  return `${paths.slice(0, 5).join(", ")}${more}`;
}

async function* digests(
  { signal, progress }: Host,
  path: string,
  bytesTotal: number | undefined,
): AsyncGenerator<{ path: string; sha256: string }> {
  let bytes = 0;
  for await (const file of folderFiles(path, { signal, exclude: (at) => at === PROVENANCE_FILE })) {
    if (file.kind === "directory") continue;
    const hash = createHash("sha256");
    for await (const piece of file.read()) {
      hash.update(piece);
      bytes += piece.length;
      progress({ step: "verifying", bytes, bytesTotal });
    }
    yield { path: file.path, sha256: hash.digest("hex") };
  }
}

/** The version is in the store, counts, and bears this very manifest. */
async function checkVersion(
  session: Session,
  manifest: Manifest,
  bundle: Buffer,
  checks: Check[],
): Promise<Version | undefined> {
  const nameKey = await session.keys.nameKey(manifest.domain);
  if (!nameKey) {
    checks.push({
      name: "signer",
      state: "unknown",
      text: `you hold no key of domain ${manifest.domain} to look it up`,
    });
    return undefined;
  }
  let accepted: Version | undefined;
  await checked(checks, "version", async () => {
    const nameId = nameIdOf(nameKey, manifest.name);
    const logged = session.ledger.versionsOf(manifest.domain, nameId).find(({ number }) => number === manifest.number);
    if (!logged) return [false, "the log has no such version"];
    const judged = await readVersionAt(session, logged, nameKey);
    if (judged.kind === "ignored") return [false, judged.ignored.why];
    if (judged.kind === "shredded") return [true, `it is in the log; ${shreddedText(judged.begun)}`];
    if (judged.kind === "hidden")
      return [
        true,
        `version v${String(manifest.number)} is in the store (${judged.refused?.message ?? "you hold no key of its class"})`,
      ];
    if (judged.version.header.manifest !== sha256Hex(bundle)) return [false, "the store's manifest is another one"];
    await manifestOf(session, judged.version);
    accepted = judged.version;
    return [true, `version v${String(manifest.number)} in the store bears this manifest`];
  });
  if (!accepted) return undefined;
  checks.push(...entitled(accepted), ...(await governanceChecks(session, accepted)));
  checks.push(...(await endChecks(session, accepted.versionId)));
  return accepted;
}

/** What `readVersionAt` established before it accepted the version. */
function entitled({ pusher, record, entry, intent }: Version): readonly Check[] {
  const policy = `policy v${String(record.policy)}`;
  return [
    { name: "signer", state: "good", text: `${pusher} was allowed to push ${record.class} under ${policy}` },
    { name: "log", state: "good", text: `intent #${String(intent.entry)} and entry #${String(entry)} are in the log` },
  ];
}

async function checked(checks: Check[], name: string, look: () => Promise<[boolean, string]>): Promise<void> {
  try {
    const [good, text] = await look();
    checks.push({ name, state: good ? "good" : "bad", text });
  } catch (error) {
    if (!(error instanceof CloisterError) || error.code === "INTERRUPTED" || error.code === "UNAVAILABLE") throw error;
    checks.push(bad(name, error));
  }
}

function bad(name: string, error: CloisterError): Check {
  return { name, state: "bad", text: explained(error) };
}
