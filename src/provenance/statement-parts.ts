// The parts of a manifest's open parameters that are read on their own: runs, git state, facts.
import { integrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";
import type { Facts, GitState, ManifestKind, ManifestRun, RunNetwork } from "./manifest.ts";

/** RFC 3339 in UTC, as `toISOString` writes it, with or without fractions of a second. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** A text that may be missing. @throws CloisterError INTEGRITY where it is something else */
export function text(fields: Fields, key: string, pattern?: RegExp): string | undefined {
  return fields.has(key) ? fields.string(key, pattern) : undefined;
}

/** @throws CloisterError INTEGRITY where it is no kind of artifact */
export function readKind(fields: Fields): ManifestKind {
  const kind = fields.string("kind");
  if (kind === "dataset" || kind === "model" || kind === "code" || kind === "report") return kind;
  throw integrity("malformed manifest", { why: "it is of an unknown kind of artifact" });
}

/** Joins what was asked (external) with what happened (internal), run by run. @throws CloisterError INTEGRITY */
export function readRuns(external: Fields, internal: Fields): readonly ManifestRun[] | undefined {
  if (!external.has("runs")) return undefined;
  const processes = internal.list("processes");
  const runs = external.list("runs");
  if (runs.length !== processes.length) throw unmatched();
  return runs.map((value, at) => {
    const run = new Fields(value, "manifest, run");
    const process = new Fields(processes[at], "manifest, process");
    const id = run.string("id");
    if (process.string("id") !== id) throw unmatched();
    return {
      id,
      argv: run.strings("argv"),
      cwd: run.string("cwd"),
      seeds: readFacts(run.any("seeds")),
      startedOn: process.string("startedOn", TIME),
      finishedOn: process.string("finishedOn", TIME),
      exitCode: process.integer("exitCode"),
      ...(process.has("network") ? { network: readNetwork(process.fields("network")) } : {}),
    };
  });
}

function readNetwork(network: Fields): RunNetwork {
  return {
    allowed: network.strings("allowed"),
    decisions: network.list("decisions").map((value) => {
      const decision = new Fields(value, "manifest, network decision");
      return {
        host: decision.string("host"),
        port: decision.integer("port"),
        allowed: decision.boolean("allowed"),
        why: text(decision, "why"),
        count: decision.integer("count"),
        sent: decision.integer("sent"),
        received: decision.integer("received"),
      };
    }),
  };
}

/** The state of the work tree, where there was one. @throws CloisterError INTEGRITY */
export function readGit(internal: Fields): GitState | undefined {
  if (!internal.has("git")) return undefined;
  const git = internal.fields("git");
  return {
    commit: git.string("commit", COMMIT),
    branch: text(git, "branch"),
    remote: text(git, "remote"),
    dirty: git.boolean("dirty"),
    patchSha256: text(git, "patchSha256", SHA256),
    untracked: git.integer("untracked"),
  };
}

/** Facts about the machine, where they were recorded. @throws CloisterError INTEGRITY */
export function readEnvironment(internal: Fields): Facts | undefined {
  return internal.has("environment") ? readFacts(internal.any("environment")) : undefined;
}

function readFacts(value: Json | undefined): Facts {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw noFacts();
  const facts = Object.entries(value).filter((fact): fact is [string, string | number] => {
    if (typeof fact[1] !== "string" && typeof fact[1] !== "number") throw noFacts();
    return true;
  });
  // fromEntries defines members, so that one named __proto__ stays data.
  return Object.fromEntries(facts);
}

function noFacts(): Error {
  return integrity("malformed manifest", { why: "its seeds or environment are no plain facts" });
}

function unmatched(): Error {
  return integrity("malformed manifest", { why: "its runs and processes differ" });
}
