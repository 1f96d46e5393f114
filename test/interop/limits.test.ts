// Every case of test/sandbox/limits: limits are really reached, in workspaces that root started and in those of an
// ordinary user, for whom other things hold them.
import { existsSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { compiledCases, describeBoth, type Outcome, type Program, type Who } from "../sandbox/both-users.ts";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";
import { CASES } from "../sandbox/limits/cases.ts";

const HAS_PERL = existsSync("/usr/bin/perl");
const runnable = WORKS && HAS_PERL;

let program: Program | undefined;
let halves: Readonly<Record<Who, Promise<Outcome>>>;

beforeAll(() => {
  if (!runnable) return;
  const made = compiledCases("test/sandbox/limits/main.ts", 61_007);
  program = made;
  const user = made.run("user", ["all"]);
  // One after the other: they measure time.
  halves = { user, root: IS_ROOT ? user.then(() => made.run("root", ["all"])) : user };
});

afterAll(() => program?.remove());

describeBoth({
  ...{ title: "limits of a workspace", suffix: HAS_PERL ? REASON : " (skipped: no /usr/bin/perl)", runnable },
  ...{ names: CASES.map(({ name }) => name), allMs: 180_000, outcome: (who) => halves[who] },
});
