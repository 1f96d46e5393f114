import { CloisterError } from "../../base/errors.ts";
import { formatBytes, formatDuration } from "../../base/units.ts";
import type { Receipt } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { files, log, shellWord } from "../words.ts";
import { labelOf } from "./workspace.ts";

export async function destroy(call: Call): Promise<undefined> {
  const { flags, args, context } = call;
  const name = args[0] ?? "";
  const project = await call.project();
  if (!flags.on("yes") && context.io.canPrompt) {
    // Before the question: a workspace that is gone already cannot be erased.
    await project.showWorkspace(name);
    const message = `Erase workspace ${shellWord(name)} and everything in it that was not pushed?`;
    if (!(await context.prompter.confirm({ message, default: false, flag: "--yes" }))) {
      throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was erased" });
    }
  }
  const receipt = await project.destroyWorkspace(name);
  print(call, "workspace-receipt", receipt, (page) => showReceipt(page, receipt));
}

function lostText(lost: Receipt["lost"]): string {
  if (!lost) return "unknown: it was gone already";
  return lost.files === 0 ? "nothing" : `${files(lost.files)}, ${formatBytes(lost.bytes)}`;
}

function showReceipt(page: Page, receipt: Receipt): void {
  const { lost, pushed } = receipt;
  page.done(
    `destroyed workspace ${receipt.workspace} after ${formatDuration(receipt.livedMs)}   ${log(receipt.logEntry)}`,
  );
  page.fields([
    ["label", labelOf(receipt)],
    ["pushed", pushed.length > 0 ? pushed.join(" ") : "nothing"],
    ["lost", lostText(lost)],
    ["erased", receipt.erased],
  ]);
}
