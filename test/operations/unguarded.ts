// A member with a modified program: what anybody can do to their own copy.
import type { Host } from "../../src/operations/host.ts";
import type { Session } from "../../src/operations/session.ts";
import type { Store } from "../../src/store/store.ts";
import { sessionOf } from "./project.ts";

/** A session in which the guard always says yes: what deleting the check from the program comes to. */
export async function unguarded(host: Host, around?: (store: Store) => Store): Promise<Session> {
  const session = await sessionOf(host, around);
  await session.sync();
  const real = await session.policy();
  const generous = structuredClone(real.compiled);
  const permits = Object.entries(generous.cedar.decide).filter(
    ([, p]) => (p as { effect: string }).effect === "permit",
  );
  for (const id of Object.keys(generous.cedar.decide)) delete (generous.cedar.decide as Record<string, unknown>)[id];
  const [id = "", permit] = permits[0] ?? [];
  const anything = {
    ...(permit as object),
    principal: { op: "All" },
    action: { op: "All" },
    resource: { op: "All" },
    conditions: [],
  };
  (generous.cedar.decide as Record<string, unknown>)[id] = anything;
  return { ...session, policy: async () => ({ ...real, compiled: generous }) };
}
