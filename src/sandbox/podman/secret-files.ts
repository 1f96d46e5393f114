// Files for one command alone. They lie in a folder of the volume that only this command's container shows, read-only.
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { type ExecSpec, SECRETS } from "../exec-spec.ts";
import { VOLUME } from "./holder.ts";
import type { Held, Mount } from "./launch.ts";
import { ask, engine, lastWords, type Runtime } from "./runtime.ts";

/** $1 is the folder; then each file's name and size in bytes. Their bytes come one after another. */
const PLACE = `umask 077
mkdir "$1" && cd "$1" || exit
shift
while [ $# -gt 0 ]; do
  head -c "$2" >"$1" && chmod 0400 "$1" || exit
  shift 2
done`;

/** Files that lie in the volume for one command, and how it sees them. */
export interface Placed {
  readonly mounts: readonly Mount[];
  remove(): Promise<void>;
}

const NOTHING: Placed = { mounts: [], remove: async () => {} };

/** @throws {@link CloisterError} FAILURE where they do not fit into the volume */
export async function placeSecrets(
  runtime: Runtime,
  state: Held,
  files: NonNullable<ExecSpec["files"]>,
): Promise<Placed> {
  if (files.length === 0) return NOTHING;
  const named = files.map(({ path, bytes }) => ({ name: basename(path), bytes }));
  const { folder, remove } = await place(runtime, state, named);
  return { mounts: [{ folder, path: SECRETS, access: "read" }], remove };
}

/** Names and addresses for one command, beside its own. */
export async function placeHosts(
  runtime: Runtime,
  state: Held,
  hosts: NonNullable<ExecSpec["hosts"]>,
): Promise<Placed> {
  if (hosts.length === 0) return NOTHING;
  const lines = [
    { name: "localhost workspace", address: "127.0.0.1" },
    { name: "localhost", address: "::1" },
    ...hosts,
  ];
  const text = lines.map(({ name, address }) => `${address} ${name}\n`).join("");
  const { folder, remove } = await place(runtime, state, [{ name: "hosts", bytes: Buffer.from(text) }]);
  return { mounts: [{ folder: `${folder}/hosts`, path: "/etc/hosts", access: "read" }], remove };
}

async function place(
  runtime: Runtime,
  { container }: Held,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = `secrets/${randomBytes(8).toString("hex")}`;
  const path = `${VOLUME}/${folder}`;
  const inHolder = [...engine(runtime), "exec", "--interactive", container];
  const remove = async () => void (await ask(runtime, [...inHolder, "rm", "-rf", path]));
  const words = files.flatMap(({ name, bytes }) => [name, String(bytes.length)]);
  const { exit, message } = await ask(runtime, [...inHolder, "/bin/sh", "-c", PLACE, "place", path, ...words], {
    input: files.map(({ bytes }) => bytes),
  });
  if (exit === 0) return { folder, remove };
  await remove();
  throw new CloisterError("FAILURE", "the command's files could not be put into the workspace", {
    why: lastWords(message),
  });
}
