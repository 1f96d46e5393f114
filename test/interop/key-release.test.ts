// A version whose key others released, read by the independent reader: it finds both halves of one request, or nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import type { Host } from "../../src/operations/host.ts";
import { randomFiles, sessionOf } from "../operations/project.ts";
import { ask, release, releaseProject } from "../operations/release-project.ts";
import { read } from "./golden-store.ts";
import { lacking } from "./python-reader.ts";

const title = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

test.skipIf(lacking !== "")(`the Python reader reads what was released to its identity${title}`, async () => {
  const { folder, people } = await releaseProject();
  const { omar, ana, bo, dee } = people;
  const { path } = randomFiles(dee.cwd);
  await push(await sessionOf(dee), { source: { path: "data" }, name: "cohort:1", class: "restricted" });
  const readBy = async (host: Host) => {
    const key = join(host.cwd, "identity.txt");
    writeFileSync(key, `${(await (await sessionOf(host)).identity()).ageSecret}\n`, { mode: 0o600 });
    const at = {
      store: join(folder, "store"),
      folder: host.cwd,
      home: host.home,
      key,
      env: {},
    };
    return read(at, "churn/cohort:1");
  };
  const request = await ask(bo, "cohort:1", "python");
  await release(omar, request);
  expect(await readBy(bo)).toMatchObject({ status: 7 });
  await release(ana, request);
  expect(await readBy(bo)).toMatchObject({ status: 0 });
  expect(readFileSync(join(bo.cwd, "read/a.csv"))).toEqual(readFileSync(join(path, "a.csv")));
  for (const host of [omar, dee]) expect(await readBy(host)).toMatchObject({ status: 7 });
});
