// What is asked of the policy, and how it is put to Cedar.

import type { Refusal } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";
import { type Action, isAction, KINDS, scopeOf } from "./actions.ts";
import type { CedarRequest } from "./cedar.ts";
import { entity } from "./cedar-json.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { destinationProblem } from "./destination.ts";
import type { GovernanceFacts } from "./facts.ts";
import { governanceContext } from "./requirements.ts";
import { holdingText, type Member, type Policy } from "./schema.ts";
import { useContext, type WorkspaceUse } from "./workspace-use.ts";

/** One question. Facts that are left out count against the request, except where their comment says otherwise. */
export interface DecisionRequest {
  readonly action: Action;
  /** Member id. */
  readonly member: string;
  /** ms since 1970. */
  readonly now: number;
  /** Needed for everything about data and workspaces. */
  readonly domain?: string | undefined;
  /** Needed for everything about one artifact; for a workspace, its label, if it has one. */
  readonly class?: string | undefined;
  /** Kind of artifact. Left out, rules about any kind apply. */
  readonly kind?: string | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** Time to live asked for. Left out, no limit is exceeded. */
  readonly ttlMs?: number | undefined;
  /** Workspaces the member has open now. Left out, no limit is exceeded. */
  readonly openWorkspaces?: number | undefined;
  /** Size asked for. Left out, no limit is exceeded. */
  readonly diskBytes?: number | undefined;
  /** What a new workspace is to use. Left out, no limit is exceeded. */
  readonly use?: WorkspaceUse | undefined;
  /** What a push declares: `owner`, `licence`. */
  readonly fields?: readonly string[] | undefined;
  /** Whether a recorded run made what is pushed. */
  readonly provenance?: "run" | "none" | undefined;
  /** The most sensitive class among the inputs of a push, and the input it comes from. Left out: no inputs. */
  readonly label?: { readonly class: string; readonly from: string } | undefined;
  /** Key epoch that a push was, or is to be, written with. */
  readonly epoch?: number | undefined;
  /**
   * Age of the member's last login with a second factor. A login that is dated ahead (below zero) counts as none: who
   * gathers the fact allows for clocks that differ.
   */
  readonly mfaAgeMs?: number | undefined;
  /** Consent of others, stages, quotas and what else the log tells about an artifact. */
  readonly governance?: GovernanceFacts | undefined;
  /** Whether the workspace to destroy is the member's own. */
  readonly ownWorkspace?: boolean | undefined;
  /** What the person called it, for the commands that refusals suggest. It decides nothing. */
  readonly reference?: string | undefined;
}

/** Why the request cannot even be put to the policy, or undefined. Cedar would deny these too, but not say why. */
export function malformedRequest(policy: Policy, request: DecisionRequest): Pick<Refusal, "why" | "next"> | undefined {
  const { action, domain, kind } = request;
  if (!isAction(action)) return { why: `there is no action ${JSON.stringify(action)}`, next: "cloister policy show" };
  const scope = scopeOf(action);
  if (scope === "project") return undefined;
  const domains = policy.domains.map((each) => each.id);
  const classes = policy.classifications;
  if (domain === undefined)
    return { why: `${action} needs a domain to decide`, next: `add --domain ${domains[0] ?? ""}` };
  if (!domains.includes(domain)) {
    return { why: `the policy has no domain ${JSON.stringify(domain)}`, next: `use one of: ${domains.join(", ")}` };
  }
  if (request.class === undefined && scope === "artifact") {
    return { why: `${action} needs a class to decide`, next: `add --class, one of: ${classes.join(", ")}` };
  }
  if (request.class !== undefined && !classes.includes(request.class)) {
    const why = `the policy has no class ${JSON.stringify(request.class)}`;
    return { why, next: `use one of: ${classes.join(", ")}` };
  }
  if (kind !== undefined && !(KINDS as readonly string[]).includes(kind)) {
    return { why: `there is no kind ${JSON.stringify(kind)}`, next: `use one of: ${KINDS.join(", ")}` };
  }
  return malformedAim(policy, request);
}

/** Where it is to lead to. */
function malformedAim(policy: Policy, request: DecisionRequest): Pick<Refusal, "why" | "next"> | undefined {
  const { destination, toClass } = request.governance ?? {};
  const wrong = destination === undefined ? undefined : destinationProblem(destination);
  if (wrong !== undefined) {
    const why = `${JSON.stringify(printable(destination ?? "").slice(0, 200))} is no destination: ${wrong}`;
    return { why, next: "write it as s3://bucket/key, domain:NAME, file:/folder or share:age1…" };
  }
  if (request.action !== "artifact.declassify" || toClass === undefined) return undefined;
  const [to, from] = [toClass, request.class ?? ""].map((name) => policy.classifications.indexOf(name)) as [
    number,
    number,
  ];
  if (to >= 0 && to < from) return undefined;
  const lower = policy.classifications.slice(0, Math.max(0, from));
  const why = `${JSON.stringify(printable(toClass))} is no class below ${request.class ?? "it"}`;
  return { why, next: lower.length > 0 ? `use one of: ${lower.join(", ")}` : "nothing is below it" };
}

/** The request as Cedar wants it, with the entities it is about. */
export function cedarRequest(compiled: CompiledPolicy, member: Member, request: DecisionRequest): CedarRequest {
  const principal = {
    uid: entity("Member", member.id),
    attrs: { suspended: member.suspended !== undefined, service: member.service },
    parents: member.roles.map((holding) => entity("Role", holdingText(holding))),
  };
  const resource = resourceOf(compiled.policy, request);
  const shared = compiled.cedar.entities as unknown as CedarRequest["entities"];
  return {
    principal: principal.uid,
    action: entity("Action", request.action),
    resource: resource.uid,
    context: { ...contextOf(request), ...governanceContext(compiled, member, request) },
    entities: [...shared, principal, ...(resource.uid.type.endsWith("Project") ? [] : [resource])],
  };
}

type Resource = CedarRequest["entities"][number] & { readonly uid: { readonly type: string; readonly id: string } };

function resourceOf(policy: Policy, request: DecisionRequest): Resource {
  const scope = scopeOf(request.action);
  if (scope === "project") return { uid: entity("Project", policy.project), attrs: {}, parents: [] };
  const { kind } = request;
  const one = scope === "artifact" || (request.action === "artifact.read-metadata" && request.class !== undefined);
  const attrs = {
    domain: { __entity: entity("Domain", request.domain ?? "") },
    ...(request.class === undefined ? {} : { class: { __entity: entity("Class", request.class) } }),
    ...(one && kind !== undefined ? { kind } : {}),
  };
  return { uid: entity(one ? "Artifact" : "Area", "it"), attrs, parents: [] };
}

function contextOf(request: DecisionRequest): CedarRequest["context"] {
  const { now, purpose, label, epoch, ttlMs, openWorkspaces, diskBytes, mfaAgeMs } = request;
  const justificationChars = charsOf(request.justification);
  const fields = new Set(request.fields ?? []);
  if (purpose !== undefined) fields.add("purpose");
  if (justificationChars > 0) fields.add("justification");
  return {
    // Clocks may tell fractions, which Cedar's numbers have not.
    now: Math.floor(now),
    fields: [...fields],
    provenance: request.provenance ?? "none",
    justificationChars,
    ownWorkspace: request.ownWorkspace ?? false,
    ...(purpose === undefined ? {} : { purpose }),
    ...(label === undefined ? {} : { label: { __entity: entity("Class", label.class) } }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(openWorkspaces === undefined ? {} : { openWorkspaces }),
    ...(diskBytes === undefined ? {} : { diskBytes }),
    ...useContext(request.use),
    ...(mfaAgeMs === undefined ? {} : { mfaAgeMs: Math.floor(mfaAgeMs) }),
  };
}

/** Characters as people count them, without white space around. */
export function charsOf(justification: string | undefined): number {
  return [...(justification ?? "").trim()].length;
}

/** The reference the person typed, if a shell takes it as it is. */
export function reference(request: DecisionRequest): string {
  const typed = request.reference ?? "";
  return /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,300}$/.test(typed) ? typed : "REF";
}
