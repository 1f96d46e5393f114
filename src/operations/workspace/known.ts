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

/** What a file holds, by digest and size. */
export interface Content {
  readonly sha256: string;
  readonly bytes: number;
}

export interface Known {
  readonly digests: ReadonlySet<string>;
  readonly sizes: ReadonlySet<number>;
}

/** The same files. `read` is told of each what it held, once all of it was read. */
export async function* digesting(
  files: AsyncIterable<FileEntry>,
  read: (file: FileEntry, content: Content) => void,
): AsyncGenerator<FileEntry> {
  for await (const file of files) yield { ...file, read: () => digestingOne(file, (content) => read(file, content)) };
}

async function* digestingOne(file: FileEntry, read: (content: Content) => void): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of file.read()) {
    hash.update(chunk);
    bytes += chunk.length;
    yield chunk;
  }
  read({ sha256: hash.digest("hex"), bytes });
}

/** Remembers that these contents are kept elsewhere. */
export async function remember(session: Session, name: string, contents: readonly Content[]): Promise<void> {
  const lines = contents.map(({ sha256, bytes }) => `${sha256} ${String(bytes)}\n`);
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
