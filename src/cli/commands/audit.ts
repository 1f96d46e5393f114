import type { AuditRow } from "../../index.ts";
import { stepOf } from "../audit-words.ts";
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
    if (!page.tty) page.table([], entries.map(pipeRow));
    else showEntries(page, entries);
  });
}

/** From here on a line holds the time and more than what matters most. */
const WIDE_COLUMNS = 110;

function showEntries(page: Page, entries: readonly AuditRow[]): void {
  if (entries.length === 0 && !page.quiet) page.line("no entries", page.paint.dim);
  const { dim, green, red, yellow } = page.paint;
  const paints = { intent: dim, done: green, refused: red, failed: red, open: yellow };
  const wide = page.columns >= WIDE_COLUMNS;
  page.table(
    ["LOG", ...(wide ? ["TIME (UTC)"] : []), "MEMBER", "ACTION", "PHASE", "WHAT AND WHY"],
    entries.map((row): readonly Cell[] => {
      const { artifact, ...others } = row.details ?? {};
      const more = wide ? [where(row), ...pairs(others)] : [];
      const what = [artifact, stepOf(row), ...row.rules, ...more].filter((text) => text !== undefined);
      const time = wide ? [minutes(row.time)] : [];
      const phase = { text: row.phase, paint: paints[row.phase] };
      return [`#${String(row.entry)}`, ...time, row.member, row.action, phase, what.join(" ")];
    }),
  );
}

function pipeRow(row: AuditRow): readonly string[] {
  const step = stepOf(row);
  const what = [...(step === undefined ? [] : [step]), ...row.rules, ...pairs(row.details ?? {})].join(" ");
  return [`#${String(row.entry)}`, row.time, row.member, row.action, row.phase, where(row) ?? "-", what];
}

function where({ domain, class: klass }: AuditRow): string | undefined {
  return domain === undefined ? klass : klass === undefined ? domain : `${domain}/${klass}`;
}

function pairs(details: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(details).map(([key, value]) => `${key}=${value}`);
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
