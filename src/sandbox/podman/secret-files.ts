// Files for one command alone. They lie in a folder of the volume that only this command's container shows, read-only.
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { ExecSpec } from "../sandbox.ts";
import { VOLUME } from "./holder.ts";
import type { Held } from "./launch.ts";
import { ask, engine, lastWords, type Runtime } from "./runtime.ts";

/** $1 is the folder; then each file's name and size in bytes. Their bytes come one after another. */
const PLACE = `umask 077
mkdir "$1" && cd "$1" || exit
shift
while [ $# -gt 0 ]; do
  head -c "$2" >"$1" && chmod 0400 "$1" || exit
  shift 2
done`;

export interface PlacedFiles {
  /** Folder in the volume. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** @throws {@link CloisterError} FAILURE where they do not fit into the volume */
export async function placeFiles(
  runtime: Runtime,
  { container }: Held,
  files: NonNullable<ExecSpec["files"]>,
): Promise<PlacedFiles> {
  const folder = `secrets/${randomBytes(8).toString("hex")}`;
  const path = `${VOLUME}/${folder}`;
  const inHolder = [...engine(runtime), "exec", "--interactive", container];
  const remove = async () => void (await ask(runtime, [...inHolder, "rm", "-rf", path]));
  const names = files.flatMap((file) => [basename(file.path), String(file.bytes.length)]);
  const { exit, message } = await ask(runtime, [...inHolder, "/bin/sh", "-c", PLACE, "place", path, ...names], {
    input: files.map(({ bytes }) => bytes),
  });
  if (exit === 0) return { folder, remove };
  await remove();
  throw new CloisterError("FAILURE", "the command's files could not be put into the workspace", {
    why: lastWords(message),
  });
}
