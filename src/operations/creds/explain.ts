// What a session would be given, without giving it: the session policy, its size, and where each statement comes from.
import { SESSION_POLICY_CHARS_MAX } from "../../credentials/aws-session.ts";
import { awsOf, roleArnOf } from "../../policy/aws/names.ts";
import type { Session } from "../session.ts";
import type { CredentialExplained, CredentialOptions } from "../types/creds.ts";
import { compileFor } from "./aws.ts";
import { issuerOf, settled } from "./issue.ts";
import { placeText, planIssue } from "./plan.ts";

/** @throws CloisterError POLICY_DENIED where nothing would be issued; nothing is logged; USAGE */
export async function explainCredential(session: Session, asked: CredentialOptions): Promise<CredentialExplained> {
  await session.sync();
  const options = await settled(session, asked);
  const { policy } = (await session.policy()).compiled;
  const { lifetimes } = await issuerOf(session, options);
  const plan = await planIssue(session, options, lifetimes, { dryRun: true });
  const { provider, purpose } = options;
  const common = {
    ...{ provider, purpose, member: plan.member, role: plan.role.id, ttlMs: plan.ttlMs },
    places: plan.places.map(placeText),
    refused: plan.refused.map(({ place, why }) => ({ place: placeText(place), why })),
  };
  const none = { roleArn: undefined, document: undefined, chars: undefined, charsMax: undefined, statements: [] };
  if (provider !== "aws") return { ...common, ...none };
  const { document, chars, statements } = compileFor(policy, plan, options, session.host.now());
  const roleArn = roleArnOf(awsOf(policy), plan.role);
  return { ...common, roleArn, document, chars, charsMax: SESSION_POLICY_CHARS_MAX, statements };
}
