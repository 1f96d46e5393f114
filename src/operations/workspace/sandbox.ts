// The only place that picks a sandbox driver: by name for a new workspace, by what made it for one that is there. What a
// driver cannot do here is an error; none ever takes the place of another.
import { CloisterError } from "../../base/errors.ts";
import type { Bubblewrap } from "../../sandbox/bubblewrap/bubblewrap.ts";
import type { Podman } from "../../sandbox/podman/podman.ts";
import type { CreateSpec, Driver, HolderState, Sandbox } from "../../sandbox/sandbox.ts";
import type { Host } from "../host.ts";

/** What a new workspace is to be made with. */
export interface DriverChoice {
  readonly driver?: string | undefined;
  readonly image?: string | undefined;
}

/** Every driver behind the one interface. Making it costs nothing; no driver looks at the host before it is asked. */
export async function sandboxOf(host: Host, choice: DriverChoice = {}): Promise<Sandbox> {
  const { Bubblewrap } = await import("../../sandbox/bubblewrap/bubblewrap.ts");
  const { Podman } = await import("../../sandbox/podman/podman.ts");
  const { now, env } = host;
  const drivers = { bubblewrap: new Bubblewrap({ now }), podman: new Podman({ now, env, image: choice.image }) };
  return new Drivers(drivers, driverOf(choice));
}

/** {@link sandboxOf}, proved to work. @throws CloisterError UNSUPPORTED_HOST with the reason and the fix, USAGE */
export async function workingSandbox(host: Host, choice: DriverChoice = {}): Promise<Sandbox> {
  const sandbox = await sandboxOf(host, choice);
  if (driverOf(choice) === "podman") (await import("../../sandbox/podman/image.ts")).checkImage(choice.image);
  const problem = await sandbox.problem();
  if (!problem) return sandbox;
  throw notSandboxed(problem);
}

/**
 * A new workspace in which a command was seen to run, so that none has to be made for the trial alone.
 * @throws CloisterError UNSUPPORTED_HOST with the reason and the fix; nothing is left running
 */
export async function provenWorkspace(sandbox: Sandbox, spec: CreateSpec): Promise<HolderState> {
  const holder = await sandbox.create(spec).catch((error: unknown) => {
    // What an encrypted volume lacks is no lack of the sandbox.
    const host = error instanceof CloisterError && error.code === "UNSUPPORTED_HOST" && spec.volume !== "encrypted";
    throw host ? notSandboxed(error) : error;
  });
  try {
    const problem = await sandbox.tried(holder);
    if (problem) throw notSandboxed(problem);
    return holder;
  } catch (error) {
    await sandbox.stop(holder).catch(() => undefined);
    throw error;
  }
}

function notSandboxed({ why, next }: Pick<CloisterError, "why" | "next">): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "workspaces cannot be sandboxed on this host", { why, next });
}

/** @throws CloisterError USAGE for a driver that there is not, and for an image where none is used */
export function driverOf({ driver = "bubblewrap", image }: DriverChoice): Driver {
  if (driver === "podman") return driver;
  if (driver !== "bubblewrap") throw new CloisterError("USAGE", `there is no driver ${driver}`);
  if (image === undefined) return driver;
  throw new CloisterError("USAGE", "bubblewrap uses no image", {
    why: "its workspaces have the programs of this machine",
    next: "add --driver podman, or leave out --image",
  });
}

/** Passes each call on to the driver that made the workspace. */
class Drivers implements Sandbox {
  readonly #drivers: { readonly bubblewrap: Bubblewrap; readonly podman: Podman };
  readonly #chosen: Sandbox;

  constructor(drivers: { readonly bubblewrap: Bubblewrap; readonly podman: Podman }, chosen: Driver) {
    this.#drivers = drivers;
    this.#chosen = drivers[chosen];
  }

  problem: Sandbox["problem"] = (volume) => this.#chosen.problem(volume);
  tried: Sandbox["tried"] = (state) => this.#of(state).tried(state);
  encryptedProblem: Sandbox["encryptedProblem"] = () => this.#chosen.encryptedProblem();
  create: Sandbox["create"] = (spec: CreateSpec) => this.#chosen.create(spec);
  keep: Sandbox["keep"] = (state) => this.#of(state).keep(state);
  extend: Sandbox["extend"] = (state, ttlMs) => this.#of(state).extend(state, ttlMs);
  alive: Sandbox["alive"] = (state) => this.#of(state).alive(state);
  fill: Sandbox["fill"] = (state, target, files) => this.#of(state).fill(state, target, files);
  exec: Sandbox["exec"] = (state, spec, streams) => this.#of(state).exec(state, spec, streams);
  listen: Sandbox["listen"] = (state, at) => this.#of(state).listen(state, at);
  dialer: Sandbox["dialer"] = (state) => this.#of(state).dialer(state);
  collect: Sandbox["collect"] = (state, path) => this.#of(state).collect(state, path);
  lookUp: Sandbox["lookUp"] = (state, paths) => this.#of(state).lookUp(state, paths);
  remove: Sandbox["remove"] = (state, paths) => this.#of(state).remove(state, paths);
  list: Sandbox["list"] = (state, of) => this.#of(state).list(state, of);
  digest: Sandbox["digest"] = (state, paths) => this.#of(state).digest(state, paths);
  checkMounts: Sandbox["checkMounts"] = (mounts, keep) => this.#chosen.checkMounts(mounts, keep);
  gpu: Sandbox["gpu"] = () => this.#chosen.gpu();
  held: Sandbox["held"] = (state) => this.#of(state).held(state);
  holdable: Sandbox["holdable"] = (spec) => this.#chosen.holdable(spec);
  stop: Sandbox["stop"] = (state) => this.#of(state).stop(state);
  describe: Sandbox["describe"] = (state) => (state ? this.#of(state) : this.#chosen).describe(state);

  #of(state: HolderState): Sandbox {
    if (Object.hasOwn(this.#drivers, state.driver)) return this.#drivers[state.driver];
    throw new CloisterError("FAILURE", "the workspace was made by a driver that this release does not have", {
      next: "use the release of cloister that made it",
    });
  }
}
