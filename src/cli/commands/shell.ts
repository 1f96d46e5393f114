import { CloisterError } from "../../base/errors.ts";
import type { Call } from "../call.ts";
import { print } from "../output.ts";
import { resetTerminal, showEnd } from "../run-end.ts";
import { secretUse } from "../secret-words.ts";
import { signalExit } from "../signals.ts";
import { onlyWorkspace } from "./run.ts";

/** Opens a shell on the terminal and ends with its exit code. */
export async function shell(call: Call): Promise<number> {
  const { context, args, flags } = call;
  const { io, interruption } = context;
  if (io.inIsTty && !io.inForeground) {
    throw new CloisterError("USAGE", "a shell needs the terminal, and this command is in the background", {
      next: "fg",
    });
  }
  const project = await call.project();
  const workspace = args[0] ?? (await onlyWorkspace(project, (name) => `cloister shell ${name}`));
  const secrets = flags.list("secret").map(secretUse);
  const creds = flags.choice("creds", ["token", "aws"]);
  const streams = { stdin: io.stdin, stdout: io.stdout, stderr: io.stderr };
  const result = await interruption.leaveToChild(() =>
    project.shell({ workspace, secrets, creds }, streams).finally(() => resetTerminal(io)),
  );
  call.progress.clear();
  if (call.json) print(call, "run", result, () => {});
  else showEnd(call, result, "shell");
  const caught = interruption.caught();
  return caught ? signalExit(caught) : result.exit;
}
