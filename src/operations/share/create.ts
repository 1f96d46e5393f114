// Share: one file for one recipient outside of the project, who needs nothing but their age key to open it.
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, open, rm } from "node:fs/promises";
import { basename, dirname, join, resolve as resolvePath } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, integrity, systemCode } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { printable } from "../../base/terminal.ts";
import { encryptStream } from "../../keys/age-stream.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { PROVENANCE_FILE } from "../artifact/provenance-file.ts";
import { resolve } from "../artifact/resolve.ts";
import { contentOf } from "../artifact/version-content.ts";
import { referenceTo, summaryOf, type Version } from "../artifact/versions.ts";
import { destinationOf } from "../export/destination.ts";
import { type Ask, newOperationId, type Operation, perform, wouldPermit } from "../guard.ts";
import { fileFailure } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { ShareCreated, ShareOptions } from "../types.ts";
import { archiveOf } from "./archive.ts";
import { FILES_FOLDER, STATEMENT_FILE } from "./layout.ts";
import { type ShareStatement, signStatement } from "./statement.ts";

/**
 * Writes a version as one encrypted file, under a name that nothing has.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), INTEGRITY, INTERRUPTED; nothing is left half written
 */
export async function createShare(session: Session, options: ShareOptions): Promise<ShareCreated> {
  await session.sync();
  const { purpose, justification } = options;
  const destination = await destinationOf(session.host, `share:${options.to}`);
  const version = await resolve(session, options.reference, { action: "share.create", purpose, justification });
  const file = resolvePath(session.host.cwd, options.output ?? defaultName(version));
  await checkNew(file);
  const expiresMs = Math.floor(await session.clock()) + options.ttlMs;
  const ask = askOf(version, options, destination.text, expiresMs);
  const result = (id: string, shareEntry: number | undefined): ShareCreated => {
    const expiresAt = new Date(expiresMs).toISOString();
    return { ...summaryOf(version), dryRun: !shareEntry, id, file, recipient: options.to, expiresAt, shareEntry };
  };
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return result(newOperationId(), undefined);
  }
  const { result: id, done } = await perform(session, ask, async (operation) => {
    const { bundle } = await manifestOf(session, version);
    const statement = await statementOf(session, version, { operation, to: options.to, expiresMs, bundle });
    const signed = await signStatement(statement, await session.identity());
    const entries = entriesOf(signed, bundle, await contentOf(session, version));
    await writeNew(file, await encryptStream(options.to, archiveOf(entries)), session.host.signal);
    return { result: operation.id, outcome: { facts: ask.facts ?? {} } };
  });
  return result(id, done.entry);
}

function defaultName({ header, record }: Version): string {
  return `${header.name}-${header.label ?? `v${String(record.number)}`}.cloister.age`;
}

function askOf(version: Version, options: ShareOptions, destination: string, expiresMs: number): Ask {
  const { record, versionId, header } = version;
  const reference = referenceTo(version);
  const { purpose, justification } = options;
  return {
    ...{ title: `share ${reference} with ${options.to}`, action: "share.create", reference, versionId },
    ...{ domain: record.domain, class: record.class, kind: header.kind, purpose, justification },
    governance: { destination },
    facts: { bytes: header.bytes, to: "share", expiresMs },
    sealed: { artifact: reference, destination, purpose, justification },
  };
}

async function statementOf(
  session: Session,
  { record, versionId, header, intent, pusher }: Version,
  share: {
    readonly operation: Operation;
    readonly to: string;
    readonly expiresMs: number;
    readonly bundle: Uint8Array;
  },
): Promise<ShareStatement> {
  const { operation, to, expiresMs, bundle } = share;
  const { config, ledger } = session;
  const [me, identity, signer] = await Promise.all([session.me(), session.identity(), ledger.signerOf(intent.keyId)]);
  if (!signer) throw integrity(`${header.name} is signed by a key that is no member's`);
  return {
    ...{ project: config.project, pin: config.pin, versionId, domain: record.domain, class: record.class },
    ...{ name: header.name, number: record.number, label: header.label },
    ...{ files: header.files, bytes: header.bytes, dirHash: header.dirHash, manifest: sha256Hex(bundle) },
    pusher: { member: pusher, signs: signer.signs },
    sharer: { member: me.id, signs: identity.signs, reads: identity.reads },
    ...{ recipient: to, expiresMs, policy: operation.intent.event.policy },
    ...{ operation: operation.id, intent: operation.intent.entry },
  };
}

async function* entriesOf(
  statement: Uint8Array,
  bundle: Uint8Array,
  files: AsyncIterable<FileEntry>,
): AsyncIterable<FileEntry> {
  yield small(STATEMENT_FILE, statement);
  yield small(PROVENANCE_FILE, bundle);
  for await (const file of files) yield { ...file, path: FILES_FOLDER + file.path, read: () => file.read() };
}

function small(path: string, bytes: Uint8Array): FileEntry {
  const read = async function* (): AsyncIterable<Uint8Array> {
    yield bytes;
  };
  return { path, kind: "file", bytes: bytes.length, read };
}

async function checkNew(file: string): Promise<void> {
  if (await lstat(file).catch(() => undefined)) throw taken(file);
}

function taken(file: string): CloisterError {
  return new CloisterError("USAGE", `will not write over ${printable(file)}`, {
    why: "it is there already; nothing was touched",
    next: "choose another name, with -o",
  });
}

/** Appears whole under its name, readable for its owner only, or not at all. */
async function writeNew(file: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
  const opened = await open(temporary, "wx", 0o600).catch((error: unknown) => {
    throw fileFailure("write", file, error);
  });
  try {
    for await (const piece of bytes) {
      if (signal.aborted) throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
      await opened.writeFile(piece);
    }
    await opened.sync();
    // link(2), unlike rename(2), replaces nothing.
    await link(temporary, file);
    await flush(dirname(file));
  } catch (error) {
    throw systemCode(error) === "EEXIST" ? taken(file) : fileFailure("write", file, error);
  } finally {
    await opened.close();
    await rm(temporary, { force: true });
  }
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync().finally(() => handle.close());
}
