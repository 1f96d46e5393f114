// What a case asks of a workspace, in the words of a role's limits.
import type { Problems } from "../problem.ts";
import type { DecisionRequest } from "../request.ts";
import { reference, Section, textList, textOf } from "../section.ts";
import { DRIVERS } from "../workspace-use.ts";
import type { Tree } from "../yaml-tree.ts";
import { count, duration, size } from "./values.ts";

/** Key of a case. */
export const USE_KEY = "workspace";

const WORKSPACE_KEYS = [
  ...["open", "disk", "cpus", "memory", "processes", "open-files", "run-time"],
  ...["network", "mounts", "gpu", "driver", "image"],
];

export function readUse(
  tree: Tree | undefined,
  problems: Problems,
): Pick<DecisionRequest, "openWorkspaces" | "diskBytes" | "use"> {
  if (!tree) return {};
  const section = new Section(tree, USE_KEY, WORKSPACE_KEYS, [], problems);
  const read = <T>(key: string, reader: (tree: Tree, what: string, problems: Problems) => T): T | undefined => {
    const value = section.optional(key);
    return value && reader(value, key, problems);
  };
  const driver = section.optional("driver");
  const list = (key: string) => textList(section.optional(key), key, problems).map(({ value }) => value);
  return {
    openWorkspaces: read("open", count),
    diskBytes: read("disk", size),
    use: {
      ...{ cpus: read("cpus", count), memoryBytes: read("memory", size), processes: read("processes", count) },
      ...{ openFiles: read("open-files", count), runMs: read("run-time", duration) },
      ...{ network: list("network"), mounts: list("mounts"), gpu: section.boolean("gpu") },
      ...{ driver: driver && reference(driver, "driver", DRIVERS, problems), image: read("image", textOf) },
    },
  };
}
