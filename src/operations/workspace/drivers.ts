// Which drivers work on this host, each tried, and how to get those that do not.
import type { Driver } from "../../sandbox/sandbox.ts";
import type { Host } from "../host.ts";
import type { Diagnosis } from "../types.ts";
import { sandboxOf } from "./sandbox.ts";

type Finding = Diagnosis["checks"][number];

/** How each is called in the list, and what is said of one that works. */
const DRIVERS: readonly { readonly driver: Driver; readonly name: string; readonly good: string }[] = [
  { driver: "bubblewrap", name: "sandbox", good: "bubblewrap can isolate workspaces here" },
  { driver: "podman", name: "podman", good: "podman can, too: --driver podman --image NAME@sha256:…" },
];

/** The one that is used unless another is asked for comes first. One driver is enough: those that do not work are bad only where none does. */
export async function checkDrivers(host: Host): Promise<readonly Finding[]> {
  const tried = await Promise.all(
    DRIVERS.map(async ({ driver, name, good }) => {
      const problem = await (await sandboxOf(host, { driver })).problem();
      return { driver, name, good, problem };
    }),
  );
  const none = tried.every(({ problem }) => problem !== undefined);
  return tried.map(({ driver, name, good, problem }): Finding => {
    if (!problem) return { name, state: "good", text: good, next: undefined };
    const state = none && driver === "bubblewrap" ? "bad" : "unknown";
    return { name, state, text: `${driver}: ${problem.why}`, next: problem.next };
  });
}
