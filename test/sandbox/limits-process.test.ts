import { expect, test } from "vitest";
import { limitArguments } from "../../src/sandbox/limits/process-limits.ts";

const HEAD = "Limit                     Soft Limit           Hard Limit           Units     \n";
const line = (name: string, hard: string) => `${name.padEnd(26)}${"1".padEnd(21)}${hard.padEnd(21)}units     \n`;

test("limits are ours where the host has none", () => {
  const host = HEAD + ["Max processes", "Max open files", "Max file size"].map((n) => line(n, "unlimited")).join("");
  expect(limitArguments({ limits: {}, diskBytes: 1000 }, undefined, host)).toEqual([
    "--nproc=4096",
    "--nofile=65536",
    "--fsize=1000",
    "--core=0",
  ]);
});

test("limits are the host's where those are smaller", () => {
  const host = HEAD + line("Max processes", "100") + line("Max open files", "1024") + line("Max file size", "10");
  expect(limitArguments({ limits: {}, diskBytes: 1000 }, undefined, host)).toEqual([
    "--nproc=100",
    "--nofile=1024",
    "--fsize=10",
    "--core=0",
  ]);
});
