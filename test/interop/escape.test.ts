// Every escape attempt of test/interop/escape, made by code in a workspace that root started and in one that an
// ordinary user started, each with a volume in memory and with an encrypted one.
import { existsSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import type { VolumeKind } from "../../src/sandbox/sandbox.ts";
import { compiledCases, describeBoth, type Outcome, type Program, type Who } from "../sandbox/both-users.ts";
import { ENCRYPTED_REASON, ENCRYPTED_WORKS, WITH_FUSE } from "../sandbox/fuse.ts";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";
import { attemptsOn } from "./escape/attempts.ts";

const HAS_PERL = existsSync("/usr/bin/perl");
const reason = HAS_PERL ? REASON : " (skipped: no /usr/bin/perl to make system calls with)";
const runnable = WORKS && HAS_PERL;

let program: Program | undefined;
/** Root and user side by side, one kind of volume after the other. */
let made: Readonly<Record<VolumeKind, Readonly<Record<Who, Promise<Outcome>>>>>;

beforeAll(() => {
  if (!runnable) return;
  const compiled = compiledCases("test/interop/escape/main.ts", 61_000);
  program = compiled;
  const user = compiled.run("user", ["all", "memory"]);
  const memory = { user, root: IS_ROOT ? compiled.run("root", ["all", "memory"]) : user };
  made = { memory, encrypted: memory };
  if (!ENCRYPTED_WORKS) return;
  const userLater = user.then(() => compiled.run("user", ["all", "encrypted"], WITH_FUSE));
  const rootLater = IS_ROOT ? memory.root.then(() => compiled.run("root", ["all", "encrypted"])) : userLater;
  made = { memory, encrypted: { user: userLater, root: rootLater } };
});

afterAll(() => program?.remove());

for (const volume of ["memory", "encrypted"] as const) {
  const why = volume === "memory" || !runnable ? reason : ENCRYPTED_REASON;
  describeBoth({
    ...{ title: `escapes, ${volume} volume, from a workspace`, suffix: why },
    runnable: runnable && (volume === "memory" || ENCRYPTED_WORKS),
    ...{ names: attemptsOn(volume).map(({ name }) => name), allMs: 240_000, outcome: (who) => made[volume][who] },
  });
}
