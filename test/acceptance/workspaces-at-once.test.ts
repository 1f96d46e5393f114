// Commands on one workspace at the same moment: each is a process of its own, and none undoes what another noted.
import { beforeAll, describe, expect, it } from "vitest";
import type { WorkspaceDetail, WorkspaceSummary } from "../../src/index.ts";
import { HAS_SANDBOX, type Member, World } from "./harness.ts";

const title = HAS_SANDBOX ? "workspaces at once" : "workspaces at once (skipped: no bubblewrap here)";
const use = ["--purpose", "modelling", "--ttl", "5m"];
const AT_ONCE = 6;

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    ana.files("data", { "rows.csv": "1" });
    await ana.ok("push", "data", "--name", "cohort", "--class", "internal");
  });

  it("of one name: one is created, the other commands say so, and no sandbox is left that nobody finds", async () => {
    const create = ["ws", "create", "same", "--input", "cohort", ...use, "--json"];
    const ended = await Promise.all(Array.from({ length: 3 }, () => ana.cli(...create)));
    expect(ended.map(({ exit }) => exit).sort()).toEqual([0, 2, 2]);
    const made = ended.filter(({ exit }) => exit === 0).map(({ out }) => JSON.parse(out) as WorkspaceDetail);
    const { workspaces } = await ana.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "list");
    expect(workspaces.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    const created = (await ana.ok("audit", "list", "--action", "workspace.create")).out;
    expect(created.match(/\tdone\t/g)).toHaveLength(1);
    await ana.ok("ws", "destroy", "same", "--yes");
  });

  it("keep the record of every run, also of those that end together", async () => {
    await ana.ok("ws", "create", "busy", "--input", "cohort", ...use);
    const runs = Array.from({ length: AT_ONCE }, (_, i) => ["run", "busy", "--keep-output", "--", "echo", String(i)]);
    const ended = await Promise.all(runs.map((run) => ana.cli(...run)));
    expect(ended.map(({ exit }) => exit)).toEqual(runs.map(() => 0));
    const { runs: kept } = await ana.json<WorkspaceDetail>("ws", "show", "busy");
    expect(kept.map(({ argv }) => argv[1]).sort()).toEqual(runs.map((_, i) => String(i)));
    await ana.ok("ws", "destroy", "busy", "--yes");
  });
});
