import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { MemberChanged, MemberSuspended, Released } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showLacking, showPending } from "../policy-words.ts";
import { log, minutes } from "../words.ts";
import { confirmFingerprint } from "./member.ts";

export async function suspend(call: Call): Promise<number> {
  const { args, flags } = call;
  const options = { member: args[0] ?? "", justification: flags.text("why"), dryRun: flags.on("dryRun") };
  const project = await call.project();
  if (asks(call)) {
    const planned = await project.suspendMember({ ...options, dryRun: true });
    const domains = planned.domains.map(({ domain }) => domain).join(", ");
    await confirm(call, `Suspend ${planned.member}${domains === "" ? "" : `, with new keys for ${domains}`}?`);
  }
  const done = await project.suspendMember(options);
  print(call, "member-suspend", done, (page) => showSuspended(page, done));
  return exit(done);
}

function showSuspended(page: Page, done: MemberSuspended): void {
  showChanged(page, done, done.dryRun ? "would suspend" : done.pending ? "asked to suspend" : "suspended");
  for (const { domain, epoch } of done.domains) {
    page.fields([[`keys of ${domain}`, `from epoch ${String(epoch)} on; who pushes under older ones is refused`]]);
  }
  showReleased(page, done.member, done.released);
}

function showReleased(page: Page, member: string, { versions, secrets }: Released): void {
  page.heading(`What ${member} read, and keeps`);
  page.table(
    ["VERSION", "CLASS", "TIMES", "LAST (UTC)", "BY"],
    versions.map(({ reference, versionId, domain, class: klass, times, last, action }) => [
      reference ?? `(sealed) ${page.tty ? versionId.slice(0, 12) : versionId}`,
      `${domain ?? "-"}/${klass ?? "-"}`,
      String(times),
      page.tty ? minutes(last) : last,
      action,
    ]),
  );
  if (page.tty && versions.length === 0) page.line("  nothing that the log knows of");
  if (secrets > 0)
    page.line(`  ${String(secrets)} secrets were handed to ${member}: change them (cloister secret rotate)`);
  if (!page.quiet) page.line("  What was read stays read. The log knows nothing of reads that went around Cloister.");
}

export async function restore(call: Call): Promise<number> {
  const { args, flags } = call;
  const options = { member: args[0] ?? "", justification: flags.text("why"), dryRun: flags.on("dryRun") };
  const project = await call.project();
  if (asks(call)) {
    await project.restoreMember({ ...options, dryRun: true });
    await confirm(call, `Let ${options.member} back in?`);
  }
  const done = await project.restoreMember(options);
  const verb = done.dryRun ? "would restore" : done.pending ? "asked to restore" : "restored";
  print(call, "member-restore", done, (page) => showChanged(page, done, verb));
  return exit(done);
}

export async function addDevice(call: Call): Promise<number> {
  const { args, flags } = call;
  const options = {
    ...{ line: args[0] ?? "", member: flags.text("id"), name: flags.text("name") },
    ...{ justification: flags.text("why"), dryRun: flags.on("dryRun") },
  };
  const project = await call.project();
  if (asks(call)) {
    const { member } = await project.addMemberDevice({ ...options, dryRun: true });
    await confirmFingerprint(call, { ...(await (await call.library()).readJoinLine(options.line)), member });
  }
  const done = await project.addMemberDevice(options);
  const verb = done.dryRun ? "would add a device of" : done.pending ? "asked to add a device of" : "added a device of";
  print(call, "member-add-device", done, (page) => showChanged(page, done, verb));
  return exit(done);
}

export async function removeDevice(call: Call): Promise<number> {
  const { args, flags } = call;
  const options = {
    ...{ member: args[0] ?? "", device: args[1] ?? "" },
    ...{ justification: flags.text("why"), dryRun: flags.on("dryRun") },
  };
  const project = await call.project();
  if (asks(call)) {
    await project.removeMemberDevice({ ...options, dryRun: true });
    await confirm(
      call,
      `Take device ${options.device} of ${options.member} away, with new keys for all it could read?`,
    );
  }
  const done = await project.removeMemberDevice(options);
  const verb = done.dryRun
    ? "would remove a device of"
    : done.pending
      ? "asked to remove a device of"
      : "removed a device of";
  print(call, "member-remove-device", done, (page) => showChanged(page, done, verb));
  return exit(done);
}

/** A member as a policy version changed them. */
export function showChanged(page: Page, done: MemberChanged, verb: string): void {
  const { member, policyVersion, policyDigest, logEntry, pending, given, made, lacking, dryRun } = done;
  page.done(`${verb} ${member}`);
  const end = dryRun ? "nothing was written" : pending ? "waits for signatures" : log(logEntry);
  page.line(`  policy v${String(policyVersion)}  ${page.digest(policyDigest)}   ${end}`);
  page.fields([
    ["new keys", made.length > 0 ? made.join(" ") : undefined],
    ["keys given", given.length > 0 ? given.join(" ") : undefined],
  ]);
  if (pending) showPending(page, pending);
  showLacking(page, lacking);
}

function asks({ flags }: Call): boolean {
  return !flags.on("dryRun") && !flags.on("yes");
}

async function confirm(call: Call, message: string): Promise<void> {
  const { prompter } = call.context;
  if (await prompter.confirm({ message: printable(message), default: false, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was written" });
}

/** Exit 5 while others have to sign: nothing has changed yet. */
function exit({ pending, dryRun }: MemberChanged): number {
  return pending && !dryRun ? exitOf("APPROVAL_PENDING") : 0;
}
