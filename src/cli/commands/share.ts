import { basename } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs, formatBytes } from "../../base/units.ts";
import type { ShareOpened, ShareSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Cell, type Page, print, warn } from "../output.ts";
import { files, log, minutes, minutesUtc, shellWord } from "../words.ts";

export async function create(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const reference = args[0] ?? "";
  const [to, ttl] = [flags.text("to"), flags.text("ttl")];
  if (to === undefined || ttl === undefined) {
    throw new CloisterError("USAGE", to === undefined ? "to whom?" : "for how long?", {
      next: `cloister share create ${shellWord(reference)} --to ${to ?? "age1…"} --ttl ${ttl ?? "72h"}`,
    });
  }
  const made = await (await call.project()).createShare({
    reference,
    to,
    ttlMs: durationFlagMs(ttl, "--ttl"),
    output: flags.text("output"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    dryRun: flags.on("dryRun"),
  });
  call.progress.clear();
  print(call, "share", made, (page) => {
    const size = `${formatBytes(made.bytes)} in ${files(made.files)}`;
    page.done(`${made.dryRun ? "would share" : "shared"} ${made.reference}  ${page.digest(made.digest)}  ${size}`);
    page.line(`  to ${made.recipient}`);
    page.line(`  file ${made.file}   until ${time(page, made.expiresAt)} (advisory)`);
    const end = made.dryRun ? "nothing was written" : `share ${made.id.slice(0, 12)}   ${log(made.shareEntry)}`;
    page.line(`  class ${made.class}   ${end}`);
    if (made.dryRun) return;
    const name = shellWord(basename(made.file));
    page.hints("The recipient opens it with", [
      `cloister pull ./${name} -o DIR --identity KEY`,
      `age -d -i KEY ${name} | tar x`,
    ]);
  });
}

export async function list(call: Call): Promise<undefined> {
  const listing = await (await call.project()).listShares();
  print(call, "share-list", listing, (page) => {
    page.table(
      ["SHARE", "ARTIFACT", "CLASS", "BY", "SHARED (UTC)", "UNTIL (UTC)", "STATE", "TO"],
      listing.shares.map((share) => listRow(page, share)),
      ["SHARED (UTC)", "CLASS"],
    );
    if (page.tty && listing.shares.length === 0 && !page.quiet) page.line("nothing was shared", page.paint.dim);
  });
  if (!call.json) for (const text of listing.ignored) warn(call, text);
}

function listRow(page: Page, share: ShareSummary): readonly Cell[] {
  const { id, reference, versionId, domain, state } = share;
  const name = reference ?? `${domain}/(version ${versionId.slice(0, 12)})`;
  const paint = state === "open" ? page.paint.green : page.paint.yellow;
  const at = (text: string) => (page.tty ? minutes(text) : text);
  const shown = page.tty ? id.slice(0, 12) : id;
  const to = share.recipient ?? "-";
  return [
    shown,
    name,
    share.class,
    share.sharedBy,
    at(share.sharedAt),
    at(share.expiresAt),
    { text: state, paint },
    to,
  ];
}

export async function revoke(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const revoked = await (await call.project()).revokeShare({ id: args[0] ?? "", justification: flags.text("why") });
  print(call, "share-revoked", revoked, (page) => {
    const what = revoked.reference === undefined ? "" : ` of ${revoked.reference}`;
    page.done(`revoked share ${revoked.id.slice(0, 12)}${what}   ${log(revoked.logEntry)}`);
    page.line("  what was handed out cannot be taken back: who has the file and the key can read it");
  });
}

/** `cloister pull FILE`: a share instead of an artifact in the store. */
export async function pullShare(call: Call, file: string): Promise<undefined> {
  const { flags } = call;
  const folder =
    flags.text("output") ??
    `./${basename(file)
      .replace(/\.age$/, "")
      .replace(/\.cloister$/, "")}`;
  if (folder === "-" || flags.on("dryRun")) {
    throw new CloisterError("USAGE", `a share is opened into a folder${folder === "-" ? "" : ", or not at all"}`, {
      next: `cloister pull ${shellWord(file)} -o DIR`,
    });
  }
  const opened = await (await call.context.library()).openShare(call.host, call.folder, {
    file,
    folder,
    identity: flags.text("identity"),
    signer: flags.text("signer"),
  });
  call.progress.clear();
  print(call, "share-opened", opened, (page) => showOpened(page, opened, folder));
}

function showOpened(page: Page, opened: ShareOpened, folder: string): void {
  const size = `${formatBytes(opened.bytes)} in ${files(opened.files)}`;
  page.done(`opened ${opened.reference}  ${page.digest(opened.digest)}  ${size}  to ${folder}`);
  page.line(
    `  class ${opened.class}   shared by ${opened.sharedBy}   until ${time(page, opened.expiresAt)} (advisory)`,
  );
  page.line(`  signed by ${opened.fingerprint}`);
  if (opened.vouched) page.line("  the project on this device knows the signer, and the share stands in its log");
  else page.line("  nobody here vouches for that key: compare it with the sharer, by voice (--signer checks it)");
}

function time(page: Page, at: string): string {
  return page.tty ? minutesUtc(at) : at;
}
