// The code of a new workspace goes in, and is remembered by its contents: for its end, and for newer code that comes later.
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { CodeSource } from "./code-source.ts";
import { noting, remember } from "./known.ts";
import { marking, saveSent } from "./sent-code.ts";
import type { WorkspaceState } from "./state.ts";

export async function copyCode(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  source: CodeSource,
): Promise<WorkspaceState["code"]> {
  const contents: string[] = [];
  const marks = new Map<string, string>();
  await sandbox.fill(state.holder, "workspace", noting(marking(source.files, marks), contents));
  await remember(session, state.name, contents);
  await saveSent(session, state, marks);
  return { folder: source.folder, files: source.count(), git: source.git };
}
