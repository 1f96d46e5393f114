// The variable in which a program finds a secret.
import { CloisterError } from "../../base/errors.ts";
import { checkVariable } from "./write.ts";

/** `db-password` as programs name it: `DB_PASSWORD`. */
export function variableOf(name: string): string {
  const variable = name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
  return /^\d/.test(variable) ? `_${variable}` : variable;
}

/** What decides which code runs. Whoever set the secret says its variable, and must not choose the program by it. */
const STEERING =
  /^(LD_.*|DYLD_.*|PATH|HOME|USER|LOGNAME|SHELL|IFS|ENV|BASH_ENV|BASH_FUNC.*|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|TMPDIR|LANG|LC_.*|GCONV_PATH|PYTHON(PATH|HOME|STARTUP|INSPECT|WARNINGS|BREAKPOINT|HASHSEED|EXECUTABLE|USERBASE)|NODE_(OPTIONS|PATH|EXTRA_CA_CERTS)|PERL(5LIB|5OPT|LIB|5DB)|RUBY(OPT|LIB)|(JAVA_TOOL|_JAVA|JDK_JAVA)_OPTIONS|R_(PROFILE|ENVIRON|LIBS)(_.*)?|GIT_(SSH|SSH_COMMAND|EXEC_PATH|CONFIG.*|EXTERNAL_DIFF|ASKPASS|EDITOR|PAGER)|EDITOR|VISUAL|PAGER|CLOISTER_.*)$/;

/** @throws CloisterError USAGE */
export function checkHarmless(env: string, reference: string): string {
  checkVariable(env);
  if (!STEERING.test(env)) return env;
  throw new CloisterError("USAGE", `secret ${reference} cannot be in ${env}`, {
    why: "that variable decides which code runs, and holds no secret",
    next: `--secret ${reference.split("/")[1] ?? ""}=NAME_OF_ANOTHER_VARIABLE`,
  });
}
