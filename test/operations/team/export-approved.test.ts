// Exports that others have to approve: for one version, one destination, and once, whatever is interrupted in between.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { list } from "../../../src/operations/artifact/list.ts";
import { exportVersion } from "../../../src/operations/export/export.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import type { Store } from "../../../src/store/store.ts";
import { sessionOf } from "../project.ts";
import { ask, change, type People, requestProject, storeOf } from "../request-project.ts";
import { unguarded } from "../unguarded.ts";

let people: People;

beforeAll(async () => {
  ({ people } = await requestProject());
  await change(people.ana, (text) => text.replace(/^( {2}churn:.*)$/m, "$1\n  marketing: { owner: omar, epoch: 1 }"));
});

const bo = (around?: (store: Store) => Store) => sessionOf(people.bo, around);

async function approved(to: string): Promise<void> {
  const { id } = await ask(people.bo, "export", "churn/risk:1.0", { to });
  for (const host of [people.ana, people.omar]) await approveRequest(await sessionOf(host), { id });
}

test("before it is approved it is pending, and nothing is written", async () => {
  const options = { reference: "churn/risk:1.0", to: "out" };
  await expect(exportVersion(await bo(), options)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  await ask(people.bo, "export", "churn/risk:1.0", { to: "pending" });
  const pending = exportVersion(await bo(), { ...options, to: "pending" });
  await expect(pending).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
});

test("approved, it is good for its destination, once", async () => {
  const options = { reference: "churn/risk:1.0", to: "approved" };
  await approved("approved");
  await expect(exportVersion(await bo(), { ...options, to: "elsewhere" })).rejects.toMatchObject({
    name: "CloisterError",
  });
  await exportVersion(await bo(), options);
  // The very same once more, as if it had never been there.
  rmSync(join(people.bo.cwd, "approved"), { recursive: true });
  await expect(exportVersion(await bo(), options)).rejects.toMatchObject({ code: "POLICY_DENIED" });
});

test("what failed with nothing done leaves the request as it was", async () => {
  await approved("in-the-way");
  const failing = (store: Store): Store => ({
    ...storeOf(store),
    range: async (name, from, length) => {
      if (name.startsWith("packs/")) throw new Error("no");
      return store.range(name, from, length);
    },
  });
  await expect(exportVersion(await bo(failing), { reference: "churn/risk:1.0", to: "in-the-way" })).rejects.toThrow();
  await exportVersion(await bo(), { reference: "churn/risk:1.0", to: "in-the-way" });
});

test("to another domain: readers see the approvals, and an interrupted one goes on under the same request", async () => {
  const options = { reference: "churn/risk:1.0", to: "domain:marketing" };
  await approved("domain:marketing");
  let left = 2;
  const cut = (store: Store): Store => ({
    ...storeOf(store),
    create: async (name, parts) => {
      if (name.startsWith("seals/marketing") && left-- > 0) {
        const { CloisterError } = await import("../../../src/base/errors.ts");
        throw new CloisterError("UNAVAILABLE", "the store does not answer");
      }
      return store.create(name, parts);
    },
  });
  await expect(exportVersion(await bo(cut), options)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const done = await exportVersion(await bo(), options);
  expect(done.made?.reference).toBe("marketing/risk:1.0");
  const { versions, ignored } = await list(await sessionOf(people.mei), { name: "marketing/risk" });
  expect([versions.map(({ reference }) => reference), ignored]).toEqual([["marketing/risk:1.0"], []]);
});

test("without approvals a patched program's crossing counts for nobody", async () => {
  await exportVersion(await unguarded(people.bo), {
    ...{ reference: "churn/risk:1.0", to: "domain:marketing" },
    name: "x",
  });
  const { versions, ignored } = await list(await sessionOf(people.mei), { name: "marketing/x" });
  expect(versions).toEqual([]);
  expect(ignored[0]?.why).toContain("export-needs-two");
});
