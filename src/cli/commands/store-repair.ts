import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { RepairedObject, StoreRepaired } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { reachOf } from "../reach.ts";
import { log } from "../words.ts";

export async function repair(call: Call): Promise<number> {
  const { flags } = call;
  const yes = flags.on("yes");
  if (yes && flags.on("dryRun")) {
    throw new CloisterError("USAGE", "--yes or --dry-run?", { next: "give one of them" });
  }
  const options = { from: flags.text("from"), ...reachOf(flags), read: flags.on("read"), yes };
  const repaired = await (await call.project()).repairStore(options);
  call.progress.clear();
  print(call, "store-repair", repaired, (page) => showRepaired(page, repaired));
  return repaired.left.length > 0 ? exitOf("INTEGRITY") : 0;
}

const WORDS: Readonly<Record<RepairedObject["what"], string>> = {
  add: "add",
  replace: "replace",
  "set-aside": "set aside",
};
const PROOFS: Readonly<Record<RepairedObject["by"], string>> = {
  digest: "by its digest",
  opened: "opened, and whole",
  size: "by its size alone",
  form: "by its form",
};

function showRepaired(page: Page, { dryRun, objects, left, logEntry }: StoreRepaired): void {
  if (objects.length === 0) page.line(left.length === 0 ? "there is nothing to repair" : "nothing could be repaired");
  else if (dryRun) page.line("Nothing was done. This would be:");
  else page.done(`repaired ${String(objects.length)} objects   ${log(logEntry)}`);
  page.table(
    ["WHAT", "SIZE", "KNOWN", "OBJECT"],
    objects.map(({ name, what, bytes, by }) => [WORDS[what], formatBytes(bytes), PROOFS[by], name]),
    ["KNOWN", "SIZE"],
  );
  for (const { reference, domain, number, versionId, damage } of left) {
    const name = reference ?? `${domain}/(version ${versionId.slice(0, 12)}):v${String(number)}`;
    page.marked("✗", name, damage.join("; "));
  }
  if (dryRun && objects.length > 0) {
    page.line("  the same command with --yes does it");
    return;
  }
  if (left.length === 0) return;
  page.line("  without a copy that has it: push the content again, from where it was pulled, as a new version;");
  page.line("  or give the version up: cloister artifact retire REF, then cloister artifact shred-keys REF");
}
