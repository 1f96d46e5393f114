// Executables of the host that a command is shown under their own names.
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { HOLDER_FOLDER } from "./runtime.ts";

export interface Tool {
  readonly path: string;
  readonly name: string;
}

/**
 * Tools are a convenience: what the workspace's user cannot reach is left out. Of the same name, the last counts.
 *
 * @param uid effective uid of the caller; root hands over to a user that has the rights of others
 */
export function reachableTools(tools: readonly string[], uid: number): readonly Tool[] {
  const shown = new Map<string, Tool>();
  for (const tool of tools) {
    const path = reachable(tool, uid);
    if (path !== undefined) shown.set(basename(tool), { path, name: basename(tool) });
  }
  return [...shown.values()];
}

function reachable(tool: string, uid: number): string | undefined {
  try {
    const path = realpathSync(tool);
    // The holder hides what the host has there.
    if (path.startsWith(`${HOLDER_FOLDER}/`) || !statSync(path).isFile()) return undefined;
    accessSync(path, constants.X_OK);
    for (let part = path; uid === 0 && part !== "/"; part = dirname(part)) {
      if ((statSync(part).mode & 0o001) === 0) return undefined;
    }
    return path;
  } catch {
    return undefined;
  }
}
