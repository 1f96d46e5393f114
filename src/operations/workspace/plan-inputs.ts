// The inputs of a workspace as asked for, resolved and not yet decided.
import { CloisterError } from "../../base/errors.ts";
import { artifactUri } from "../../provenance/manifest.ts";
import { resolve } from "../artifact/resolve.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import type { Ask } from "../guard.ts";
import type { Session } from "../session.ts";
import type { WorkspaceOptions } from "../types.ts";
import type { WorkspaceInput } from "./state.ts";

export interface PlannedInput {
  readonly version: Version;
  readonly input: WorkspaceInput;
  readonly ask: Ask;
}

/** Resolves `REF[:/path]` inputs, before anything is decided or started. */
export async function planInputs(
  session: Session,
  options: WorkspaceOptions,
  workspace: string,
): Promise<readonly PlannedInput[]> {
  const planned: PlannedInput[] = [];
  const paths = new Set<string>();
  for (const text of options.inputs) {
    const [reference, path] = splitInput(text);
    const version = await resolve(session, reference, { action: "workspace.mount", purpose: options.purpose });
    const { header } = version;
    const at = path ?? `/inputs/${header.name}`;
    if (paths.has(at))
      throw new CloisterError("USAGE", `two inputs at ${at}`, { next: "write --input REF:/inputs/other" });
    paths.add(at);
    planned.push({ version, input: inputOf(session, version, at), ask: mountAsk(options, version, workspace) });
    if (!/^\/inputs\/[a-z0-9][a-z0-9._-]*$/.test(at)) {
      throw new CloisterError("USAGE", `inputs are mounted below /inputs, not at ${at}`, {
        next: `--input ${referenceTo(version)}:/inputs/${header.name}`,
      });
    }
  }
  return planned;
}

function splitInput(text: string): [string, string | undefined] {
  const at = text.indexOf(":/");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function inputOf({ config }: Session, version: Version, path: string): WorkspaceInput {
  const { record, header, versionId } = version;
  const { domain, number } = record;
  const { name, kind, licence } = header;
  return {
    name: path.slice("/inputs/".length),
    uri: artifactUri({ projectId: config.project, domain, name, number }),
    digest: header.dirHash,
    versionId,
    class: record.class,
    kind,
    licence,
    manifestDigest: header.manifest,
    reference: referenceTo(version),
    path,
  };
}

function mountAsk(options: WorkspaceOptions, version: Version, workspace: string): Ask {
  const { record, header, versionId } = version;
  const reference = referenceTo(version);
  return {
    ...{ title: `mount ${reference} in workspace ${options.name}`, action: "workspace.mount", reference },
    ...{ domain: record.domain, class: record.class, kind: header.kind, versionId, workspace },
    ...{ purpose: options.purpose, justification: options.justification },
    sealed: { artifact: reference, workspace: options.name, purpose: options.purpose },
  };
}
