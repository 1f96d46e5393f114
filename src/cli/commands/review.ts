import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { formatDuration } from "../../base/units.ts";
import type { AccessLine, AccessReviewed, Project, ReviewRecorded } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { log, minutes } from "../words.ts";

export async function review(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const verdict = verdictOf(call);
  const project = await call.project();
  if (flags.on("each")) return reviewEach(call, project);
  if (verdict === undefined) {
    const access = await project.listAccess();
    const lines = access.lines.filter((line) => wanted(call, line));
    print(call, "access-review", { ...access, lines }, (page) => showAccess(page, { ...access, lines }));
    return;
  }
  if (args[0] === undefined) {
    throw new CloisterError("USAGE", "whose access?", { next: `cloister member review MEMBER --${verdict}` });
  }
  const options = { member: args[0], holding: flags.text("role"), verdict, justification: flags.text("why") };
  const recorded = await project.reviewAccess({ ...options, dryRun: flags.on("dryRun") });
  print(call, "access-reviewed", recorded, (page) => showRecorded(page, recorded));
}

function verdictOf({ flags }: Call): "keep" | "revoke" | undefined {
  const given = (["keep", "revoke"] as const).filter((flag) => flags.on(flag));
  const others = (["each", "due"] as const).filter((flag) => flags.on(flag));
  if (given.length + others.length > 1) {
    throw new CloisterError("USAGE", `--${[...given, ...others].join(" and --")} do not go together`, {
      next: "cloister member review --help",
    });
  }
  return given[0];
}

function wanted({ flags, args }: Call, line: AccessLine): boolean {
  if (args[0] !== undefined && line.member !== args[0]) return false;
  if (flags.text("role") !== undefined && line.holding !== flags.text("role")) return false;
  return !flags.on("due") || line.state !== "confirmed";
}

/** Every line that is due and yours to judge, one question each; what was answered is signed before the next is asked. */
async function reviewEach(call: Call, project: Project): Promise<undefined> {
  const { io, prompter } = call.context;
  const all = (await project.listAccess()).lines;
  const due = all.filter(
    (line) => line.yours && wanted(call, line) && (line.state === "due" || line.state === "lapsed"),
  );
  const signed: ReviewRecorded[] = [];
  for (const line of due) {
    if (io.canPrompt) io.err(`\n  ${printable(`${line.name} (${line.member}), ${line.holding}: ${usedText(line)}`)}\n`);
    const verdict = await prompter.select({
      message: "Does it stay?",
      flag: "--keep or --revoke",
      choices: [
        { value: "keep", name: "keep: sign that it stays" },
        { value: "revoke", name: "revoke: read-only from now on" },
        { value: "later", name: "later: ask me again" },
      ],
    });
    if (verdict !== "keep" && verdict !== "revoke") continue;
    const options = {
      member: line.member,
      holding: line.holding,
      verdict,
      justification: call.flags.text("why"),
    } as const;
    signed.push(await project.reviewAccess({ ...options, dryRun: call.flags.on("dryRun") }));
  }
  print(call, "access-reviewed-each", { reviewed: signed }, (page) => {
    for (const recorded of signed) showRecorded(page, recorded);
    if (due.length === 0) page.done("nothing that you may review is due");
  });
  return;
}

function usedText({ lastUsed }: AccessLine): string {
  return lastUsed === undefined ? "never used" : `last used ${minutes(lastUsed)} UTC`;
}

function showAccess(page: Page, { everyMs, reviewers, lines }: AccessReviewed): void {
  page.table(
    ["MEMBER", "ROLE", "LAST USED (UTC)", "GRANTS", "REVIEWED", "DUE (UTC)", "STATE"],
    lines.map((line) => [
      line.member,
      line.holding,
      line.lastUsed === undefined ? "never" : minutes(line.lastUsed),
      String(line.openGrants),
      line.reviewed ? `${minutes(line.reviewed.at)} by ${line.reviewed.by}` : "-",
      line.due === undefined ? "-" : minutes(line.due),
      { text: line.state, paint: line.state === "confirmed" ? (text) => text : page.paint.yellow },
    ]),
    ["REVIEWED"],
  );
  if (!page.tty) return;
  if (everyMs === undefined) page.line("the policy asks for no access review (access-review)", page.paint.dim);
  else page.line(`every ${formatDuration(everyMs)}, by ${reviewers.join(", ") || "nobody"}`, page.paint.dim);
}

function showRecorded(page: Page, { member, holdings, verdict, ownAccess, logEntry, dryRun }: ReviewRecorded): void {
  const verb = verdict === "keep" ? "confirmed" : "revoked";
  page.done(`${dryRun ? `would have ${verb}` : verb} ${member}: ${holdings.join(", ")}`);
  if (ownAccess) page.line("  your own access: nobody else holds the role that reviews");
  page.line(`  ${dryRun ? "nothing was written" : log(logEntry)}`);
  if (verdict === "revoke") {
    page.line(`  ${member} can only read now; take the role out of the policy: cloister policy propose`);
  }
}
