import { CloisterError } from "../../base/errors.ts";
import type { KeySummary, Rotated } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showLacking, showPending } from "../policy-words.ts";
import { log, minutes } from "../words.ts";

export async function list(call: Call): Promise<undefined> {
  const keys = await (await call.project()).listKeys();
  print(call, "key-list", { keys }, (page) => {
    page.table(
      ["KEY", "EPOCH", "SINCE (UTC)", "IN USE", "KEPT", "OPENS FOR YOU"],
      keys.map((key) => row(page, key)),
      ["SINCE (UTC)", "KEPT"],
    );
  });
}

function row(page: Page, { domain, class: klass, epoch, since, inUse, kms, held, why }: KeySummary): readonly string[] {
  const time = page.tty ? minutes(since) : since;
  const kept = kms === undefined ? "members" : page.tty ? shortKey(kms) : kms;
  return [`${domain}/${klass}`, String(epoch), time, inUse ? "yes" : "old", kept, held ? "yes" : `no: ${why ?? ""}`];
}

/** The end of a key's ARN tells it from its neighbours. */
function shortKey(kms: string): string {
  return `KMS …${kms.slice(-12)}`;
}

export async function rotate(call: Call): Promise<number> {
  const { flags } = call;
  const options = { domain: flags.text("domain"), class: flags.text("class"), justification: flags.text("why") };
  const project = await call.project();
  const dryRun = flags.on("dryRun");
  if (!dryRun && !flags.on("yes")) await confirmKeys(call, await project.rotateKeys({ ...options, dryRun: true }));
  const rotated = await project.rotateKeys({ ...options, dryRun });
  print(call, "key-rotate", rotated, (page) => showRotated(page, rotated, options.class !== undefined));
  return rotated.pending && !dryRun ? exitOf("APPROVAL_PENDING") : 0;
}

async function confirmKeys(call: Call, next: Rotated): Promise<void> {
  const { io, prompter } = call.context;
  if (io.canPrompt) {
    io.err(`\nNew keys, with policy v${String(next.policyVersion)}:\n`);
    for (const key of next.keys) io.err(`  ${nameOf(key)}   ${keptIn(key.kms, true)}\n`);
    io.err("\n");
  }
  if (await prompter.confirm({ message: "Make them for everybody?", default: false, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was written" });
}

function showRotated(page: Page, rotated: Rotated, oneClass: boolean): void {
  const { keys, dryRun, policyVersion, policyDigest, logEntry } = rotated;
  const verb = dryRun ? "would make" : rotated.pending ? "asked to make" : "made";
  page.done(`${verb} ${keys.length === 1 ? "1 new key" : `${String(keys.length)} new keys`}`);
  for (const key of keys) page.line(`  ${nameOf(key)}   ${keptIn(key.kms, page.tty)}`);
  const end = dryRun ? "nothing was written" : rotated.pending ? "waits for signatures" : log(logEntry);
  page.line(`  policy v${String(policyVersion)}  ${page.digest(policyDigest)}   ${end}`);
  if (rotated.pending) showPending(page, rotated.pending);
  if (page.quiet || dryRun || rotated.pending) return;
  page.line("  What was pushed before stays as it is: readable with the old keys, which stay with their holders.");
  if (oneClass) page.line("  Pushes under the key before are still accepted; without --class they would not be.");
}

function nameOf({ domain, class: klass, epoch }: Rotated["keys"][number]): string {
  return `${domain}/${klass} epoch ${String(epoch)}`;
}

function keptIn(kms: string | undefined, short: boolean): string {
  if (kms === undefined) return "with the members it is for";
  return short ? shortKey(kms) : kms;
}

export async function handOn(call: Call): Promise<undefined> {
  const project = await call.project();
  const keys = await project.handOnKeys();
  const done = await project.handOnHalves();
  print(call, "key-hand-on", { ...done, classKeys: keys.given, lacking: keys.lacking }, (page) => {
    const halves = (count: number) => (count === 1 ? "1 half" : `${String(count)} halves`);
    const nothing = keys.given.length + done.given.length + done.withheld.length + done.taken === 0;
    page.done(nothing ? "nobody lacks what you could give" : "handed on what you hold");
    for (const { member, keys: places } of keys.given) page.line(`  gave ${member} the keys of ${places.join(" ")}`);
    for (const { member, halves: count } of done.given) page.line(`  gave ${member} ${halves(count)}`);
    for (const { member, halves: count } of done.withheld) {
      page.line(`  kept ${halves(count)} from ${member}, who held the other one of the same version`);
    }
    if (done.taken > 0) page.line(`  removed ${halves(done.taken)} of devices that are to hold none any more`);
    showLacking(page, keys.lacking);
  });
}
