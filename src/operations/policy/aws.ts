// The AWS side of a policy, written to files and compared with what is deployed. Nothing here speaks to AWS.
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";
import { isObject } from "../../policy/aws/canonical.ts";
import { type Reading, readingsOf } from "../../policy/aws/deployed.ts";
import { exportAws as documentsOf } from "../../policy/aws/export.ts";
import { TERRAFORM_FILE } from "../../policy/aws/files.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Host } from "../host.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import { openSession } from "../session.ts";
import type { AwsExported, AwsExportOptions, AwsReadings, AwsVerified, AwsVerifyOptions } from "../types.ts";
import { POLICY_BYTES_MAX } from "./local-policy.ts";

/** A role of AWS may have ten inline policies of 10 KiB at most; what is larger is no output of these commands. */
const OUTPUT_BYTES_MAX = 1_000_000;

/**
 * Writes the documents of AWS that the policy makes, and Terraform that applies them.
 * @throws CloisterError USAGE (no aws part, mistakes in the file, a document that is too long), NOT_FOUND, FAILURE
 */
export async function exportAws(host: Host, folder: string, options: AwsExportOptions): Promise<AwsExported> {
  const policy = await policyOf(host, folder, options.file);
  const { documents, files, notes } = documentsOf(policy);
  const out = resolve(host.cwd, options.out);
  for (const { file, text } of files) await writeLocal(join(out, file), text, 0o644);
  return {
    ...{ out, policyVersion: policy.version, notes, terraform: TERRAFORM_FILE },
    documents: documents.map(({ title, file, chars, charsMax }) => ({ title, file, chars, charsMax })),
  };
}

/** The commands whose output {@link verifyAws} reads. @throws CloisterError as {@link exportAws} does */
export async function awsReadings(host: Host, folder: string, file: string | undefined): Promise<AwsReadings> {
  const policy = await policyOf(host, folder, file);
  const readings = readingsOf(policy, documentsOf(policy));
  return {
    policyVersion: policy.version,
    readings: readings.map((reading) => ({ title: reading.title, file: reading.file, command: reading.command })),
  };
}

/** Compares what is deployed with what the policy makes. @throws CloisterError as {@link exportAws} does */
export async function verifyAws(host: Host, folder: string, options: AwsVerifyOptions): Promise<AwsVerified> {
  const policy = await policyOf(host, folder, options.file);
  const deployed = resolve(host.cwd, options.deployed);
  // Otherwise everything would count as missing in AWS.
  if (!(await isFolder(deployed))) {
    throw new CloisterError("NOT_FOUND", `there is no folder ${options.deployed}`, {
      why: "it holds what the commands of --commands printed",
      next: "cloister policy verify aws --commands",
    });
  }
  const readings = readingsOf(policy, documentsOf(policy));
  const documents = await Promise.all(readings.map((reading) => compared(reading, deployed)));
  return { policyVersion: policy.version, same: documents.every(({ state }) => state === "same"), documents };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function compared(reading: Reading, deployed: string): Promise<AwsVerified["documents"][number]> {
  const { title, file } = reading;
  const output = await outputOf(join(deployed, file));
  if (output === undefined) return { title, file, state: "missing", differences: [] };
  const differences = reading.compare(output);
  return { title, file, state: differences.length === 0 ? "same" : "differs", differences };
}

/** What a command of `aws` printed; an error of it leaves an empty file, which is as good as none. */
async function outputOf(path: string): Promise<{ readonly [key: string]: Json | undefined } | undefined> {
  const bytes = await readLocal(path, OUTPUT_BYTES_MAX);
  if (!bytes || bytes.toString("utf8").trim() === "") return undefined;
  const output = parsed(bytes);
  if (isObject(output)) return output;
  throw new CloisterError("USAGE", `${path} is not what aws prints`, {
    why: "it holds no JSON object",
    next: "cloister policy verify aws --commands",
  });
}

function parsed(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(bytes.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}

/** @throws CloisterError USAGE naming the first mistake of a file, NOT_FOUND */
async function policyOf(host: Host, folder: string, file: string | undefined): Promise<Policy> {
  if (file === undefined) {
    const session = await openSession(host, folder);
    await session.sync();
    return (await session.policy()).compiled.policy;
  }
  const bytes = await readLocal(resolve(host.cwd, file), POLICY_BYTES_MAX);
  if (!bytes)
    throw new CloisterError("NOT_FOUND", `there is no file ${file}`, { next: "--file FILE, or leave it out" });
  const { readPolicy } = await import("../../policy/read.ts");
  const { policy, problems } = readPolicy(bytes, { now: host.now() });
  if (policy) return policy;
  const [first] = problems.filter(({ severity }) => severity === "error");
  throw new CloisterError("USAGE", `${file} is no sound policy`, {
    why: first && `line ${String(first.line)}: ${first.message}`,
    next: `cloister policy check ${file}`,
  });
}
