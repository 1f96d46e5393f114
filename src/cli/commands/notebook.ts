import { CloisterError } from "../../base/errors.ts";
import type { NotebookOpened } from "../../index.ts";
import type { Call } from "../call.ts";
import { stoppedText } from "../limit-words.ts";
import { refusedLines } from "../network-words.ts";
import { print } from "../output.ts";
import { secretUse } from "../secret-words.ts";
import { log, took } from "../words.ts";

/** Runs until the server inside ends, or Ctrl-C, which is how a notebook is meant to end. */
export async function notebook(call: Call): Promise<number> {
  const { flags, args, context } = call;
  const port = flags.count("port", 1);
  if (port !== undefined && port > 65_535) throw new CloisterError("USAGE", `--port ${String(port)} is no port`);
  const options = {
    workspace: args[0] ?? "",
    port,
    secrets: flags.list("secret").map(secretUse),
    creds: flags.choice("creds", ["token", "aws"]),
  };
  const result = await (await call.project()).openNotebook(options, (opened) => showOpened(call, opened));
  call.progress.clear();
  if (result.stoppedBy) call.progress.note(stoppedText(result.stoppedBy));
  for (const line of refusedLines(result.workspace, result.network)) call.progress.note(line);
  call.progress.note(`the notebook ended after ${took(result.seconds)}   ${log(result.logEntry)}`, "dim");
  return context.interruption.caught() ? 0 : result.exit;
}

function showOpened(call: Call, opened: NotebookOpened): void {
  call.progress.clear();
  print(call, "notebook", opened, (page) => {
    if (!page.tty) return page.line(opened.url);
    page.done(`Jupyter runs in workspace ${opened.workspace}; it ends with Ctrl-C`);
    page.line(`  ${opened.url}`);
  });
}
