import { describe, expect, it } from "vitest";
import { CloisterError, type ErrorCode } from "../../src/base/errors.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { cloister } from "./fake.ts";

function failing(error: unknown) {
  return {
    project: {
      status: async () => {
        throw error;
      },
    },
  };
}

const denied = new CloisterError("POLICY_DENIED", "export risk:1.2 to s3://partner-acme/in", {
  policyVersion: 7,
  logEntry: 482,
  refusals: [
    {
      rule: "export-needs-two",
      line: 78,
      enforcement: "refused by every reader",
      why: "class internal needs 2 approvals, has 1 of 2",
      who: "a security officer: ana (not you: you pushed it)",
      next: "cloister request create export risk:1.2 --to s3://partner-acme/in",
    },
    { rule: "builtin:label-flow", enforcement: "cryptographic", why: "an input is \u001b[31mconfidential" },
  ],
});

describe("a refusal", () => {
  it("gets a block for every unmet condition, on standard error", async () => {
    const { exit, out, err } = await cloister(["status"], failing(denied));
    expect({ exit, out }).toEqual({ exit: 3, out: "" });
    expect(err).toBe(
      [
        "✗ denied: export risk:1.2 to s3://partner-acme/in  [POLICY_DENIED]",
        "  rule   export-needs-two   policy v7, line 78   (refused by every reader)",
        "  why    class internal needs 2 approvals, has 1 of 2",
        "  who    a security officer: ana (not you: you pushed it)",
        "  next   cloister request create export risk:1.2 --to s3://partner-acme/in",
        "  rule   builtin:label-flow   policy v7   (cryptographic)",
        "  why    an input is \\u{1b}[31mconfidential",
        "  log    #482",
        "",
      ].join("\n"),
    );
  });

  it("gives each problem a line, and breaks none inside a word on a terminal", async () => {
    const why = `${"long words ".repeat(9)}\nline 7: no such class\u0007`;
    const error = new CloisterError("USAGE", "the policy has 2 problems", { why, next: `cloister ${"x ".repeat(50)}` });
    const { err } = await cloister(["status"], { ...failing(error), tty: true });
    expect(err).toContain("\n         line 7: no such class\\u{7}\n");
    const lines = err.split("\n");
    // A command stays in one piece, to be copied.
    for (const line of lines) if (!line.includes("next")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(lines.filter((line) => line.startsWith("  next"))).toHaveLength(1);
    expect(lines.some((line) => line.endsWith(" x "))).toBe(true);
  });

  it("is one document with --json", async () => {
    const { err } = await cloister(["status", "--json"], failing(denied));
    expect(JSON.parse(err)).toEqual({
      error: {
        code: "POLICY_DENIED",
        message: "export risk:1.2 to s3://partner-acme/in",
        exit: 3,
        refusals: denied.refusals,
        policyVersion: 7,
        logEntry: 482,
      },
    });
  });
});

describe("exit codes", () => {
  const table: readonly [ErrorCode, number][] = [
    ["FAILURE", 1],
    ["USAGE", 2],
    ["POLICY_DENIED", 3],
    ["NOT_AUTHENTICATED", 4],
    ["APPROVAL_PENDING", 5],
    ["INTEGRITY", 6],
    ["NOT_FOUND", 7],
    ["UNAVAILABLE", 8],
    ["UNSUPPORTED_HOST", 9],
    ["INTERRUPTED", 130],
  ];

  it.each(table)("%s ends with %i", async (code, exit) => {
    const outcome = await cloister(
      ["status"],
      failing(new CloisterError(code, "it failed", { why: "so", next: "do" })),
    );
    expect(outcome.exit).toBe(exit);
    expect(outcome.err).toContain(`it failed  [${code}]\n  why    so\n  next   do\n`);
  });

  it("are all printed by help exit-codes", async () => {
    const { exit, out } = await cloister(["help", "exit-codes"]);
    expect(exit).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(EXIT_CODES.length);
    for (const [code, number] of table) expect(out).toMatch(new RegExp(`^${String(number)}\t${code}\t`, "m"));
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("an error after %s ends with %i", async (name, exit) => {
    const aborted = new DOMException("This operation was aborted", "AbortError");
    const interruption = { caught: () => name };
    expect((await cloister(["status"], { ...failing(aborted), interruption })).exit).toBe(exit);
  });

  it("a signal does not hide tampering", async () => {
    const error = new CloisterError("INTEGRITY", "bad chunk");
    const outcome = await cloister(["status"], { ...failing(error), interruption: { caught: () => "SIGINT" } });
    expect(outcome.exit).toBe(6);
  });
});

describe("what nobody foresaw", () => {
  it("is a failure without a stack", async () => {
    const { exit, err } = await cloister(["status"], failing(new TypeError("x is not a function")));
    expect(exit).toBe(1);
    expect(err).toBe(
      "✗ x is not a function  [FAILURE]\n  next   run it again with CLOISTER_DEBUG=1 set to see where\n",
    );
  });

  it("shows the stack with CLOISTER_DEBUG=1", async () => {
    const { err } = await cloister(["status"], { ...failing(new Error("boom")), env: { CLOISTER_DEBUG: "1" } });
    expect(err).toMatch(/\n {4}at .*failure\.test\.ts/);
  });

  it("may even be no error at all", async () => {
    expect((await cloister(["status"], failing("just text"))).err).toContain("✗ just text  [FAILURE]");
  });
});
