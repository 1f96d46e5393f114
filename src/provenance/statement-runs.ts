// Runs in a statement: what was asked for stands in `externalParameters`, what happened in `internalParameters`, lock files
// and lists of software, which are what the runs rested on, among the `resolvedDependencies`.
import { sha256Hex } from "../base/digest.ts";
import type { Json } from "../base/json.ts";
import type { ManifestRun } from "./manifest.ts";
import type { RunDetails, RunFile } from "./run-details.ts";

/** `externalParameters.runs`. */
export function askedRuns(runs: readonly ManifestRun[] | undefined): Json | undefined {
  return runs?.map(({ id, argv, cwd, seeds }) => ({ id, argv, cwd, seeds }));
}

/** `internalParameters.processes`: one for each run, in the same order. */
export function processes(runs: readonly ManifestRun[] | undefined): Json | undefined {
  return runs?.map(({ id, startedOn, finishedOn, exitCode, network, part, details }) => ({
    ...{ id, startedOn, finishedOn, exitCode, part },
    network: network && {
      allowed: network.allowed,
      decisions: network.decisions.map((decision) => ({ ...decision })),
    },
    ...(details && detailsJson(details)),
  }));
}

function detailsJson(details: RunDetails): { readonly [key: string]: Json | undefined } {
  const { stoppedBy, signal, software, outputs, locks, limits, code, reads } = details;
  return {
    stoppedBy: stoppedBy && { ...stoppedBy },
    signal,
    outputs: outputs && { ...outputs, files: outputs.files.map(fileJson) },
    locks: locks?.map(fileJson),
    software: software === undefined ? undefined : sha256Hex(software),
    limits,
    code: code && { ...code },
    reads: reads && { ...reads, inputs: { ...reads.inputs } },
  };
}

function fileJson({ path, bytes, sha256 }: RunFile): Json {
  return { path, bytes, sha256 };
}

/** Lock files and lists of software, each once, whichever runs rested on them. */
export function runDependencies(runs: readonly ManifestRun[] | undefined): Json[] {
  const dependencies = new Map<string, Json>();
  for (const { details } of runs ?? []) {
    for (const { path, sha256 } of details?.locks ?? []) {
      if (sha256 === undefined) continue;
      dependencies.set(`lock ${path} ${sha256}`, { name: path, digest: { sha256 }, annotations: { role: "lock" } });
    }
    const { software } = details ?? {};
    if (software === undefined) continue;
    const digest = { sha256: sha256Hex(software) };
    const content = Buffer.from(software).toString("base64");
    const whole = { name: "software.txt", digest, content, mediaType: "text/plain", annotations: { role: "software" } };
    dependencies.set(`software ${digest.sha256}`, whole);
  }
  return [...dependencies.values()];
}
