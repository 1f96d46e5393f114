import { formatBytes } from "../../base/units.ts";
import type { GarbageAmount, StoreChecked, StoreStats } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print, warn } from "../output.ts";

export async function check(call: Call): Promise<number> {
  const checked = await (await call.project()).checkStore({ read: call.flags.on("read") });
  call.progress.clear();
  print(call, "store-check", checked, (page) => showChecked(page, checked));
  if (!call.json) {
    for (const { where, count } of checked.hidden) {
      warn(call, `${where}: ${versions(count)} held by classes you cannot read; only their structure was checked`);
    }
    const [first] = checked.strange;
    if (first !== undefined)
      warn(call, `${String(checked.strangeCount)} objects with names of no meaning, such as ${first}`);
  }
  return checked.ok ? 0 : exitOf("INTEGRITY");
}

function showChecked(page: Page, checked: StoreChecked): void {
  const { ok, log, damaged, read, packs } = checked;
  if (ok) page.done(`the store is whole${read ? "" : ", as far as its structure tells"}`);
  else page.refused(log.ok ? `${versions(damaged.length)} damaged` : "the log does not verify");
  page.fields([
    ["log", log.ok ? `${String(log.entries)} entries` : log.why],
    ["versions", `${String(checked.versions)}${checked.ended > 0 ? `, and ${String(checked.ended)} ended` : ""}`],
    ["opened", read && `${versions(read.versions)}, ${formatBytes(read.bytes)}`],
    ["garbage", amount(checked.garbage)],
    ["condemned", amount(checked.condemned)],
  ]);
  for (const each of damaged) {
    const { reference, domain, number, versionId, damage } = each;
    const name = reference ?? `${domain}/(version ${versionId.slice(0, 12)}):v${String(number)}`;
    page.marked("✗", name, damage.join("; "));
  }
  for (const { pack, why, versions: ids } of packs.filter((each) => each.versions.length > 1)) {
    page.line(`  the pack ${pack} ${why}: ${versions(ids.length)} need it`);
  }
  if (damaged.length > 0) page.hints("What can be done", ["cloister store repair --from COPY"]);
}

export async function stats(call: Call): Promise<undefined> {
  const found = await (await call.project()).storeStats();
  call.progress.clear();
  print(call, "store-stats", found, (page) => showStats(page, found));
}

function showStats(page: Page, found: StoreStats): void {
  const size = (bytes: number | undefined) =>
    bytes === undefined ? "-" : page.tty ? formatBytes(bytes) : String(bytes);
  page.table(
    ["ARTIFACT", "VERSIONS", "LOGICAL", "STORED", "UNIQUE", "SHARED"],
    found.artifacts.map((each) => [
      ...[each.artifact, String(each.versions), size(each.logical), size(each.stored)],
      ...[size(each.unique), size(each.shared)],
    ]),
    ["SHARED", "UNIQUE"],
  );
  if (!page.tty) return;
  const { ratio, hidden } = found;
  page.line("");
  page.fields([
    ["in all", `${versions(found.versions)}${hidden > 0 ? `, ${String(hidden)} of them not yours to open` : ""}`],
    ["logical", formatBytes(found.logical)],
    [
      "stored",
      `${formatBytes(found.stored)}${ratio === undefined ? "" : ` (${ratio.toFixed(1)} times as much without deduplication)`}`,
    ],
    ["seals, wraps", formatBytes(found.parts.bytes)],
    ["garbage", amount(found.garbage)],
    ["condemned", amount(found.condemned)],
  ]);
}

function amount({ packs, parts, bytes }: GarbageAmount): string | undefined {
  if (packs + parts === 0) return undefined;
  return `${String(packs)} packs, ${String(parts)} seals and wraps, ${formatBytes(bytes)}`;
}

function versions(count: number): string {
  return count === 1 ? "1 version" : `${String(count)} versions`;
}
