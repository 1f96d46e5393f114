import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { PolicyLogRow, PolicySigned, ProposalShown } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showChanges, showLacking, showPending } from "../policy-words.ts";
import { log, minutes } from "../words.ts";
import { wrap } from "../wrap.ts";

export async function sign(call: Call): Promise<number> {
  const { flags, args } = call;
  const project = await call.project();
  const options = { which: args[0], justification: flags.text("why"), dryRun: flags.on("dryRun") };
  if (!options.dryRun && !flags.on("yes")) {
    // Before the question: whether there is something to sign, and whether this member can.
    const { digest } = await project.signProposal({ ...options, dryRun: true });
    await confirmProposal(call, await project.showProposal(digest));
    options.which = digest;
  }
  const signed = await project.signProposal(options);
  print(call, "policy-sign", signed, (page) => showSigned(page, signed));
  return signed.pending ? exitOf("APPROVAL_PENDING") : 0;
}

async function confirmProposal(call: Call, proposal: ProposalShown): Promise<void> {
  const { io, prompter } = call.context;
  if (io.canPrompt) {
    io.err(`\nPolicy v${String(proposal.version)}  sha256:${proposal.digest}\n`);
    if (proposal.why !== undefined) io.err(`because: ${printable(proposal.why)}\n`);
    for (const { sign: mark, text } of proposal.changes) {
      io.err(`  ${mark} ${wrap(printable(text), io.columns - 6).join("\n      ")}\n`);
    }
    if (proposal.changes.length === 0) io.err("  it answers every question as the version in force does\n");
    io.err("\n");
  }
  if (await prompter.confirm({ message: "Sign it for everybody?", default: false, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was signed" });
}

function showSigned(page: Page, { version, digest, again, logEntry, pending, lacking, dryRun }: PolicySigned): void {
  const verb = again ? "you had signed" : dryRun ? "would sign" : "signed";
  page.done(`${verb} policy v${String(version)}  ${page.digest(digest)}`);
  if (pending) showPending(page, pending);
  else page.line(`  ${dryRun ? "it would take force; nothing was written" : `it is in force   ${log(logEntry)}`}`);
  showLacking(page, lacking);
}

export async function list(call: Call): Promise<undefined> {
  const proposals = await (await call.project()).listProposals({ all: call.flags.on("all") });
  print(call, "policy-list", { proposals }, (page) => {
    const rows = proposals.map(({ version, digest, sides, complete, stale, publishers, why }) => {
      const signed = [...new Set(sides.flatMap((side) => side.signed))];
      const missing = sides.flatMap((side) => (side.signed.length < side.threshold ? side.can : []));
      const waits = stale
        ? "overtaken"
        : complete
          ? `to publish: ${publishers.join(" ")}`
          : [...new Set(missing)].join(" ");
      return [
        `v${String(version)}`,
        page.tty ? digest.slice(0, 12) : digest,
        signed.join(" "),
        waits || "-",
        why ?? "-",
      ];
    });
    page.table(["VERSION", "PROPOSAL", "SIGNED BY", "CAN SIGN", "WHY"], rows, ["WHY"]);
    if (page.tty && rows.length === 0 && !page.quiet) page.line("nothing waits for signatures", page.paint.dim);
  });
}

/** `policy show --proposal`. */
export async function showProposal(call: Call): Promise<undefined> {
  const proposal = await (await call.project()).showProposal(call.args[0]);
  print(call, "policy-proposal", proposal, (page) => {
    if (call.flags.on("text")) return page.text(proposal.text);
    page.fields([
      ["version", `v${String(proposal.version)}${proposal.stale ? ", overtaken by another" : ""}`],
      page.digestRow(proposal.digest),
      ["because", proposal.why],
    ]);
    if (!proposal.stale) showPending(page, proposal);
    page.heading("It changes");
    showChanges(page, proposal.changes, "  ");
  });
}

export async function withdraw(call: Call): Promise<undefined> {
  const taken = await (await call.project()).withdrawProposal(call.args[0]);
  print(call, "policy-withdraw", taken, (page) => {
    page.done(`took your signature of policy v${String(taken.version)} back  ${page.digest(taken.digest)}`);
    page.line(
      taken.signed.length > 0 ? `  still signed by ${taken.signed.join(", ")}` : "  nobody has signed it any more",
    );
    if (!page.quiet) page.line("  Whoever copied it has it still, until another version takes force in its place.");
  });
}

export async function history(call: Call): Promise<undefined> {
  const versions = await (await call.project()).policyLog();
  print(call, "policy-log", { versions }, (page) => {
    for (const row of versions) showVersion(page, row);
    if (page.tty)
      page.done(`${versions.length === 1 ? "1 version" : `${String(versions.length)} versions`}: every step holds`);
  });
}

function showVersion(page: Page, row: PolicyLogRow): void {
  const { version, digest, time, logEntry, member, signed, signedBefore, changes } = row;
  const by = [...new Set([...signedBefore, ...signed])];
  const when = page.tty ? `${minutes(time)} UTC` : time;
  page.line(`v${String(version)}  ${page.digest(digest)}  ${when}  ${log(logEntry)}`);
  page.line(`  signed by ${by.join(", ")}; published by ${member}`);
  showChanges(page, changes, "    ");
}
