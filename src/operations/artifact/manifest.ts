// What the manifest of a push says: recorded by the workspace, not remembered by a person.
import { posix } from "node:path";
import type { Written } from "../../content/write.ts";
import { captureHost } from "../../provenance/capture.ts";
import { madeBy, type PlacedFile } from "../../provenance/made-by.ts";
import type { ManifestContent, ManifestFile, ManifestRun } from "../../provenance/manifest.ts";
import type { Operation } from "../guard.ts";
import type { Session } from "../session.ts";
import { VERSION } from "../version.ts";
import { environmentFacts } from "../workspace/environment.ts";
import type { PushPlan } from "./push-plan.ts";

/** Everything but the number, which is known only when the version is committed. */
export async function manifestOf(
  session: Session,
  plan: PushPlan,
  pushed: { readonly operation: Operation; readonly files: readonly ManifestFile[]; readonly content: Written },
): Promise<(number: number) => ManifestContent> {
  const { operation, files, content } = pushed;
  const { options, from } = plan;
  const { owner, licence, justification } = options;
  const { compiled } = await session.ledger.policy(operation.intent.event.policy);
  const workspace = from?.state;
  const made = from && madeBy(from.runs, placed(plan, files));
  return (number) => ({
    project: { id: session.config.project, name: compiled.policy.project },
    domain: plan.domain,
    name: plan.name,
    number,
    label: plan.label,
    kind: plan.kind,
    class: plan.class,
    files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    dirHash: content.dirHash,
    omsRoot: content.omsRoot,
    bytes: content.bytes,
    declared: { owner, licence, purpose: plan.purpose, justification },
    workspace: workspace && { id: workspace.id, name: workspace.name },
    inputs: plan.crossing?.inputs ?? workspace?.inputs.map(({ reference: _r, path: _p, ...input }) => input) ?? [],
    runs: made && withinBudget(made.runs),
    origins: made?.origins,
    git: workspace?.code?.git,
    environment: { ...captureHost(), ...(workspace && environmentFacts(workspace.environment)) },
    policy: { version: compiled.policy.version, digest: compiled.digest, intent: operation.intent.entry },
    operationId: operation.id,
    builder: { version: VERSION, node: process.versions.node },
    pushedAt: new Date(operation.intent.timeMs).toISOString(),
  });
}

/**
 * The pushed files with the places in `/workspace` where they may have lain. A single file that has the name of what was
 * pushed was that itself, or lay in a folder of the same name.
 */
function placed({ options }: PushPlan, files: readonly ManifestFile[]): readonly PlacedFile[] {
  const given = "path" in options.source ? options.source.path : "";
  const top = posix.relative("/workspace", posix.resolve("/workspace", given));
  return files.map(({ path, sha256 }) => {
    const inside = posix.join(top, path);
    const isTop = files.length === 1 && path === posix.basename(top);
    return { path, sha256, places: isTop ? [top, inside] : [inside] };
  });
}

/** Bytes that the details of all runs may take in a manifest, of which readers take 8 MiB in all. */
const DETAILS_BYTES_MAX = 3 * 1024 * 1024;

/** The runs, with the details of the newest as far as there is room; `part` and end are always there. */
function withinBudget(runs: readonly ManifestRun[]): readonly ManifestRun[] {
  let room = DETAILS_BYTES_MAX;
  const software = new Set<string>();
  const kept = [...runs].reverse().map((run) => {
    const { details } = run;
    if (details === undefined) return run;
    const list = details.software ?? "";
    const bytes = JSON.stringify({ ...details, software: "" }).length + (software.has(list) ? 0 : list.length);
    if (bytes > room) return { ...run, details: undefined };
    room -= bytes;
    software.add(list);
    return run;
  });
  return kept.reverse();
}
