// What the manifest of a push says: recorded by the workspace, not remembered by a person.
import type { Written } from "../../content/write.ts";
import { captureHost } from "../../provenance/capture.ts";
import type { ManifestContent, ManifestFile } from "../../provenance/manifest.ts";
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
    inputs: workspace?.inputs.map(({ reference: _r, path: _p, ...input }) => input) ?? [],
    runs: workspace && workspace.runs.length > 0 ? workspace.runs : undefined,
    git: workspace?.code?.git,
    environment: { ...captureHost(), ...(workspace && environmentFacts(workspace.environment)) },
    policy: { version: compiled.policy.version, digest: compiled.digest, intent: operation.intent.entry },
    operationId: operation.id,
    builder: { version: VERSION, node: process.versions.node },
    pushedAt: new Date(operation.intent.timeMs).toISOString(),
  });
}
