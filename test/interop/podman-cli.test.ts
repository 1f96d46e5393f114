// The whole way of a workspace with podman, by the real program: allowed by the policy, run, pushed from, destroyed.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Receipt, RunResult, VersionDetail, WorkspaceDetail } from "../../src/index.ts";
import { type Member, World } from "../acceptance/harness.ts";
import { titleOf } from "../sandbox/contract/subject.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, env, remove } = await podmanSubject();
afterAll(remove);

describe.skipIf(!subject.works)(`a workspace of ${titleOf(subject)}, from the command line`, () => {
  const world = new World();
  const use = ["--purpose", "modelling", "--ttl", "10m"];
  const { image = "" } = subject;
  let ana: Member;

  const cli = async (...args: readonly string[]) => await ana.with({ env }, ...args);
  const json = async <T>(...args: readonly string[]): Promise<T> => {
    const { exit, out, err } = await cli(...args, "--json");
    if (exit !== 0) throw new Error(`cloister ${args.join(" ")} ended with ${String(exit)}:\n${out}${err}`);
    return JSON.parse(out) as T;
  };

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    ana.files("cohort", { "rows.csv": "id\n1\n" });
    await ana.ok("push", "cohort", "--name", "cohort", "--class", "confidential");
  });

  it("needs an image that the policy names, by digest", async () => {
    const unnamed = await cli("ws", "create", "p1", "--driver", "podman", "--image", image, ...use);
    expect(unnamed.exit).toBe(3);
    expect(unnamed.err).toContain("may use no container image");
    const none = await cli("ws", "create", "p1", "--driver", "podman", ...use);
    expect(none).toMatchObject({ exit: 2, err: expect.stringContaining("podman needs an image") });
    const bubblewrap = await cli("ws", "create", "p1", "--driver", "bubblewrap", "--image", image, ...use);
    expect(bubblewrap.exit).not.toBe(0);
    expect((await cli("ws", "list")).out).not.toContain("p1");
  });

  it("is made of the policy's only image, used, pushed from and destroyed", async () => {
    const file = join(ana.folder, "cloister.policy.yaml");
    const allowed = `workspace: { drivers: [podman], images: ["${image}"], `;
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("workspace: { ", allowed));
    await ana.ok("policy", "propose", "--yes");
    const made = await json<WorkspaceDetail>("ws", "create", "p1", "--input", "cohort", ...use);
    expect(made).toMatchObject({ state: "running", driver: "podman", image, label: "confidential" });
    const refused = await cli("ws", "create", "p2", "--driver", "bubblewrap", ...use);
    expect(refused).toMatchObject({ exit: 3, err: expect.stringContaining("run with podman, not bubblewrap") });

    const ran = await cli(
      "run",
      "p1",
      "--json",
      "--",
      "sh",
      "-c",
      "cat /inputs/cohort/rows.csv >model; echo e >/dev/stderr; exit 4",
    );
    expect(ran.exit).toBe(4);
    expect((JSON.parse(ran.out) as RunResult).exit).toBe(4);
    expect(ran.err).toContain("e\n");
    await json("push", "model", "--from", "p1", "--name", "model", "--class", "confidential", "--kind", "model");
    expect((await json<VersionDetail>("show", "model")).class).toBe("confidential");
    expect((await json<WorkspaceDetail>("ws", "show", "p1")).runs).toHaveLength(1);
    expect((await json<WorkspaceDetail>("ws", "extend", "p1", "--ttl", "20m")).leftMs).toBeGreaterThan(15 * 60_000);
    expect(await json<Receipt>("ws", "destroy", "p1", "--yes")).toMatchObject({ workspace: "p1" });
    expect((await cli("run", "p1", "--", "true")).exit).toBe(125);
  });

  it("is found by the doctor", async () => {
    const { out } = await cli("doctor");
    expect(out).toMatch(/^good\tpodman\tpodman can/m);
  });
});
