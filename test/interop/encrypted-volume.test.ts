// Encrypted volumes, made by root and by an ordinary user.
import { afterAll, beforeAll } from "vitest";
import { compiledCases, describeBoth, type Outcome, type Program, type Who } from "../sandbox/both-users.ts";
import { CASES } from "../sandbox/encrypted-volume/cases.ts";
import { ENCRYPTED_REASON, ENCRYPTED_WORKS, WITH_FUSE } from "../sandbox/fuse.ts";
import { IS_ROOT } from "../sandbox/here.ts";

let program: Program | undefined;
let halves: Readonly<Record<Who, Promise<Outcome>>>;

beforeAll(() => {
  if (!ENCRYPTED_WORKS) return;
  program = compiledCases("test/sandbox/encrypted-volume/main.ts", 61_010);
  const user = program.run("user", [], WITH_FUSE);
  halves = { user, root: IS_ROOT ? program.run("root", []) : user };
});

afterAll(() => program?.remove());

describeBoth({
  ...{ title: "encrypted volumes", suffix: ENCRYPTED_REASON, runnable: ENCRYPTED_WORKS },
  ...{ names: CASES.map(({ name }) => name), allMs: 180_000, outcome: (who) => halves[who] },
});
