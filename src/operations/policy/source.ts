// A policy that is to be tried: from a file, or a version that took force.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { readPolicy } from "../../policy/read.ts";
import type { Policy } from "../../policy/schema.ts";
import { POLICY_FILE } from "../config.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import { openSession, type Session } from "../session.ts";
import { POLICY_BYTES_MAX } from "./local-policy.ts";

/** The policy in force, in the place of a file. */
export const IN_FORCE = "@in-force";
const VERSION = /^v?([1-9]\d{0,8})$/;

export interface PolicySource {
  /** The file as it was named, or `policy v7`. */
  readonly title: string;
  readonly policy: Policy;
}

/** Reads policies for one command, and opens the project at most once. */
export class PolicySources {
  readonly #host: Host;
  readonly #folder: string;
  #session: Promise<Session> | undefined;

  constructor(host: Host, folder: string) {
    this.#host = host;
    this.#folder = folder;
  }

  /** The project, with its log read to the end. @throws CloisterError NOT_FOUND where there is none */
  session(): Promise<Session> {
    this.#session ??= openSession(this.#host, this.#folder).then(async (session) => {
      await session.sync();
      return session;
    });
    return this.#session;
  }

  /**
   * @param name a file, `7` or `v7`, or {@link IN_FORCE}; the project's own file where it is left out
   * @throws CloisterError NOT_FOUND, USAGE with the first mistake of a file
   */
  async read(name: string | undefined): Promise<PolicySource> {
    const version = VERSION.exec(name ?? "")?.[1];
    if (name === IN_FORCE || version !== undefined) return this.#accepted(version && Number(version));
    return this.#local(name ?? projectFile(this.#folder), name);
  }

  async #accepted(version: number | "" | undefined): Promise<PolicySource> {
    const { ledger } = await this.session();
    const newest = ledger.inForce.version;
    const wanted = version || newest;
    if (wanted > newest) {
      throw new CloisterError("NOT_FOUND", `there is no policy version ${String(wanted)}`, {
        why: `version ${String(newest)} is in force`,
        next: `a file of that name: ./${String(wanted)}`,
      });
    }
    const { compiled } = await ledger.policy(wanted);
    return { title: `policy v${String(wanted)}`, policy: compiled.policy };
  }

  async #local(file: string, named: string | undefined): Promise<PolicySource> {
    const title = named ?? POLICY_FILE;
    const bytes = await readLocal(resolve(this.#host.cwd, file), POLICY_BYTES_MAX);
    if (!bytes) {
      throw new CloisterError("NOT_FOUND", `there is no policy file ${title}`, {
        next: `name a file, a version such as 3, or ${IN_FORCE}`,
      });
    }
    const { policy, problems } = readPolicy(bytes, { now: this.#host.now() });
    if (policy) return { title, policy };
    const [first] = problems.filter(({ severity }) => severity === "error");
    throw new CloisterError("USAGE", `${title} is no sound policy`, {
      why: first && `line ${String(first.line)}: ${first.message}`,
      next: `cloister policy check ${named ?? ""}`.trim(),
    });
  }
}

/** The policy file of this folder or the nearest parent that has one. */
export function projectFile(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, POLICY_FILE);
    if (existsSync(file)) return file;
    if (dirname(at) === at) return join(folder, POLICY_FILE);
  }
}
