// What operations are given and what they return: plain data, the same for every caller.

export type * from "./types/artifact.ts";
export type * from "./types/aws.ts";
export type * from "./types/break-glass.ts";
export type * from "./types/creds.ts";
export type * from "./types/export.ts";
export type * from "./types/key.ts";
export type * from "./types/login.ts";
export type * from "./types/member.ts";
export type * from "./types/policy.ts";
export type * from "./types/policy-change.ts";
export type * from "./types/policy-check.ts";
export type * from "./types/project.ts";
export type * from "./types/request.ts";
export type * from "./types/retention.ts";
export type * from "./types/review.ts";
export type * from "./types/secret.ts";
export type * from "./types/share.ts";
export type * from "./types/stage.ts";
export type * from "./types/status.ts";
export type * from "./types/store.ts";
export type * from "./types/workspace.ts";
