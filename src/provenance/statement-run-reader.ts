// Reads the runs of a statement, written by statement-runs.ts.
import { sha256Hex } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";
import type { ManifestRun, RunNetwork } from "./manifest.ts";
import type { Origins, RunDetails, RunFile, RunOutputs, RunPart, RunReads, StoppedBy } from "./run-details.ts";
import { readFacts, TIME, text } from "./statement-parts.ts";

const PARTS: readonly RunPart[] = ["wrote", "read", "could-have-been-read"];

/** Joins what was asked with what happened, run by run. @throws CloisterError INTEGRITY */
export function readRuns(
  external: Fields,
  internal: Fields,
  dependencies: readonly Json[],
): readonly ManifestRun[] | undefined {
  if (!external.has("runs")) return undefined;
  const happened = internal.list("processes");
  const runs = external.list("runs");
  if (runs.length !== happened.length) throw unmatched();
  const software = softwareBy(dependencies);
  return runs.map((value, at) => {
    const run = new Fields(value, "manifest, run");
    const process = new Fields(happened[at], "manifest, process");
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
      network: process.has("network") ? readNetwork(process.fields("network")) : undefined,
      part: readPart(process),
      details: readDetails(process, software),
    };
  });
}

function readPart(process: Fields): RunPart | undefined {
  const said = text(process, "part");
  const part = PARTS.find((known) => known === said);
  if (said !== undefined && part === undefined) throw wrong("a run has an unknown part in it");
  return part;
}

/** The lists of software by their digest. */
function softwareBy(dependencies: readonly Json[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const value of dependencies) {
    const fields = new Fields(value, "manifest, dependency");
    if (fields.fields("annotations").string("role") !== "software") continue;
    const content = Buffer.from(fields.string("content"), "base64").toString("utf8");
    const digest = fields.fields("digest").string("sha256", SHA256);
    if (sha256Hex(content) !== digest) throw wrong("its list of software is another than its digest says");
    found.set(digest, content);
  }
  return found;
}

const DETAILS = ["stoppedBy", "signal", "outputs", "locks", "software", "limits", "code", "reads"];

function readDetails(process: Fields, software: ReadonlyMap<string, string>): RunDetails | undefined {
  const known = DETAILS.some((key) => process.has(key));
  if (!known) return undefined;
  const listed = text(process, "software", SHA256);
  if (listed !== undefined && !software.has(listed))
    throw wrong("it does not hold the list of software that a run names");
  const code = process.has("code") ? process.fields("code") : undefined;
  return {
    stoppedBy: process.has("stoppedBy") ? readStoppedBy(process.fields("stoppedBy")) : undefined,
    signal: text(process, "signal", /^SIG[A-Z0-9]{1,16}$/),
    outputs: process.has("outputs") ? readOutputs(process.fields("outputs")) : undefined,
    locks: process.has("locks") ? process.list("locks").map(readRunFile) : undefined,
    software: listed === undefined ? undefined : software.get(listed),
    limits: process.has("limits") ? readFacts(process.any("limits")) : undefined,
    code: code && { commit: code.string("commit"), patchSha256: text(code, "patchSha256", SHA256) },
    reads: process.has("reads") ? readReads(process.fields("reads")) : undefined,
  };
}

function readStoppedBy(fields: Fields): StoppedBy {
  const limit = fields.string("limit");
  if (limit !== "run-time" && limit !== "memory") throw wrong("a run was ended by an unknown limit");
  return { limit, value: fields.integer("value") };
}

function readOutputs(fields: Fields): RunOutputs {
  return {
    files: fields.list("files").map(readRunFile),
    count: fields.integer("count"),
    deleted: fields.strings("deleted"),
    deletedCount: fields.integer("deletedCount"),
    elsewhere: fields.integer("elsewhere"),
    known: fields.boolean("known"),
  };
}

function readRunFile(value: Json): RunFile {
  const fields = new Fields(value, "manifest, file of a run");
  return { path: fields.string("path"), bytes: fields.integer("bytes"), sha256: text(fields, "sha256", SHA256) };
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

function readReads(fields: Fields): RunReads {
  const inputs = Object.entries(readFacts(fields.any("inputs")));
  return {
    inputs: Object.fromEntries(inputs.filter((input): input is [string, number] => typeof input[1] === "number")),
    workspace: fields.strings("workspace"),
    workspaceCount: fields.integer("workspaceCount"),
    elsewhere: fields.integer("elsewhere"),
    undeclared: fields.strings("undeclared"),
    undeclaredCount: fields.integer("undeclaredCount"),
  };
}

/** What the runs do not account for. @throws CloisterError INTEGRITY */
export function readOrigins(fields: Fields): Origins {
  return {
    brought: fields.strings("brought"),
    broughtCount: fields.integer("broughtCount"),
    changedSince: fields.strings("changedSince"),
    changedSinceCount: fields.integer("changedSinceCount"),
    unfinished: fields.list("unfinished").map((value) => {
      const run = new Fields(value, "manifest, unfinished run");
      return { id: run.string("id"), argv: run.strings("argv"), startedOn: run.string("startedOn", TIME) };
    }),
  };
}

function wrong(why: string): Error {
  return integrity("malformed manifest", { why });
}

function unmatched(): Error {
  return wrong("its runs and processes differ");
}
