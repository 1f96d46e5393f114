// The parts that know terminals, with real streams in place of fakes.
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { wantsColor } from "../../src/cli/color.ts";
import { askPassphrase } from "../../src/cli/passphrase.ts";
import { ProgressLine, progressText } from "../../src/cli/progress.ts";
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
  function line(enabled = true) {
    const written: string[] = [];
    let now = 0;
    const io = { err: (text: string) => void written.push(text), columns: 60, errIsTty: true, errColor: false };
    const progress = new ProgressLine(io, () => now, enabled);
    const at = (ms: number, bytes: number) => {
      now = ms;
      progress.update({ step: "storing", bytes, bytesTotal: 400_000_000, bytesNew: 31_000_000 });
    };
    return { written, progress, at };
  }

  it("shows after a second, at most ten times a second, within the terminal, and goes away", () => {
    const { written, progress, at } = line();
    at(0, 0);
    at(999, 1e8);
    expect(written).toEqual([]);
    at(1000, 1e8);
    at(1050, 1.1e8);
    expect(written).toHaveLength(1);
    expect(written[0]).toContain("\r\u001b[Kstoring  100 MB of 400 MB (25%)  100 MB/s  3 s left");
    expect(written[0]?.length).toBeLessThanOrEqual(60 - 1 + "\r\u001b[K".length);
    progress.note("half way");
    expect(written.slice(1)).toEqual(["\r\u001b[K", "cloister: half way\n"]);
    progress.clear();
    expect(written).toHaveLength(3);
  });

  it("shows nothing where it is off", () => {
    const { written, at } = line(false);
    at(0, 0);
    at(5000, 1e8);
    expect(written).toEqual([]);
  });

  it("says what is known where the total is not", () => {
    const text = progressText({ step: "reading", bytes: 2e6, bytesTotal: undefined }, 2e6, 1000);
    expect(text).toBe("reading  2 MB  2 MB/s");
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
