// Issuing a token: the embedded provider, for which a project needs no account anywhere.
import { issueToken, TOKEN_MS_MAX, TOKEN_MS_MIN } from "../../credentials/token.ts";
import type { Session } from "../session.ts";
import type { SettledOptions } from "../types/creds.ts";
import type { Issuer } from "./issue.ts";
import { type ForWorkspace, placeText } from "./plan.ts";

/** Issues tokens for `audience`, the project itself where none is named. */
export function tokenIssuer(session: Session, options: SettledOptions, workspace?: ForWorkspace): Issuer {
  return {
    lifetimes: { minMs: TOKEN_MS_MIN, maxMs: TOKEN_MS_MAX },
    prepare: async (plan) => ({
      facts: {},
      issue: async (operation) => {
        const issuedAtMs = await session.clock();
        const claims = {
          ...{ project: session.config.project, member: plan.member, role: plan.role.id, id: operation.id },
          places: plan.places.map(placeText),
          ...{ purpose: options.purpose, workspace: workspace?.id, domain: workspace?.domain ?? options.domain },
          readOnly: options.readOnly === true,
          ...{ audience: options.audience ?? session.config.project, issuedAtMs },
          expiresAtMs: Math.min(issuedAtMs + plan.ttlMs, plan.endMs),
        };
        return issueToken(claims, await session.identity());
      },
    }),
  };
}
