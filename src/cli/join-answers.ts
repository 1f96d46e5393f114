// Letting people in who asked to join: `request` commands with a `j-…`.
import { CloisterError } from "../base/errors.ts";
import type { JoinRequestSummary } from "../index.ts";
import type { Call } from "./call.ts";
import { confirmFingerprint, showAdded } from "./commands/member.ts";
import { showChanged } from "./commands/member-change.ts";
import { exitOf } from "./exit-codes.ts";
import { type Page, print } from "./output.ts";

/** Whether the command is about somebody who asks to join. */
export function isJoin({ args }: Call): boolean {
  return args[0]?.startsWith("j-") === true;
}

/** Those who ask to join, under the requests of members. */
export function listJoins(page: Page, joins: readonly JoinRequestSummary[]): void {
  if (joins.length === 0) return;
  page.heading("Asking to join");
  const rows = joins.map(({ id, member, name, fingerprint, deviceOf }) => {
    return [id, "join", deviceOf === undefined ? `${name} as ${member}` : `a device of ${deviceOf}`, fingerprint];
  });
  page.table(["ID", "KIND", "WHO", "FINGERPRINT"], rows);
}

export async function showJoin(call: Call): Promise<undefined> {
  const join = await (await call.project()).showJoin(call.args[0] ?? "");
  print(call, "join-request", join, (page) => {
    page.fields([
      ["request", join.id],
      ["asks to join", `${join.name} as ${join.member}`],
      ["device of", join.deviceOf],
      ["fingerprint", join.fingerprint],
      [
        "reading key",
        { proven: "proven", unknown: "not proven to this device", forged: "NOT theirs" }[join.readingKey],
      ],
      ["invited by", join.invitedBy],
      ["roles", join.roles.join(" ") || undefined],
    ]);
    page.hints("Once you compared the fingerprint with them", [`cloister request approve ${join.id} --role ROLE`]);
  });
}

export async function approveJoin(call: Call): Promise<number> {
  const { flags, args } = call;
  const project = await call.project();
  const dryRun = flags.on("dryRun");
  const options = {
    id: args[0] ?? "",
    roles: flags.list("role"),
    member: flags.text("id"),
    justification: flags.text("why") ?? flags.text("justification"),
  };
  if (!dryRun && !flags.on("yes")) {
    // Before the question: a missing role, a proof that is none, a refusal of the policy.
    await project.approveJoin({ ...options, dryRun: true });
    await confirmFingerprint(call, await project.showJoin(options.id));
  }
  const { member, device } = await project.approveJoin({ ...options, dryRun });
  if (member) print(call, "member-add", member, (page) => showAdded(page, member));
  if (device) {
    const verb = dryRun ? "would add a device of" : device.pending ? "asked to add a device of" : "added a device of";
    print(call, "member-add-device", device, (page) => showChanged(page, device, verb));
  }
  return (member ?? device)?.pending && !dryRun ? exitOf("APPROVAL_PENDING") : 0;
}

export async function denyJoin(call: Call): Promise<undefined> {
  if (call.flags.on("dryRun")) throw new CloisterError("USAGE", "a join request is removed or not: no --dry-run");
  const denied = await (await call.project()).denyJoin({ id: call.args[0] ?? "" });
  print(call, "join-denied", denied, (page) => page.done(`removed ${denied.id}; they can ask again`));
}
