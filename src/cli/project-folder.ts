import { resolve } from "node:path";
import { CloisterError } from "../base/errors.ts";
import type { Call } from "./call.ts";

/**
 * The folder that becomes a project: the one given, else this one. The home folder only where it is named: a project in
 * it would be found from every folder below.
 * @throws {@link CloisterError} USAGE
 */
export function projectFolder(call: Call, dir: string | undefined): string {
  const folder = resolve(call.folder, dir ?? ".");
  if (dir !== undefined || call.flags.text("C") !== undefined || folder !== resolve(call.host.home)) return folder;
  throw new CloisterError("USAGE", "this is your home folder", {
    why: "a project here would take in every folder below it",
    next: "make a folder for the project and name it, or name this one: .",
  });
}
