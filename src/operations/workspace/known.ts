// Which contents lie in a workspace that are kept elsewhere: what came in from this host, and whatever was pushed. All else
// is an output that its end would lose. One line for each, `<sha256> <bytes>`, only ever added to.
import { createHash } from "node:crypto";
import { appendFile } from "node:fs/promises";
import type { FileEntry } from "../../base/file-entry.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { besideRecord } from "./folder.ts";

const KNOWN_BYTES_MAX = 256 * 1024 * 1024;
const LINE = /^([0-9a-f]{64}) (\d{1,16})$/;

export interface Known {
  readonly digests: ReadonlySet<string>;
  readonly sizes: ReadonlySet<number>;
}

/** The same files; their contents are noted in `lines` as they are read. */
export async function* noting(files: AsyncIterable<FileEntry>, lines: string[]): AsyncGenerator<FileEntry> {
  for await (const file of files) yield { ...file, read: () => notingContent(file, lines) };
}

async function* notingContent(file: FileEntry, lines: string[]): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of file.read()) {
    hash.update(chunk);
    bytes += chunk.length;
    yield chunk;
  }
  lines.push(`${hash.digest("hex")} ${String(bytes)}\n`);
}

/** Remembers contents that {@link noting} noted. */
export async function remember(session: Session, name: string, lines: readonly string[]): Promise<void> {
  await appendFile(besideRecord(session, name, ".known"), lines.join(""), { mode: 0o600 });
}

export async function knownIn(session: Session, name: string): Promise<Known> {
  const bytes = await readLocal(besideRecord(session, name, ".known"), KNOWN_BYTES_MAX);
  const digests = new Set<string>();
  const sizes = new Set<number>();
  for (const line of (bytes?.toString("latin1") ?? "").split("\n")) {
    const match = LINE.exec(line);
    if (!match) continue;
    digests.add(match[1] ?? "");
    sizes.add(Number(match[2]));
  }
  return { digests, sizes };
}
