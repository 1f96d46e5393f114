// What a change of the policy means: which answers differ, not which lines.
import { loadCedar } from "../../policy/cedar.ts";
import { linesOf } from "../../policy/check/difference-lines.ts";
import { comparePolicies } from "../../policy/check/differences.ts";
import { plainChanges } from "../../policy/check/plain-changes.ts";
import type { Policy } from "../../policy/schema.ts";
import { withoutLines } from "../../policy/without-lines.ts";
import type { Host } from "../host.ts";
import type { PolicyDiff, PolicyDiffOptions } from "../types.ts";
import { IN_FORCE, PolicySources } from "./source.ts";

/** @throws CloisterError NOT_FOUND, USAGE where one of the two cannot be read */
export async function diffPolicies(host: Host, folder: string, options: PolicyDiffOptions): Promise<PolicyDiff> {
  const sources = new PolicySources(host, folder);
  const before = await sources.read(options.before ?? IN_FORCE);
  const after = await sources.read(options.after);
  const { changes, asked } = await changesBetween(before.policy, after.policy);
  return {
    before: { policy: before.title, version: before.policy.version },
    after: { policy: after.title, version: after.policy.version },
    ...{ same: changes.length === 0, changes, asked },
  };
}

/** What the second policy allows, refuses and says otherwise than the first, and how many decisions told. */
export async function changesBetween(
  before: Policy,
  after: Policy,
): Promise<{ readonly changes: PolicyDiff["changes"]; readonly asked: number }> {
  // Most versions change members alone, and hundreds of questions to whoever holds a role would all be answered alike.
  if (whatIsAsked(before) === whatIsAsked(after)) return { changes: plainChanges(before, after), asked: 0 };
  const compared = comparePolicies(await loadCedar(true), before, after);
  return { changes: [...linesOf(compared), ...plainChanges(before, after)], asked: compared.asked };
}

/** All of a policy that answers can depend on, where those who ask are nobody in particular. */
function whatIsAsked(policy: Policy): string {
  return withoutLines({ ...policy, members: [], owners: undefined, version: 0, previous: undefined });
}
