// Which code was last sent into a workspace, file by file: what differs from it there is the workspace's own work.
import { createHash } from "node:crypto";
import type { FileEntry } from "../../base/file-entry.ts";
import type { Sandbox, WorkspaceFile } from "../../sandbox/sandbox.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { copying } from "./copying.ts";
import { besideRecord } from "./folder.ts";
import { type Content, digesting, remember } from "./known.ts";
import type { WorkspaceState } from "./state.ts";

/** Content and kind of a file by its path, as {@link markOf} writes them. */
export type Marks = ReadonlyMap<string, string>;

const BYTES_MAX = 256 * 1024 * 1024;

/** What stands in a workspace, comparable to what was sent. */
export function markOf(file: WorkspaceFile): string {
  return "sha256" in file ? `${file.kind} ${file.sha256}` : file.kind;
}

/** The mark of a file outside, by reading it. */
export async function markOfEntry(file: FileEntry): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of file.read()) hash.update(piece);
  return `${file.kind} ${hash.digest("hex")}`;
}

/**
 * Sends files of code to `/workspace`. What they held counts as kept elsewhere from then on.
 * @param bytesTotal where it is known
 * @returns the mark of each, as it was sent
 */
export async function sendCode(
  session: Session,
  sandbox: Sandbox,
  { name, holder }: WorkspaceState,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
  bytesTotal?: number,
): Promise<Marks> {
  const marks = new Map<string, string>();
  const contents: Content[] = [];
  const sent = digesting(copying(session, files, bytesTotal), ({ kind, path }, content) => {
    marks.set(path, `${kind} ${content.sha256}`);
    contents.push(content);
  });
  await sandbox.fill(holder, "workspace", sent);
  await remember(session, name, contents);
  return marks;
}

export async function saveSent(
  session: Session,
  { name, id }: Pick<WorkspaceState, "name" | "id">,
  marks: Marks,
): Promise<void> {
  await writeLocal(
    besideRecord(session, name, ".sent"),
    JSON.stringify({ v: 1, id, files: Object.fromEntries(marks) }),
  );
}

/** Nothing where it is not known: then everything in the workspace counts as its own. */
export async function readSent(session: Session, { name, id }: Pick<WorkspaceState, "name" | "id">): Promise<Marks> {
  const bytes = await readLocal(besideRecord(session, name, ".sent"), BYTES_MAX);
  if (!bytes) return new Map();
  try {
    const sent = JSON.parse(bytes.toString("utf8")) as { v: unknown; id: unknown; files: Record<string, string> };
    return sent.v === 1 && sent.id === id ? new Map(Object.entries(sent.files)) : new Map();
  } catch {
    return new Map();
  }
}
