// The keys of a role's `workspace:` that say what a workspace may use.
import { parseBytes, parseDurationMs } from "../base/units.ts";
import { isLoopback, pathEntry, portEntry, privateNetwork } from "./host-entry.ts";
import type { Problems } from "./problem.ts";
import { references, type Section, textList } from "./section.ts";
import { DRIVERS, ENFORCEABLE, type UseLimits } from "./workspace-use.ts";

/** Keys under `workspace:` that this file reads. */
export const USE_KEYS: readonly string[] = [
  ...["cpus", "memory", "processes", "open-files", "run-time", "network", "private-networks"],
  ...["mounts", "gpu", "drivers", "images", "must-hold"],
];

export function readUse(section: Section, problems: Problems): UseLimits {
  const count = (key: string) => (section.has(key) ? section.integer(key, 1) : undefined);
  const list = (key: string) => textList(section.optional(key), key, problems);
  const checked = (key: string, check: (text: string) => string | undefined, example: string) =>
    list(key).map(({ value, ...place }) => {
      const good = check(value);
      if (good === undefined) problems.error(place, `${JSON.stringify(value)} cannot be in ${key}`, `write ${example}`);
      return good ?? "";
    });
  const privateNetworks = checked("private-networks", privateNetwork, "10.20.0.0/16");
  for (const network of privateNetworks.filter(isLoopback)) {
    problems.warning(
      section.placeOf("private-networks"),
      `${network} weakens workspaces: allowed hosts may be services of the machine they run on`,
      "leave it out, unless such a service is meant",
    );
  }
  return {
    cpus: count("cpus"),
    memoryBytes: section.measured("memory", parseBytes, "16GB (B, KB, MB, GB, TB)"),
    processes: count("processes"),
    openFiles: count("open-files"),
    runMs: section.measured("run-time", parseDurationMs, "2h (s, m, h, d)"),
    network: checked("network", portEntry, "host.example:443 or *.host.example:443"),
    privateNetworks,
    mounts: checked("mounts", pathEntry, "an absolute path such as /opt/conda"),
    gpu: section.has("gpu") ? section.boolean("gpu") : false,
    drivers: section.has("drivers")
      ? references(list("drivers"), "driver", DRIVERS, problems).map(({ value }) => value)
      : undefined,
    images: list("images").map(({ value }) => value),
    mustHold: references(list("must-hold"), "limit", ENFORCEABLE, problems).map(({ value }) => value),
  };
}
