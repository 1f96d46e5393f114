// Which of the files that a run opened mean something: how much of each input, what of the workspace, what nobody declared.
import { byUtf8 } from "../base/digest.ts";
import { printable } from "../base/terminal.ts";
import type { RunReads } from "./run-details.ts";

const WORKSPACE_LISTED_MAX = 5000;
const UNDECLARED_LISTED_MAX = 1000;
/** Distinct paths that are remembered; more are only counted, each time they are opened. */
const REMEMBERED_MAX = 200_000;

/** The system's files and devices, as the host provides them to every command, and what a run is given for itself. */
const SYSTEM =
  /^\/(?:usr|bin|sbin|lib|lib32|lib64|libx32|etc|proc|sys|dev(?!\/shm)|run\/cloister|run\/secrets)(?:\/|$)/;
const TEMPORARY = /^\/(?:tmp|var\/tmp|dev\/shm|run\/user)\//;
const HOME = /^\/home\/user\//;

class Paths {
  readonly #seen = new Set<string>();
  #more = 0;

  add(path: string): void {
    if (this.#seen.size < REMEMBERED_MAX) this.#seen.add(path);
    else if (!this.#seen.has(path)) this.#more++;
  }

  get count(): number {
    return this.#seen.size + this.#more;
  }

  first(max: number): readonly string[] {
    return [...this.#seen].map(printable).sort(byUtf8).slice(0, max);
  }
}

/** Takes the paths that a run opens, and sums them up at its end. */
export class ReadLog {
  readonly #inputs: readonly { readonly name: string; readonly path: string; readonly opened: Paths }[];
  readonly #workspace = new Paths();
  readonly #elsewhere = new Paths();
  readonly #undeclared = new Paths();

  /** @param inputs name and place of each, as `/inputs/…` */
  constructor(inputs: readonly { readonly name: string; readonly path: string }[]) {
    this.#inputs = inputs.map(({ name, path }) => ({ name, path, opened: new Paths() }));
  }

  /** @param path absolute, as the run saw it */
  add(path: string): void {
    const input = this.#inputs.find((one) => path === one.path || path.startsWith(`${one.path}/`));
    if (input) input.opened.add(path);
    else if (path.startsWith("/workspace/")) this.#workspace.add(path.slice("/workspace/".length));
    else if (TEMPORARY.test(path)) this.#elsewhere.add(path);
    else if (!SYSTEM.test(path)) {
      if (HOME.test(path)) this.#elsewhere.add(path);
      this.#undeclared.add(path);
    }
  }

  sum(): RunReads {
    return {
      inputs: Object.fromEntries(this.#inputs.map(({ name, opened }) => [name, opened.count])),
      workspace: this.#workspace.first(WORKSPACE_LISTED_MAX),
      workspaceCount: this.#workspace.count,
      elsewhere: this.#elsewhere.count,
      undeclared: this.#undeclared.first(UNDECLARED_LISTED_MAX),
      undeclaredCount: this.#undeclared.count,
    };
  }
}
