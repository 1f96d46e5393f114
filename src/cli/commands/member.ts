import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { JoinLine, MemberAdded, MemberSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showLacking, showPending } from "../policy-words.ts";
import { log } from "../words.ts";

export async function add(call: Call): Promise<number> {
  const { flags, args } = call;
  const dryRun = flags.on("dryRun");
  const options = {
    line: args[0] ?? "",
    id: flags.text("id"),
    name: flags.text("name"),
    roles: flags.list("role"),
    justification: flags.text("why"),
  };
  const said = await (await call.library()).readJoinLine(options.line);
  const project = await call.project();
  if (!dryRun && !flags.on("yes")) {
    // Before the question: a missing role, a line for another project, a refusal of the policy.
    await project.addMember({ ...options, dryRun: true });
    await confirmFingerprint(call, said);
  }
  const added = await project.addMember({ ...options, dryRun });
  print(call, "member-add", added, (page) => showAdded(page, added));
  return added.pending && !dryRun ? exitOf("APPROVAL_PENDING") : 0;
}

export async function invite(call: Call): Promise<undefined> {
  const invited = await (await call.project()).invite({ roles: call.flags.list("role") });
  print(call, "member-invite", invited, (page) => {
    if (!page.tty) return page.drawn(invited.line);
    page.done(`invitation to ${invited.project}, as of policy v${String(invited.policyVersion)}`);
    page.drawn(invited.line);
    page.hints("They ask to join with", ["cloister join 'LINE'"]);
    page.hints("and you let them in with", ["cloister request list", "cloister request approve j-…"]);
  });
}

/** Only a person can compare a fingerprint, over another channel than the one that brought the line. */
export async function confirmFingerprint(call: Call, said: JoinLine): Promise<void> {
  const { io, prompter } = call.context;
  if (io.canPrompt) {
    io.err(`\n  ${printable(said.name)} (${printable(said.member)}) holds the key\n\n`);
    io.err(`    ${printable(said.fingerprint)}\n\n  Ask them to read theirs to you: cloister whoami\n\n`);
  }
  const sure = await prompter.confirm({ message: "Is it the same?", default: false, flag: "--yes" });
  if (!sure)
    throw new CloisterError("INTERRUPTED", "cancelled", {
      why: "the fingerprint was not confirmed; nothing was written",
    });
}

export function showAdded(page: Page, added: MemberAdded): void {
  const verb = added.dryRun ? "would add" : added.pending ? "asked to add" : "added";
  page.done(`${verb} ${added.member} (${added.name}) as ${added.roles.join(", ")}`);
  const end = added.dryRun ? "nothing was written" : added.pending ? "waits for signatures" : log(added.logEntry);
  page.line(`  policy v${String(added.policyVersion)}  ${page.digest(added.policyDigest)}   ${end}`);
  page.fields([
    ["fingerprint", added.fingerprint],
    ["keys", added.keys.length > 0 ? added.keys.join(" ") : "none"],
    [
      "in AWS KMS",
      added.kmsKeys.length > 0 ? `${added.kmsKeys.join(" ")}   (their IAM role gives them these)` : undefined,
    ],
  ]);
  if (added.pending) showPending(page, added.pending);
  showLacking(page, added.lacking);
}

export async function list(call: Call): Promise<undefined> {
  const members = await (await call.project()).listMembers();
  print(call, "member-list", { members }, (page) => {
    page.table(
      ["MEMBER", "NAME", "ROLES", "NOTES", "FINGERPRINT"],
      members.flatMap(({ id, name, roles, suspended, owner, you, devices }) => {
        const notes = [suspended && "suspended", owner && "signs the policy", you && "you"];
        const [first, ...further] = devices;
        return [
          [id, name, roles.join(" "), said(notes), first?.fingerprint ?? ""],
          ...further.map((device) => [
            id,
            name,
            "",
            said([deviceName(device), device.here && "here"]),
            device.fingerprint,
          ]),
        ];
      }),
      ["NAME", "NOTES"],
    );
  });
}

function said(notes: readonly (string | false)[]): string {
  return notes.filter((word) => word !== false).join(", ") || "-";
}

function deviceName({ name }: MemberSummary["devices"][number]): string {
  return name === undefined ? "another device" : `device ${name}`;
}
