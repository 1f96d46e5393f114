// Whether the sandbox works where the tests run, and as whom.
import { Bubblewrap } from "../../src/sandbox/bubblewrap/bubblewrap.ts";
import type { Subject } from "./contract/subject.ts";

const problem = await new Bubblewrap({ now: Date.now }).problem();

/** For titles: why sandboxes do not work here, or nothing. */
export const REASON = problem ? ` (skipped: ${problem.why})` : "";
export const WORKS = problem === undefined;
export const IS_ROOT = process.getuid?.() === 0;

export const BUBBLEWRAP: Subject = {
  driver: "bubblewrap",
  works: WORKS,
  why: problem?.why ?? "",
  setUpMs: [1, 5, 10, 15, 20, 30, 40],
  make: (clocks = { now: Date.now }) => new Bubblewrap(clocks),
};
