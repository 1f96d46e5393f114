// One read of a project, tried again and again on a store in which something was changed.
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { CloisterError } from "../../../src/base/errors.ts";
import type { ProjectConfig } from "../../../src/operations/config.ts";
import { requireConfig } from "../../../src/operations/config.ts";
import type { Host } from "../../../src/operations/host.ts";
import { connect, type Session } from "../../../src/operations/session.ts";
import { scratch } from "../../operations/project.ts";
import { type Objects, snapshotOf, TamperedStore } from "./tampered-store.ts";

export type Changed = ReadonlyMap<string, Buffer | undefined>;

export interface Outcome {
  /** Code of the error, or `read`. */
  readonly code: string;
  /** All that was said. */
  readonly said: string;
  readonly result: unknown;
}

/** A person's device with a project, whose store is in memory, and who remembers nothing of it between two trials. */
export class Trial {
  readonly objects: Objects;
  readonly host: Host;
  readonly #config: ProjectConfig;

  private constructor(objects: Objects, host: Host, config: ProjectConfig) {
    this.objects = objects;
    this.host = host;
    this.#config = config;
  }

  /** @param folder holds the store, and the person's home and project */
  static async of(folder: string, person: Host): Promise<Trial> {
    const home = join(scratch(), "home");
    mkdirSync(home);
    cpSync(join(person.home, ".config"), join(home, ".config"), { recursive: true });
    const host = { ...person, home };
    return new Trial(snapshotOf(join(folder, "store")), host, await requireConfig(person.cwd));
  }

  /** The one object under a prefix whose name holds this. */
  named(prefix: string, part = ""): readonly [string, Buffer] {
    const found = [...this.objects].filter(([name]) => name.startsWith(prefix) && name.includes(part));
    if (found.length !== 1) throw new Error(`${String(found.length)} objects ${prefix}…${part}`);
    return found[0] as [string, Buffer];
  }

  /**
   * @param forgets what the device keeps between commands, besides the log: policies that it has compiled
   * @param remembers reads the store as it was before, so that the device knows its log
   */
  async read(changed: Changed, act: (session: Session) => Promise<unknown>, remembers = false): Promise<Outcome> {
    for (const folder of [".local", ".cache"]) rmSync(join(this.host.home, folder), { recursive: true, force: true });
    rmSync(join(this.host.cwd, "out"), { recursive: true, force: true });
    if (remembers) await (await this.#session(new Map())).sync();
    try {
      const result = await act(await this.#session(changed));
      return { code: "read", said: JSON.stringify(result), result };
    } catch (error) {
      expect(existsSync(join(this.host.cwd, "out")), "nothing is written").toBe(false);
      if (!(error instanceof CloisterError)) throw error;
      return { code: error.code, said: `${error.message} ${error.why ?? ""}`, result: undefined };
    }
  }

  async #session(changed: Changed): Promise<Session> {
    const session = connect(this.host, this.#config, new TamperedStore(this.objects, changed));
    await session.begin();
    return session;
  }
}
