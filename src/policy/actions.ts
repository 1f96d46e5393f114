// The closed list of things a policy can allow, and what each of them is done to.

/** What an action is done to: `artifact` (or a secret) needs a domain and a class, `area` a domain, `project` neither. */
export type Scope = "artifact" | "area" | "project";

const SCOPES = {
  "workspace.create": "area",
  "workspace.mount": "artifact",
  "workspace.run": "area",
  "artifact.push": "artifact",
  "artifact.pull": "artifact",
  "artifact.read-metadata": "area",
  "artifact.export": "artifact",
  "artifact.promote": "artifact",
  "artifact.declassify": "artifact",
  "artifact.attest": "artifact",
  "artifact.tag": "artifact",
  "artifact.retire": "artifact",
  "artifact.restore": "artifact",
  "share.create": "artifact",
  "request.create": "artifact",
  "request.approve": "artifact",
  "creds.issue": "artifact",
  "secret.read": "artifact",
  "secret.write": "artifact",
  "policy.change": "project",
  "member.add": "project",
  "member.review": "project",
  "key.rotate": "project",
  "audit.read": "project",
  "store.copy": "project",
  "store.gc": "project",
  "break-glass.invoke": "project",
} as const satisfies Record<string, Scope>;

/** An action that a role may list. */
export type RoleAction = keyof typeof SCOPES;

/** Every action that can be decided: those a role may list, and those that need no role. */
export type Action = RoleAction | OpenAction;

/** Every member may do these, as far as it is theirs. */
const OPEN_ACTIONS = [
  "workspace.destroy",
  "share.revoke",
  "break-glass.consent",
  "break-glass.review",
  "policy.read",
] as const;
export type OpenAction = (typeof OPEN_ACTIONS)[number];

/** Actions a role may list, in the order people read them. */
export const ROLE_ACTIONS = Object.keys(SCOPES) as readonly RoleAction[];

/** All actions. */
export const ACTIONS: readonly Action[] = [...ROLE_ACTIONS, ...OPEN_ACTIONS];

/** What the action is done to. */
export function scopeOf(action: Action): Scope {
  return isRoleAction(action) ? SCOPES[action] : "project";
}

/** Whether the text names an action a role may list. */
export function isRoleAction(text: string): text is RoleAction {
  return Object.hasOwn(SCOPES, text);
}

/** Whether the text names any action. */
export function isAction(text: string): text is Action {
  return (ACTIONS as readonly string[]).includes(text);
}

/** Who may pull or mount may also see what there is; who may push gives names to what is there. */
export function withImplied(can: readonly RoleAction[]): readonly RoleAction[] {
  const reads = can.includes("artifact.pull") || can.includes("workspace.mount");
  const implied: readonly RoleAction[] = [
    ...(reads ? (["artifact.read-metadata"] as const) : []),
    ...(can.includes("artifact.push") ? (["artifact.tag"] as const) : []),
  ];
  return [...can, ...implied.filter((action) => !can.includes(action))];
}

/** Whether it is done to one version of an artifact, which is in some stage. Names are listed whatever their stage. */
export function isStaged(action: Action): boolean {
  return scopeOf(action) === "artifact" && action !== "creds.issue" && !action.startsWith("secret.");
}

/** Kinds of artifact. */
export const KINDS = ["dataset", "model", "code", "report"] as const;
