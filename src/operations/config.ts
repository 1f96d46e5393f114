// `.cloister/config.yaml`: which store and project a folder belongs to. Safe to commit to git.
import { lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CloisterError } from "../base/errors.ts";
import { ID, SHA256 } from "../base/record.ts";
import { readLocal, writeLocal } from "./local-file.ts";

/** Where a store is, and how it is reached. */
export interface StoreConfig {
  /** As written: a folder, relative to the project's, or `s3://bucket/prefix`. */
  readonly store: string;
  /** Of a server other than AWS. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Profile of the AWS configuration whose credentials are used. */
  readonly profile?: string | undefined;
}

export interface ProjectConfig extends StoreConfig {
  /** Folder that holds `.cloister/`. */
  readonly folder: string;
  /** Random id of the project. */
  readonly project: string;
  /** SHA-256 of policy version 1: the root of trust of this checkout. */
  readonly pin: string;
}

export const CONFIG_FILE = ".cloister/config.yaml";
const CONFIG_BYTES_MAX = 16 * 1024;

/** The local proposal, beside `.cloister/`. */
export const POLICY_FILE = "cloister.policy.yaml";

/** Finds the project of a folder: its own, or that of the nearest folder above. */
export async function findConfig(folder: string): Promise<ProjectConfig | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const bytes = await readLocal(join(at, CONFIG_FILE), CONFIG_BYTES_MAX);
    if (bytes) {
      checkOwner(at);
      return parseConfig(at, bytes.toString("utf8"));
    }
    if (at === dirname(at)) return undefined;
  }
}

/**
 * A project that somebody else put above one's folders would choose the store and the policy (as git's safe.directory). The
 * folder counts as well, and links as what they are: whoever owns one of them can exchange what is looked at.
 */
function checkOwner(at: string): void {
  const own = process.getuid?.();
  const foreign = [join(at, CONFIG_FILE), join(at, dirname(CONFIG_FILE))].find((path) => {
    const { uid } = lstatSync(path);
    return own !== undefined && uid !== own && uid !== 0;
  });
  if (foreign === undefined) return;
  throw new CloisterError("USAGE", `${foreign} belongs to another user`, {
    why: "it decides which store and which policy are trusted",
    next: "if you trust it, copy the folder, or join the project in a folder of your own",
  });
}

/** {@link findConfig}. @throws CloisterError NOT_FOUND with what to do */
export async function requireConfig(folder: string): Promise<ProjectConfig> {
  const config = await findConfig(folder);
  if (config) return config;
  throw new CloisterError("NOT_FOUND", `no Cloister project in ${resolve(folder)} or above`, {
    next: "cloister init   (or: cloister join STORE, or -C FOLDER)",
  });
}

export async function writeConfig(config: ProjectConfig): Promise<void> {
  const text = [
    "# Which project this folder belongs to. Safe to commit: it holds no secret.",
    `store: ${JSON.stringify(config.store)}`,
    ...REACH.flatMap((key) => (config[key] === undefined ? [] : [`${key}: ${JSON.stringify(config[key])}`])),
    `project: ${JSON.stringify(config.project)}`,
    "# SHA-256 of policy version 1. Everything that is trusted here is trusted because of it.",
    `pin: ${JSON.stringify(config.pin)}`,
    "",
  ].join("\n");
  await writeLocal(join(config.folder, CONFIG_FILE), text, 0o644);
}

/** How a store in a bucket is reached; a folder needs none of it. */
const REACH = ["endpoint", "region", "profile"] as const;
const KEYS: readonly string[] = ["store", ...REACH, "project", "pin"];

/** The embedded store lies in `.cloister/store`: ciphertext that does not belong in git. */
export const IGNORE_FILE = ".cloister/.gitignore";

export async function keepOutOfGit(folder: string): Promise<void> {
  await writeLocal(join(folder, IGNORE_FILE), "/store/\n", 0o644);
}

/** A few keys with quoted or plain values: read here, because a YAML parser costs every command its start-up time. */
function parseConfig(folder: string, text: string): ProjectConfig {
  const values = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^([a-z]+): +(?:"((?:[^"\\]|\\.)*)"|([^"#\s][^#]*?))\s*(?:#.*)?$/.exec(line);
    const [, key = "", quoted, plain] = match ?? [];
    if (!match || values.has(key) || !KEYS.includes(key)) {
      throw broken(folder, `line ${String(index + 1)} is not understood`);
    }
    const value = quoted === undefined ? plain : unquoted(quoted);
    if (value === undefined || value.includes("\0"))
      throw broken(folder, `line ${String(index + 1)} is not understood`);
    values.set(key, value);
  }
  const [store = "", project = "", pin = ""] = ["store", "project", "pin"].map((key) => values.get(key));
  if (store === "") throw broken(folder, "store is missing");
  if (!ID.test(project)) throw broken(folder, "project is missing or no id");
  if (!SHA256.test(pin)) throw broken(folder, "pin is missing or no SHA-256");
  const reach = Object.fromEntries(REACH.flatMap((key) => (values.has(key) ? [[key, values.get(key)]] : [])));
  return { folder, store, ...reach, project, pin };
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

function broken(folder: string, why: string): CloisterError {
  return new CloisterError("USAGE", `${join(folder, CONFIG_FILE)} cannot be used`, {
    why,
    next: "restore it from git, or run cloister join STORE in an empty folder",
  });
}
