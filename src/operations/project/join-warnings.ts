// What `status` says to those who may let people in.
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { JOINS } from "./join-place.ts";

/** People who ask to join. The rooms for it are loaded only where something was filed. */
export async function joinWarnings(session: Session, policy: Policy, member: string): Promise<readonly string[]> {
  if (!mayAdd(policy, member) || !(await isAnythingFiled(session))) return [];
  const { joins } = await (await import("./joins.ts")).listJoins(session);
  if (joins.length === 0) return [];
  const people = joins.length === 1 ? "1 person or device asks" : `${String(joins.length)} people or devices ask`;
  return [`${people} to join: cloister request list`];
}

/** Asked before the store is: a listing is a journey to a bucket. */
function mayAdd({ members, roles }: Policy, id: string): boolean {
  const held = members.find((member) => member.id === id)?.roles.map(({ role }) => role) ?? [];
  return roles.some((role) => held.includes(role.id) && role.can.includes("member.add"));
}

async function isAnythingFiled({ store }: Session): Promise<boolean> {
  for await (const _ of store.list(JOINS)) return true;
  return false;
}
