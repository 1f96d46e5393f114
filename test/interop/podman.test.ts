// The contract of all drivers, kept by podman. As slow as containers are to start.
import { afterAll, expect, test } from "vitest";
import { commands } from "../sandbox/contract/commands.ts";
import { lives } from "../sandbox/contract/lives.ts";
import { lookups } from "../sandbox/contract/lookups.ts";
import { secretFiles } from "../sandbox/contract/secret-files.ts";
import { snapshots } from "../sandbox/contract/snapshots.ts";
import { volumes } from "../sandbox/contract/volumes.ts";
import { waysOut } from "../sandbox/contract/ways-out.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, remove } = await podmanSubject();
afterAll(remove);

commands(subject);
volumes(subject);
secretFiles(subject);
snapshots(subject);
lookups(subject);
waysOut(subject);
lives(subject);

test("podman says what it enforces and what it does not", () => {
  const { driver, enforced, notEnforced } = subject.make().describe();
  expect(driver).toBe("podman");
  expect(enforced.join("\n")).toMatch(/no network/);
  expect(notEnforced.join("\n")).toMatch(/swapped to disk/);
});
