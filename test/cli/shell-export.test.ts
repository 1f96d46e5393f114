// What the shells make of it decides: bash here always, fish and PowerShell where they are installed.
import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { exportLines, type Shell } from "../../src/cli/shell-export.ts";

const HOSTILE: Readonly<Record<string, string>> = {
  QUOTES: `it's "q" \\' \\`,
  SUBSTITUTION: "$(touch /tmp/x) `id` $HOME !!",
  LINES: "one\ntwo\r\n\tthree",
  TYPOGRAPHIC: "\u2018a\u2019 \u201ab\u201b",
  EDGES: " -n; exit 1 # ",
  EMPTY: "",
  UNICODE: "ü 😀 \u202e",
  BACKSLASHES: "\\\\n \\'; rm -rf x",
};

const SHOW: Readonly<Record<Shell, readonly string[]>> = {
  bash: ["bash", "-c"],
  fish: ["fish", "--no-config", "-c"],
  pwsh: ["pwsh", "-NoProfile", "-Command"],
};

describe.each(["bash", "fish", "pwsh"] as const)("%s", (shell) => {
  const [program = "", ...flags] = SHOW[shell];
  const absent = spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0;

  it.skipIf(absent)(`reads every value as it is${absent ? ` (skipped: no ${program})` : ""}`, () => {
    const dump = `${process.execPath} -e 'console.log(JSON.stringify(process.env))'`;
    const script = `${exportLines(shell, HOSTILE, ["AWS_PROFILE"])}${dump}`;
    const env = { PATH: process.env["PATH"] ?? "", AWS_PROFILE: "other", HOME: "/nonexistent" };
    const seen = JSON.parse(execFileSync(program, [...flags, script], { env, encoding: "utf8" }));
    expect(seen).toMatchObject(HOSTILE);
    expect(seen).not.toHaveProperty("AWS_PROFILE");
  });
});

it("quotes for fish and PowerShell as their manuals say", () => {
  expect(exportLines("fish", { A: `a'b\\c` }, ["B"])).toBe("set -e B\nset -gx A 'a\\'b\\\\c'\n");
  expect(exportLines("pwsh", { A: "a'b\u2019c" }, ["B"])).toBe(
    "Remove-Item -ErrorAction Ignore Env:B\n$env:A = 'a''b\u2019\u2019c'\n",
  );
});
