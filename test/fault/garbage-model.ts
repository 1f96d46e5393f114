// A small model of garbage collection: one pack, somebody who pushes, two collections, and every order in which their steps
// can come, with time passing and programs dying between any two of them. What is compared with times is asked of the code
// itself (src/operations/store/times.ts).
import { type GarbageTimes, isDue, isFresh, mustLookAgain } from "../../src/operations/store/times.ts";

/** Ways to build it otherwise, each of which looks as good at first sight. */
export interface Variant {
  /** No marks: what nothing refers to is deleted once it is old. */
  readonly byAgeAlone?: boolean;
  /** As before, and who uses a pack again makes it young again. */
  readonly touch?: boolean;
  /** Who finds a condemned pack takes the mark away and uses it. */
  readonly uncondemn?: boolean;
  /** Who finds a pack condemned or gone stores it anew under the same name. */
  readonly sameName?: boolean;
  /** A push relies on its first look for ever. */
  readonly neverLooksAgain?: boolean;
  /** A push looks again at the marks, and not at what lies there. */
  readonly looksAtMarksAlone?: boolean;
  /** Looks whether the pack is there, and then for its mark. */
  readonly markLast?: boolean;
  /** A collection takes no place in the log before it deletes. */
  readonly noPlaceInLog?: boolean;
  /** The time at which it begins is asked for when it has read the log. */
  readonly lateClock?: boolean;
  /** The age of a mark is what it says, not when it came to lie there. */
  readonly markAsSaid?: boolean;
  /** The mark is taken away before the pack. */
  readonly markGoesFirst?: boolean;
}

/** In ticks. G - Gp is two of them. */
const TIMES: GarbageTimes = { freshMs: 1, waitMs: 2, relyMs: 0 };
const END = 3;

/** All of it small numbers: -1 is none. */
interface State {
  readonly t: number;
  /** When the pack came to lie there. */
  readonly pack: number;
  /** When the mark came to lie there, and what it says. */
  readonly mark: number;
  readonly said: number;
  /** Whether the version that stored the pack is there still. */
  readonly owner: number;
  /** Whether the push that uses it again is logged. */
  readonly logged: number;
  readonly push: Push;
  readonly runs: readonly [Run, Run];
}

type PushStep = "begin" | "marks" | "presence" | "upload" | "place" | "marks again" | "presence again" | "log" | "over";
interface Push {
  readonly at: PushStep;
  readonly looked: number;
  /** Whether the place in the log that it tries for is still free. */
  readonly free: number;
}

type RunStep =
  | "begin"
  | "place"
  | "marks"
  | "packs"
  | "read mark"
  | "clock"
  | "condemn"
  | "delete"
  | "unmark"
  | "delete late";
interface Run {
  readonly at: RunStep;
  readonly began: number;
  readonly needed: number;
  /** Of a mark: -1 none, 0 too young, 1 due. */
  readonly seen: number;
  readonly since: number;
}

/** What a run still needs to remember at a step; more would only make more states of the same. */
const MEMORY: Readonly<Record<RunStep, readonly (keyof Omit<Run, "at">)[]>> = {
  ...{ begin: [], place: ["began"], marks: ["began", "needed"], packs: ["began", "needed", "seen"] },
  ...{ "read mark": ["began"], clock: [], condemn: ["since"], delete: [], unmark: [], "delete late": [] },
};

const IDLE: Run = { at: "begin", began: -9, needed: -9, seen: -9, since: -9 };
const OVER: Push = { at: "over", looked: -9, free: -9 };
const START: Push = { at: "begin", looked: -9, free: -9 };

/** Whether what the log says is needed can be gone, and the shortest way there. */
export function search(
  variant: Variant,
  { skew, stored }: { readonly skew: number; readonly stored: "earlier" | "by this push" },
): { readonly states: number; readonly lost: readonly string[] | undefined } {
  const earlier = stored === "earlier";
  const first: State = {
    ...{ t: 0, pack: earlier ? 0 : -1, mark: -1, said: -1, owner: earlier ? 1 : 0, logged: 0 },
    ...{ push: START, runs: [IDLE, IDLE] },
  };
  const from = new Map<string, { readonly key: string; readonly what: string } | undefined>([
    [keyOf(first), undefined],
  ]);
  let front = [first];
  const world = { variant, skew, earlier };
  while (front.length > 0) {
    const next: State[] = [];
    for (const state of front) {
      const key = keyOf(state);
      for (const [what, after] of steps(state, world)) {
        const found = keyOf(after);
        if (from.has(found)) continue;
        from.set(found, { key, what });
        if (after.pack < 0 && (after.logged > 0 || after.owner > 0))
          return { states: from.size, lost: wayTo(from, found) };
        next.push(after);
      }
    }
    front = next;
  }
  return { states: from.size, lost: undefined };
}

interface World {
  readonly variant: Variant;
  readonly skew: number;
  readonly earlier: boolean;
}

type Step = readonly [string, State];

function* steps(state: State, world: World): Iterable<Step> {
  if (state.t < END) yield ["time passes", { ...state, t: state.t + 1 }];
  if (state.owner > 0) yield ["the owner is ended", { ...state, owner: 0 }];
  yield* pushSteps(state, world);
  for (const index of [0, 1] as const) {
    for (const [what, after] of runSteps(state, index, world)) yield [`run ${String(index)}: ${what}`, after];
  }
}

/** What the store's clock can be read as. */
function clocks(t: number, skew: number): readonly number[] {
  return skew === 0 ? [t] : [t, t - skew];
}

function* pushSteps(state: State, { variant, skew, earlier }: World): Iterable<Step> {
  const { push, t, pack, mark } = state;
  const go = (at: PushStep, more: Partial<Push> = {}, rest: Partial<State> = {}): State => ({
    ...state,
    ...rest,
    push: at === "over" ? OVER : { ...push, ...more, at },
  });
  const again = push.at.endsWith("again");
  const forward: PushStep = again ? "log" : "place";
  switch (push.at) {
    case "begin": {
      const next = earlier ? (variant.markLast ? "presence" : "marks") : "upload";
      for (const looked of clocks(t, skew)) yield ["the push reads the clock", go(next, { looked })];
      return;
    }
    case "upload":
      yield ["the push stores the pack", go("place", {}, pack < 0 ? { pack: t } : {})];
      return;
    case "marks":
    case "marks again": {
      const there: PushStep = again ? "presence again" : "presence";
      const next = variant.markLast || (again && variant.looksAtMarksAlone) ? forward : there;
      if (variant.byAgeAlone || variant.touch || mark < 0) yield ["the push finds no mark", go(next)];
      else if (variant.uncondemn) yield ["the push takes the mark away", go(next, {}, { mark: -1, said: -1 })];
      else if (variant.sameName) yield ["the push stores the pack anew", go(forward, {}, { pack: Math.max(pack, t) })];
      else yield ["the push finds a mark", go("over")];
      return;
    }
    case "presence":
    case "presence again": {
      const next = variant.markLast ? (again ? "marks again" : "marks") : forward;
      if (pack >= 0) yield ["the push finds the pack", go(next, {}, variant.touch ? { pack: t } : {})];
      else if (variant.sameName) yield ["the push stores the pack anew", go(forward, {}, { pack: t })];
      else yield ["the push misses the pack", go("over")];
      return;
    }
    case "place":
      for (const now of clocks(t, skew)) {
        const looks = !variant.neverLooksAgain && mustLookAgain(push.looked, now, TIMES);
        const next = looks ? (variant.markLast ? "presence again" : "marks again") : "log";
        yield ["the push reads the log", go(next, { free: 1, ...(looks ? { looked: now } : {}) })];
      }
      return;
    case "log":
      if (push.free > 0) yield ["the push is logged", go("over", {}, { logged: 1 })];
      else yield ["the push finds its place in the log taken", go("place")];
      return;
    case "over":
      return;
  }
}

function* runSteps(state: State, index: 0 | 1, { variant, skew, earlier }: World): Iterable<Step> {
  const run = state.runs[index];
  const { t, pack, mark, said } = state;
  const go = (at: RunStep, more: Partial<Run> = {}, rest: Partial<State> = {}): State =>
    withRun({ ...state, ...rest }, index, remembering({ ...run, ...more, at }));
  switch (run.at) {
    case "begin":
      for (const began of clocks(t, skew)) yield ["reads the clock", go("place", { began })];
      return;
    case "place": {
      const needed = Math.max(state.owner, state.logged);
      const taken = variant.noPlaceInLog ? {} : { push: { ...state.push, free: Math.min(state.push.free, 0) } };
      if (!variant.lateClock) yield ["takes its place in the log", go("marks", { needed }, taken)];
      else yield ["takes its place in the log", go("marks", { needed, began: -8 }, taken)];
      return;
    }
    case "marks": {
      const seen = variant.markAsSaid && mark >= 0 ? said : mark;
      const began = variant.lateClock ? t : run.began;
      yield ["lists the marks", go("packs", { seen: mark < 0 ? -1 : Number(isDue(seen, began, TIMES)), began })];
      return;
    }
    case "packs": {
      if (pack < 0) {
        yield ["finds no pack", go(run.seen > 0 ? "unmark" : "begin")];
      } else if (run.needed > 0) yield ["finds that it is needed", go("begin")];
      else if (variant.byAgeAlone || variant.touch) {
        const old = !isFresh(pack, run.began, { ...TIMES, freshMs: TIMES.waitMs });
        yield ["finds the pack", go(old ? "delete" : "begin")];
      } else if (run.seen >= 0) yield ["finds it condemned", go(run.seen > 0 ? "read mark" : "begin")];
      else yield ["finds it needed by nobody", go(earlier || !isFresh(pack, run.began, TIMES) ? "clock" : "begin")];
      return;
    }
    case "read mark":
      yield [
        "reads the mark",
        go(mark >= 0 && isDue(said, run.began, TIMES) ? (variant.markGoesFirst ? "unmark" : "delete") : "begin"),
      ];
      return;
    case "clock":
      for (const since of clocks(t, skew)) yield ["reads the clock for its mark", go("condemn", { since })];
      return;
    case "condemn":
      yield ["condemns", go("begin", {}, mark < 0 ? { mark: t, said: run.since } : {})];
      return;
    case "delete":
      yield ["deletes the pack", go("unmark", {}, { pack: -1 })];
      return;
    case "unmark":
      yield ["removes the mark", go(variant.markGoesFirst ? "delete late" : "begin", {}, { mark: -1, said: -1 })];
      return;
    case "delete late":
      yield ["deletes the pack", go("begin", {}, { pack: -1 })];
      return;
  }
}

function remembering(run: Run): Run {
  const needed = MEMORY[run.at];
  const { at } = run;
  const field = (name: keyof Omit<Run, "at">): number => (needed.includes(name) ? run[name] : -9);
  return { at, began: field("began"), needed: field("needed"), seen: field("seen"), since: field("since") };
}

/** The runs are alike: which is which makes no other state. */
function withRun(state: State, index: 0 | 1, run: Run): State {
  const other = state.runs[1 - index] as Run;
  return { ...state, runs: rank(run) < rank(other) ? [run, other] : [other, run] };
}

const RUN_STEPS = Object.keys(MEMORY) as readonly RunStep[];
const PUSH_STEPS: readonly PushStep[] = [
  ...(["begin", "marks", "presence", "upload", "place", "marks again", "presence again", "log", "over"] as const),
];
/** All numbers are larger than this. */
const LEAST = -10;
const SPAN = 32;

/** A run as one number. */
function rank({ at, began, needed, seen, since }: Run): number {
  return [began, needed, seen, since].reduce((sum, each) => sum * SPAN + each - LEAST, RUN_STEPS.indexOf(at));
}

function keyOf({ t, pack, mark, said, owner, logged, push, runs }: State): string {
  const own = [t, pack, mark, said, owner + 2 * logged, push.looked, push.free + 20].map((each) => each - LEAST);
  const [a, b] = [rank(runs[0]), rank(runs[1])];
  return String.fromCharCode(...own, PUSH_STEPS.indexOf(push.at), a % 65_536, a / 65_536, b % 65_536, b / 65_536);
}

function wayTo(
  from: ReadonlyMap<string, { readonly key: string; readonly what: string } | undefined>,
  end: string,
): readonly string[] {
  const way: string[] = [];
  for (let step = from.get(end); step; step = from.get(step.key)) way.unshift(step.what);
  return way;
}
