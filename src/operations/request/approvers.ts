// Who can approve a request now.
import { covers } from "../../policy/entitlements.ts";
import { memberOf } from "../../policy/schema.ts";
import { factsOf } from "../governance/facts.ts";
import { refusalOf } from "../governance/judge.ts";
import type { Session } from "../session.ts";
import { approvesAs, type Missing, type Subject } from "./needs.ts";
import type { Position, Standing } from "./standing.ts";

/** Members whom the policy lets approve it, whether or not their approval is needed. */
export async function approversOf(session: Session, subject: Subject, at: Position): Promise<readonly string[]> {
  const { policy } = at.compiled;
  const found: string[] = [];
  for (const { id } of policy.members) {
    // Most members have no such role: roles are looked at before Cedar is asked.
    if (!covers(policy, id, "request.approve", subject)) continue;
    if (await isLet(session, subject, at, id)) found.push(id);
  }
  return found;
}

async function isLet(
  session: Session,
  subject: Subject,
  { compiled, now, before }: Position,
  id: string,
): Promise<boolean> {
  const member = memberOf(compiled.policy, id);
  if (!member) return false;
  const { domain, class: klass, versionId, requester } = subject;
  const act = {
    action: "request.approve",
    domain,
    class: klass,
    versionId,
    kind: undefined,
    purpose: undefined,
  } as const;
  const facts = await factsOf({ session, policy: compiled.policy, member, ...act, now, before, said: {} });
  // Of a request that is only being made, the log does not say yet who makes it.
  const did = id === requester ? [...(facts.did ?? []), "request.create" as const] : facts.did;
  const governance = { ...facts, did };
  const about = { action: "request.approve", member: id, domain, class: klass, now, governance } as const;
  return (await refusalOf(compiled, about)) === undefined;
}

/** Who could still fill a place, by role. */
export interface Wanted extends Missing {
  readonly members: readonly string[];
}

/** Exactly who can still approve: by role that is missing, those who are let and have not done so. */
export async function wantedFor(
  session: Session,
  { subject, approvals, needs }: Pick<Standing, "subject" | "approvals" | "needs">,
  at: Position,
): Promise<readonly Wanted[]> {
  const missing = needs.flatMap((need) => need.missing);
  if (missing.length === 0) return [];
  const done = new Set(approvals.map(({ member }) => member));
  const able = (await approversOf(session, subject, at)).filter((id) => !done.has(id));
  return [...new Set(missing.map(({ role }) => role))].map((role) => ({
    role,
    // Rules count for themselves: the same person's approval serves them all.
    count: Math.max(...missing.filter((each) => each.role === role).map(({ count }) => count)),
    members: able.filter((id) => approvesAs(at.compiled.policy, id, role, subject)),
  }));
}

/** `a data-owner: omar or mei; a security-officer: nobody who may`. */
export function wantedText(wanted: readonly Wanted[]): string {
  return wanted
    .map(({ role, count, members }) => {
      const who = role === "any" ? "anybody who may approve" : role;
      return `${String(count)} × ${who}: ${members.length > 0 ? members.join(", ") : "nobody can"}`;
    })
    .join("; ");
}
