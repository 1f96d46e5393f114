// What can be asked for, and which acts each kind of request is about.
import type { Action, RoleAction } from "../../policy/actions.ts";

export const REQUEST_KINDS = ["access", "export", "promote", "declassify", "break-glass"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** The acts that an approved request allows. Several of `access`, any number of times; one of the others, once. */
const ACTS: Readonly<Record<RequestKind, readonly RoleAction[]>> = {
  access: ["artifact.pull", "workspace.mount", "creds.issue"],
  export: ["artifact.export", "share.create"],
  promote: ["artifact.promote"],
  declassify: ["artifact.declassify"],
  "break-glass": [],
};

/** Acts that a request of this kind is about, the one it is named after first. */
export function actsOf(kind: RequestKind): readonly RoleAction[] {
  return ACTS[kind];
}

/** The kind of request that an act takes; undefined where there is none for it. */
export function kindFor(action: Action): RequestKind | undefined {
  return REQUEST_KINDS.find((kind) => (ACTS[kind] as readonly Action[]).includes(action));
}

/** Whether the first act uses the request up: data that left, and a stage or class that changed, did so once. */
export function isUsedUp(kind: RequestKind): boolean {
  return kind === "export" || kind === "promote" || kind === "declassify";
}

export function isRequestKind(text: unknown): text is RequestKind {
  return (REQUEST_KINDS as readonly unknown[]).includes(text);
}
