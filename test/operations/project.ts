// A project in a temporary folder, used through the operations themselves, so that a store can be put in between.
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { requireConfig } from "../../src/operations/config.ts";
import type { Host } from "../../src/operations/host.ts";
import { create } from "../../src/operations/init.ts";
import { openStore } from "../../src/operations/open-store.ts";
import { connect, type Session } from "../../src/operations/session.ts";
import type { Store } from "../../src/store/store.ts";

/** Memory where there is some: these tests make thousands of objects, and fsync on a disk is all they would measure. */
export const ROOM = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

export function scratch(): string {
  const folder = mkdtempSync(join(ROOM, "cloister-operations-"));
  made.push(folder);
  return folder;
}

/** A person: their home is `<folder>/home/<name>`, their project folder `<folder>/<name>`. */
export function hostIn(folder: string, name: string, signal = new AbortController().signal): Host {
  const home = join(folder, "home", name);
  mkdirSync(home, { recursive: true });
  mkdirSync(join(folder, name), { recursive: true });
  return {
    env: {},
    cwd: join(folder, name),
    home,
    userName: name,
    now: Date.now,
    signal,
    // Faults are injected thousands of times: a key derivation each time would be all that runs.
    insecureStorage: true,
    progress: () => {},
    notice: () => {},
  };
}

/** Makes `<folder>/ana` a project from the two-person template. */
export async function makeProject(folder: string): Promise<Host> {
  const host = hostIn(folder, "ana");
  const common = { folder: ".", template: "demo", store: "../store", project: "churn" };
  await create(host, { ...common, member: "ana", name: "Ana", domain: "churn", purpose: "modelling" });
  return host;
}

/** A second copy of everything, to try something on. */
export function copyOf(folder: string): string {
  const copy = scratch();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** Opens the project of a person; `around` wraps the store. */
export async function sessionOf(host: Host, around: (store: Store) => Store = (store) => store): Promise<Session> {
  const config = await requireConfig(host.cwd);
  const session = connect(host, config, around(await openStore(host, config)));
  await session.begin();
  return session;
}

/** A folder with a few random files; the marker is in all of them. */
export function randomFiles(
  folder: string,
  marker = randomBytes(16).toString("hex"),
): { path: string; marker: string } {
  const path = join(folder, "data");
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "a.csv"), `${marker}\n${randomBytes(3000).toString("hex")}`);
  writeFileSync(join(path, "sub", "b.bin"), Buffer.concat([Buffer.from(marker), randomBytes(200_000)]));
  writeFileSync(join(path, "empty"), "");
  return { path, marker };
}
