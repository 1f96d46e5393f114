// Under which key a credential is kept: everything that makes it another one.
import { sha256Hex } from "../../base/digest.ts";
import { canonicalJson } from "../../base/json.ts";
import type { ProjectConfig } from "../config.ts";
import type { Host } from "../host.ts";
import type { SettledOptions } from "../types/creds.ts";

/** Whom AWS would be asked as, and where: another answer here is another session. */
const AWS_VARIABLES = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"];

/** What a credential is asked for in: the project, or one of its workspaces. */
export interface KeyScope {
  readonly config: Pick<ProjectConfig, "project" | "pin">;
  readonly env: Host["env"];
  readonly workspace?: { readonly id: string; readonly label: string } | undefined;
}

/** 32 hex digits. Time left and justification do not count: they do not change what is issued. */
export function credentialKey({ config, env, workspace }: KeyScope, options: SettledOptions): string {
  const { provider, role, domain, purpose, ttlMs, readOnly, audience, aws } = options;
  const source = provider === "aws" ? AWS_VARIABLES.map((name) => env[name] ?? "") : [];
  const text = canonicalJson({
    ...{ project: config.project, pin: config.pin, provider, role, domain, purpose, ttlMs, audience, source },
    readOnly: readOnly === true,
    profile: aws?.profile,
    tokenFile: aws?.tokenFile,
    workspace: workspace && { ...workspace },
  });
  return sha256Hex(text).slice(0, 32);
}
