// Where this device keeps what it knows of a project's workspaces: for each `<name>.json`, and files beside it.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Session } from "../session.ts";

type Known = Pick<Session, "places" | "config">;

export function workspaceFolder({ places, config }: Known): string {
  return join(places.state, config.project, "workspaces");
}

/** Path of the record of a workspace, or of a file beside it: `.json`, `.known`, `.active`, … */
export function besideRecord(session: Known, name: string, suffix: string): string {
  return join(workspaceFolder(session), `${name}${suffix}`);
}

/** Names of all files there. Looked up at once: every command that opens a project does. */
export function filesThere(session: Known): readonly string[] {
  try {
    return readdirSync(workspaceFolder(session));
  } catch {
    // No workspace was ever made.
    return [];
  }
}

/** Names of the workspaces that there are records of, damaged ones too. */
export function recordsThere(session: Known): readonly string[] {
  return filesThere(session).flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -".json".length)] : []));
}
