// What every driver asks of a command before it starts it, and what it adds.
import { CloisterError } from "../base/errors.ts";
import { pathProblem } from "../base/path.ts";
import { type ExecSpec, SECRETS } from "./exec-spec.ts";
import { checkInputName } from "./files/input-name.ts";

/** @throws {@link CloisterError} USAGE where there is no command */
export function checkCommand(argv: readonly string[]): readonly string[] {
  if (!argv[0]) throw new CloisterError("USAGE", "no command to run", { next: "cloister run NAME -- COMMAND" });
  return argv;
}

/**
 * The few variables that every command gets, and those added for it; PATH is the driver's.
 *
 * @throws {@link CloisterError} USAGE for what cannot be the name of a variable
 */
export function commandEnvironment(added: Readonly<Record<string, string>>): Record<string, string> {
  for (const name of Object.keys(added)) {
    if (name === "" || name.includes("=")) {
      throw new CloisterError("USAGE", `${JSON.stringify(name)} cannot be the name of a variable`, {
        why: "a name has at least one character, and no =",
        next: "name it like MY_VARIABLE",
      });
    }
  }
  const own = { HOME: "/home/user", USER: "user", LOGNAME: "user", SHELL: "/bin/sh", LANG: "C.UTF-8", TMPDIR: "/tmp" };
  return { ...own, ...added };
}

/** @throws {@link CloisterError} USAGE for a path that is not below /inputs, or in the way of another */
export function checkInputs(inputs: ExecSpec["inputs"]): ExecSpec["inputs"] {
  for (const input of inputs) {
    const { path } = input;
    checkInputName(input.source);
    const below = path.startsWith("/inputs/") ? path.slice("/inputs/".length) : "";
    const problem = below === "" ? "it is not below /inputs" : pathProblem(below);
    if (problem) throw new CloisterError("USAGE", `an input cannot be shown at ${path}`, { why: problem });
    // The same path twice, or one inside another, which is read-only by then.
    const clash = inputs.find((other) => other !== input && `${path}/`.startsWith(`${other.path}/`));
    if (clash) {
      throw new CloisterError("USAGE", `an input cannot be shown at ${path}`, {
        why: `${clash.path} is an input`,
        next: "choose paths of which none is another, or lies in another",
      });
    }
  }
  return inputs;
}

/**
 * @returns the paths of files for a command alone
 * @throws {@link CloisterError} USAGE for one that is not in {@link SECRETS}
 */
export function checkFiles(files: NonNullable<ExecSpec["files"]>): readonly string[] {
  const paths = files.map(({ path }) => path);
  for (const path of paths) {
    const name = path.startsWith(`${SECRETS}/`) ? path.slice(SECRETS.length + 1) : "";
    const problem = name.includes("/") ? `it is not in ${SECRETS}` : pathProblem(name);
    if (problem) throw new CloisterError("USAGE", `a file cannot be shown at ${path}`, { why: problem });
  }
  return paths;
}

/** The error of a driver that hands words over with a NUL after each: one inside would smuggle in another. */
export function nulInside(): CloisterError {
  return new CloisterError("USAGE", "a command or path holds a NUL character", {
    why: "no program can be given one",
    next: "leave it out, or put it in a file",
  });
}
