// The parts that know terminals, with real streams in place of fakes.
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { wantsColor } from "../../src/cli/color.ts";
import { askPassphrase } from "../../src/cli/passphrase.ts";
import { ProgressLine } from "../../src/cli/progress.ts";
import { progressText } from "../../src/cli/progress-text.ts";
import { inquirerPrompter, type Prompter } from "../../src/cli/prompter.ts";
import { listenToSignals } from "../../src/cli/signals.ts";

function terminal(canPrompt = true) {
  const input = new PassThrough();
  // As standard error: no question can end it.
  const output = Object.assign(new PassThrough(), { end: () => output });
  let shown = "";
  output.on("data", (chunk) => {
    shown += String(chunk);
  });
  const stop = new AbortController();
  const prompter = inquirerPrompter({ canPrompt, input: () => input, output: () => output, signal: stop.signal });
  const seen = async (text: string) => {
    while (!shown.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { input, prompter, stop, seen, shown: () => shown };
}

describe("the prompter", () => {
  it("asks on the stream it was given", async () => {
    const { input, prompter, seen } = terminal();
    const answer = prompter.input({ message: "Project name:", default: "churn", flag: "--project" });
    await seen("Project name:");
    input.write("risk\r");
    expect(await answer).toBe("risk");
  });

  it("selects", async () => {
    const { input, prompter, seen } = terminal();
    const choices = [
      { value: "solo", name: "solo  one person" },
      { value: "demo", name: "demo  two people" },
    ];
    const choice = prompter.select({ message: "Template?", flag: "--template", choices });
    await seen("two people");
    input.write("\u001b[B\r");
    expect(await choice).toBe("demo");
  });

  it("takes the default of a confirmation", async () => {
    const { input, prompter, seen } = terminal();
    const sure = prompter.confirm({ message: "Set it up?", default: true, flag: "--yes" });
    await seen("Set it up?");
    input.write("\r");
    expect(await sure).toBe(true);
  });

  it("never shows a passphrase", async () => {
    const { input, prompter, seen, shown } = terminal();
    const answer = prompter.hidden({ message: "Passphrase:", flag: "--passphrase-file" });
    await seen("Passphrase:");
    input.write("tr0ub4dor\r");
    expect(await answer).toBe("tr0ub4dor");
    expect(shown()).not.toContain("tr0ub4dor");
  });

  it("refuses, naming the flag, where no one can be asked", async () => {
    const { prompter } = terminal(false);
    await expect(prompter.confirm({ message: "?", default: true, flag: "--yes" })).rejects.toMatchObject({
      code: "USAGE",
      next: "pass --yes",
    });
    const choices = [
      { value: "solo", name: "solo  one person" },
      { value: "demo", name: "demo  two people" },
    ];
    await expect(prompter.select({ message: "?", flag: "--template", choices })).rejects.toMatchObject({
      next: "pass --template, one of: solo, demo",
    });
    await expect(prompter.input({ message: "?", default: "a b", flag: "--name" })).rejects.toMatchObject({
      next: "pass --name, e.g. --name 'a b'",
    });
  });

  it.each([
    ["Ctrl-C", (t: ReturnType<typeof terminal>) => void t.input.write("\u0003")],
    ["Ctrl-D", (t: ReturnType<typeof terminal>) => void t.input.write("\u0004")],
    ["the end of input", (t: ReturnType<typeof terminal>) => void t.input.end()],
    ["a signal", (t: ReturnType<typeof terminal>) => t.stop.abort()],
  ])("ends at %s", async (_name, leave) => {
    const t = terminal();
    const answer = t.prompter.input({ message: "Name?", default: "x", flag: "--name" });
    const rejected = expect(answer).rejects.toMatchObject({ name: /^(ExitPromptError|AbortPromptError)$/ });
    await t.seen("Name?");
    leave(t);
    await rejected;
  });
});

describe("a passphrase", () => {
  function typing(...texts: readonly string[]) {
    const asked: string[] = [];
    const hidden: Prompter["hidden"] = async ({ message }) => {
      asked.push(message);
      return texts[asked.length - 1] ?? "";
    };
    return { asked, prompter: { hidden } as Pick<Prompter, "hidden"> as Prompter };
  }

  it("is asked twice when new, and again from the start where it is too short or differs", async () => {
    const { asked, prompter } = typing(
      "too short",
      "correct horse",
      "correct hors",
      "battery staple",
      "battery staple",
    );
    expect(await askPassphrase(prompter, "new")).toBe("battery staple");
    expect(asked).toEqual([
      "New passphrase, at least 10 characters:",
      "That was too short. New passphrase, at least 10 characters:",
      "The same once more:",
      "The two differ. New passphrase, at least 10 characters:",
      "The same once more:",
    ]);
  });

  it("is asked for once to unlock, whatever its length", async () => {
    const { asked, prompter } = typing("", "old");
    expect(await askPassphrase(prompter, "unlock")).toBe("old");
    expect(asked).toHaveLength(2);
  });

  it("that was refused is not part of the next one", async () => {
    const { input, prompter, seen, shown } = terminal();
    const answer = askPassphrase(prompter, "new");
    await seen("at least 10 characters:");
    input.write("short\r");
    await seen("That was too short.");
    input.write("correct horse\r");
    await seen("once more:");
    input.write("correct horse\r");
    expect(await answer).toBe("correct horse");
    expect(shown()).toContain("*".repeat(13));
    expect(shown()).not.toMatch(/short\r|correct|horse/);
  });
});

describe("colour", () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ TERM: "dumb" }, true, false],
  ])("%j on a terminal %s: %s", (env, tty, expected) => {
    expect(wantsColor(env, tty)).toBe(expected);
  });
});

describe("progress", () => {
  function line(mode: "line" | "lines" | "off" = "line", columns = 80) {
    const written: string[] = [];
    let now = 0;
    const io = { err: (text: string) => void written.push(text), columns, errIsTty: true, errColor: false };
    const progress = new ProgressLine(io, () => now, mode);
    const at = (ms: number, bytes: number) => {
      now = ms;
      progress.update({ step: "storing", bytes, bytesTotal: 400_000_000, bytesNew: 31_000_000 });
    };
    return { written, progress, at };
  }

  it("shows after a second, at most five times a second, and goes away", () => {
    const { written, progress, at } = line();
    at(0, 0);
    at(999, 1e8);
    expect(written).toEqual([]);
    at(1000, 1e8);
    at(1100, 1.1e8);
    expect(written).toEqual(["\rstoring  100 of 400 MB  25%  100 MB/s  0:03 left  31 MB new  69 MB reused\u001b[K"]);
    progress.note("half way");
    expect(written.slice(1)).toEqual(["\r\u001b[K", "cloister: half way\n"]);
    at(1300, 1.1e8);
    expect(written).toHaveLength(4);
    progress.clear();
    expect(written).toHaveLength(5);
    progress.stop();
    at(9000, 2e8);
    expect(written).toHaveLength(5);
  });

  it("shows nothing where it is off, but knows how far it was", () => {
    const { written, at, progress } = line("off");
    at(0, 0);
    at(50_000, 1e8);
    expect([written, progress.last?.bytes]).toEqual([[], 1e8]);
  });

  it("is a line every half minute where it is kept", () => {
    const { written, at, progress } = line("lines", 20);
    for (let second = 0; second <= 61; second++) at(second * 1000, second * 1e6);
    progress.clear();
    expect(written).toEqual([
      "cloister: storing  30 of 400 MB  7%  1 MB/s  6:10 left  31 MB new\n",
      "cloister: storing  60 of 400 MB  15%  1 MB/s  5:40 left  31 MB new  29 MB reused\n",
    ]);
  });

  it("has the rate of the last seconds, and says so when nothing comes any more", () => {
    const { written, at, progress } = line();
    for (let second = 0; second <= 30; second++) at(second * 1000, second * 1e7);
    for (let second = 31; second <= 45; second++) at(second * 1000, 3e8 + (second - 30) * 1e6);
    expect(written.at(-1)).toContain("  1 MB/s  1:25 left  ");
    for (let second = 46; second <= 60; second++) at(second * 1000, 315_000_000);
    expect(written.at(-1)).toContain("78%  no byte for 0:15  31 MB new");
    progress.stop();
  });

  it("draws by itself while nothing is heard", async () => {
    const written: string[] = [];
    const io = { err: (text: string) => void written.push(text), columns: 80, errIsTty: true, errColor: false };
    const progress = new ProgressLine(io, Date.now, "line");
    progress.update({ step: "waiting", bytes: 1, bytesTotal: 2 });
    while (written.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written[0]).toContain("waiting  1 of 2 B  50%");
    progress.clear();
    const { length } = written;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(written).toHaveLength(length);
    progress.stop();
  });

  const full = { step: "pushing", bytes: 12.3e9, bytesTotal: 40e9, bytesNew: 3.1e9, bytesStored: 2.2e9 } as const;
  const pace = { rate: 245e6, stillMs: 0 };

  it.each([
    [200, "reading  12.3 of 40 GB  30%  245 MB/s  1:54 left  3.1 GB new  9.2 GB reused  2.2 GB stored"],
    [79, "reading  12.3 of 40 GB  30%  245 MB/s  1:54 left  3.1 GB new  9.2 GB reused"],
    [60, "reading  12.3 of 40 GB  30%  245 MB/s  1:54 left  3.1 GB new"],
    [45, "reading  12.3 of 40 GB  30%  1:54 left"],
    [25, "reading  30%"],
    [5, "30%"],
    [2, "30"],
  ])("fits %i columns", (columns, text) => {
    expect(progressText({ ...full, phase: "reading" }, pace, columns)).toBe(text);
  });

  it("says what it is doing, and what is known where the total is not", () => {
    const shown = (more: object) => progressText({ ...full, ...more }, pace, 200);
    expect(shown({ phase: "waiting" })).toMatch(/^waiting for the store {2}12\.3 of 40 GB/);
    expect(shown({ phase: "uploading", bytes: 40e9 })).toMatch(
      /^uploading {2}40 of 40 GB {2}100% {2}245 MB\/s {2}3\.1 GB new/,
    );
    const text = progressText(
      { step: "reading\u001b[2J", bytes: 2e6, bytesTotal: undefined },
      { ...pace, rate: 2e6 },
      80,
    );
    expect(text).toBe("reading\\u{1b}[2J  2 MB  2 MB/s");
  });
});

describe("signals", () => {
  function listening() {
    const exits: number[] = [];
    const host = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
    let said = "";
    const io = {
      err: (text: string) => {
        said += text;
      },
    };
    return { host, exits, said: () => said, ...{ on: listenToSignals(host as never, io) } };
  }

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("the first %s aborts and says so, the second exits with %i", (name, code) => {
    const { host, exits, said, on } = listening();
    host.emit(name);
    expect({ aborted: on.signal.aborted, caught: on.caught(), exits }).toEqual({
      aborted: true,
      caught: name,
      exits: [],
    });
    expect(said()).toContain("cleaning up");
    host.emit(name);
    expect(exits).toEqual([code]);
    on.release();
    expect(host.listenerCount(name)).toBe(0);
  });

  it("Ctrl-C is the child's while it has the terminal; termination is not", async () => {
    const { host, on } = listening();
    await on.leaveToChild(async () => void host.emit("SIGINT"));
    expect(on.signal.aborted).toBe(false);
    await on.leaveToChild(async () => void host.emit("SIGTERM"));
    expect(on.caught()).toBe("SIGTERM");
  });
});
