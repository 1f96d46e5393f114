// The contract of all drivers, kept by podman. As slow as containers are to start.
import { afterAll, expect, test } from "vitest";
import { commands } from "../sandbox/contract/commands.ts";
import { lives } from "../sandbox/contract/lives.ts";
import { secretFiles } from "../sandbox/contract/secret-files.ts";
import { volumes } from "../sandbox/contract/volumes.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, remove } = await podmanSubject();
afterAll(remove);

commands(subject);
volumes(subject);
secretFiles(subject);
lives(subject);

test("podman says what it enforces and what it does not", () => {
  const { driver, enforced, notEnforced } = subject.make().describe();
  expect(driver).toBe("podman");
  expect(enforced.join("\n")).toMatch(/no network/);
  expect(notEnforced.join("\n")).toMatch(/swapped to disk/);
});
