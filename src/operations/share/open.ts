// Opening a share: the file says who signed what for whom; nothing of it appears before all of it was checked.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, integrity, systemCode } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { folderDigests } from "../../base/folder-digests.ts";
import { printable } from "../../base/terminal.ts";
import { checkFree, restoreFolder } from "../../content/restore.ts";
import { isSecret, recipientOf } from "../../keys/age-key.ts";
import { AGE_START, decryptStream } from "../../keys/age-stream.ts";
import { fingerprint } from "../../keys/identity.ts";
import { unlockIdentity } from "../../keys/keyring.ts";
import { BUNDLE_BYTES_MAX } from "../../provenance/bundle.ts";
import { PROVENANCE_FILE } from "../artifact/provenance-file.ts";
import { referenceOf } from "../artifact/versions.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import { identityPlaces } from "../places.ts";
import type { OpenShareOptions, ShareOpened } from "../types.ts";
import { entriesIn } from "./archive.ts";
import { FILES_FOLDER, STATEMENT_FILE } from "./layout.ts";
import { manifestIn, readShare, type ShareStatement, STATEMENT_BYTES_MAX } from "./statement.ts";
import { vouch } from "./vouch.ts";

/** Whether there is a file here that begins as an age file does. */
export async function isShareFile(host: Pick<Host, "cwd">, path: string): Promise<boolean> {
  const place = resolve(host.cwd, path);
  // A FIFO must not be waited for.
  if (!(await stat(place).catch(() => undefined))?.isFile()) return false;
  const file = await open(place).catch(() => undefined);
  if (!file) return false;
  const start = Buffer.alloc(AGE_START.length);
  await file.read(start, 0, start.length, 0).finally(() => file.close());
  return start.equals(AGE_START);
}

/**
 * Decrypts a share into a new or empty folder. It needs no project: what can be known without one is that everything in
 * it is what one key signed, and whose key that says it is.
 *
 * @param folder where a project is looked for that knows the sharer
 * @throws CloisterError USAGE, NOT_AUTHENTICATED (it is for another key), POLICY_DENIED (expired or revoked; advisory),
 * INTEGRITY (nothing is written), INTERRUPTED
 */
export async function openShare(host: Host, folder: string, options: OpenShareOptions): Promise<ShareOpened> {
  const target = resolve(host.cwd, options.folder);
  await checkFree(target);
  const secret = await identityOf(host, options.identity);
  const file = createReadStream(resolve(host.cwd, options.file), { signal: host.signal });
  try {
    const plain = await decryptStream(secret, readable(file, options.file), options.file);
    if (!plain) throw notForUs(options, secret);
    const entries = entriesIn(plain)[Symbol.asyncIterator]();
    const statement = readShare(await smallFile(entries, STATEMENT_FILE, STATEMENT_BYTES_MAX));
    checkMeant(statement, recipientOf(secret), host.now(), options);
    const bundle = await smallFile(entries, PROVENANCE_FILE, BUNDLE_BYTES_MAX);
    if (sha256Hex(bundle) !== statement.manifest)
      throw integrity("the share's manifest is not the one that was signed");
    const { kind } = manifestIn(statement, bundle);
    const vouched = await vouch(host, folder, statement, kind);
    const extra = [{ path: PROVENANCE_FILE, bytes: bundle }];
    await restoreFolder(target, checkedFiles(host, entries, statement), extra, { signal: host.signal });
    return opened(statement, target, vouched);
  } finally {
    file.destroy();
  }
}

async function* readable(file: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") {
      throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
    }
    const missing = systemCode(error) === "ENOENT";
    throw new CloisterError(missing ? "NOT_FOUND" : "FAILURE", `cannot read ${printable(name)}`, {
      why: missing ? "there is no such file" : systemCode(error),
      cause: error,
    });
  }
}

const IDENTITY_BYTES_MAX = 64 * 1024;

/** The secret age key: of this device, or of a file as `age-keygen` writes it. */
async function identityOf(host: Host, file: string | undefined): Promise<string> {
  if (file === undefined) return (await unlockIdentity(identityPlaces(host))).ageSecret;
  const bytes = await readLocal(resolve(host.cwd, file), IDENTITY_BYTES_MAX);
  if (!bytes) throw new CloisterError("NOT_FOUND", `there is no file ${printable(file)}`);
  const lines = bytes
    .toString("utf8")
    .split(/\r?\n/)
    .filter((line) => line !== "" && !line.startsWith("#"));
  const [secret = "", ...more] = lines;
  if (more.length === 0 && isSecret(secret)) return secret;
  throw new CloisterError("USAGE", `${printable(file)} holds no age identity`, {
    why: "it is to hold one line AGE-SECRET-KEY-1…, not encrypted",
    next: "age-keygen -o key.txt makes one; one that is encrypted: age -d key.age > key.txt",
  });
}

function notForUs({ file }: OpenShareOptions, secret: string): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", `${printable(file)} is not for this key`, {
    why: `it does not open with the key of ${recipientOf(secret)}`,
    next: "--identity FILE, with the key that it was made for",
  });
}

/** For this key, by the expected sharer, and not too late. Only the first is more than a request to the reader. */
function checkMeant(statement: ShareStatement, recipient: string, now: number, options: OpenShareOptions): void {
  if (statement.recipient !== recipient) {
    throw integrity("this share was made for somebody else", {
      why: `its statement names ${statement.recipient}: somebody who could open it encrypted it anew`,
    });
  }
  const signed = fingerprint(statement.sharer);
  if (options.signer !== undefined && options.signer !== signed) {
    throw integrity("this share is not by the signer that you named", { why: `it is signed by ${signed}` });
  }
  if (now < statement.expiresMs) return;
  throw new CloisterError("POLICY_DENIED", `this share expired on ${new Date(statement.expiresMs).toISOString()}`, {
    why: "its sharer let it be read until then; this program keeps to that, and no mathematics does",
    next: `ask ${statement.sharer.member} for a new one`,
  });
}

/** The content of the next entry, which must be this one. */
async function smallFile(entries: AsyncIterator<FileEntry>, path: string, bytesMax: number): Promise<Buffer> {
  const next = await entries.next();
  if (next.done || next.value.path !== path || next.value.kind !== "file" || next.value.bytes > bytesMax) {
    throw integrity("this is no share of cloister", { why: `its archive has no ${path} in its place` });
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of next.value.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The files; after the last one, that they are just those that were signed. Until then nothing of them is published. */
async function* checkedFiles(
  host: Pick<Host, "progress">,
  entries: AsyncIterator<FileEntry>,
  statement: ShareStatement,
): AsyncIterable<FileEntry> {
  const { bytes: bytesTotal } = statement;
  const reached = (done: number) => host.progress({ step: "opening", bytes: done, bytesTotal });
  const files: { path: string; sha256: string }[] = [];
  let bytes = 0;
  for (let next = await entries.next(); !next.done; next = await entries.next()) {
    const entry = next.value;
    if (!entry.path.startsWith(FILES_FOLDER)) throw integrity("this share holds a file that does not belong to it");
    const path = entry.path.slice(FILES_FOLDER.length);
    if (path === PROVENANCE_FILE) throw integrity("this share holds two manifests");
    if (entry.kind === "directory") {
      yield { ...entry, path };
      continue;
    }
    bytes += entry.bytes;
    // Before they are written: a share must not fill the disk with what nobody signed.
    if (bytes > statement.bytes || files.length >= statement.files) throw notSigned();
    const hash = createHash("sha256");
    const before = bytes - entry.bytes;
    yield { ...entry, path, read: () => hashing(entry.read(), hash, (done) => reached(before + done)) };
    files.push({ path, sha256: hash.digest("hex") });
  }
  if (files.length !== statement.files || folderDigests(files).dirHash !== statement.dirHash) throw notSigned();
}

const PROGRESS_BYTES = 1024 * 1024;

async function* hashing(
  pieces: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
  reached: (bytes: number) => void,
) {
  let [bytes, reported] = [0, 0];
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
    bytes += piece.length;
    if (bytes - reported < PROGRESS_BYTES) continue;
    reported = bytes;
    reached(bytes);
  }
}

function notSigned(): Error {
  return integrity("this share holds other files than those that were signed");
}

function opened(statement: ShareStatement, folder: string, vouched: boolean): ShareOpened {
  const { domain, name, label, number, dirHash, sharer } = statement;
  return {
    reference: referenceOf(domain, name, label, number),
    ...{ class: statement.class, digest: dirHash, bytes: statement.bytes, files: statement.files, folder },
    ...{ project: statement.project, projectFingerprint: statement.pin, sharedBy: sharer.member },
    ...{ fingerprint: fingerprint(sharer), vouched, expiresAt: new Date(statement.expiresMs).toISOString() },
  };
}
