import type { AuditRow } from "../../index.ts";
import type { Call } from "../call.ts";
import { showChecks } from "../checks.ts";
import { exitOf } from "../exit-codes.ts";
import { type Cell, type Page, print } from "../output.ts";
import { minutes } from "../words.ts";

export async function list(call: Call): Promise<undefined> {
  const { flags } = call;
  const last = flags.count("last", 1);
  const entries = await (await call.project()).listAudit({
    refusedOnly: flags.on("refused"),
    action: flags.text("action"),
    member: flags.text("member"),
    last,
  });
  print(call, "audit-list", { entries }, (page) => {
    page.table(
      ["LOG", "TIME (UTC)", "MEMBER", "ACTION", "PHASE", "WHERE AND WHAT"],
      entries.map((entry) => tableRow(page, entry)),
    );
    if (page.tty && entries.length === 0 && !page.quiet) page.line("no entries", page.paint.dim);
  });
}

function tableRow(page: Page, row: AuditRow): readonly Cell[] {
  const paints = {
    intent: page.paint.dim,
    done: page.paint.green,
    refused: page.paint.red,
    failed: page.paint.red,
    open: page.paint.yellow,
  };
  const where = [row.domain, row.class].filter((part) => part !== undefined).join("/") || "-";
  const details = Object.entries(row.details ?? {}).map(([key, value]) => `${key}=${value}`);
  const what = [...row.rules, ...details].join(" ");
  const phase = { text: row.phase, paint: paints[row.phase] };
  const start = [`#${String(row.entry)}`, page.tty ? minutes(row.time) : row.time, row.member, row.action, phase];
  // 80 columns hold no seventh column; a pipe keeps what can be cut apart.
  return page.tty ? [...start, `${where} ${what}`] : [...start, where, what];
}

export async function verify(call: Call): Promise<number> {
  const verified = await (await call.project()).verifyAudit();
  call.progress.clear();
  const good = verified.ok && verified.checks.every(({ state }) => state !== "bad");
  print(call, "audit-verify", verified, (page) => {
    const { entries, commits, root } = verified;
    page.fields([
      ["entries", String(entries)],
      ["commits", String(commits)],
      ["root", root],
    ]);
    showChecks(page, verified.checks, good ? "the log is whole" : "the log is BROKEN", good);
  });
  return good ? 0 : exitOf("INTEGRITY");
}
