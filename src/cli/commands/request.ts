import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs, formatDuration } from "../../base/units.ts";
import type { AnswerOptions, Project, RequestAnswered, RequestCreated, RequestListOptions } from "../../index.ts";
import type { Call } from "../call.ts";
import { approveJoin, denyJoin, isJoin, listJoins, showJoin } from "../join-answers.ts";
import { Page, print, warn } from "../output.ts";
import { showRequest, wantedRows } from "../request-words.ts";
import { left, log, minutes } from "../words.ts";

const KINDS = ["access", "export", "promote", "declassify"] as const;

export async function create(call: Call): Promise<number | undefined> {
  const { flags, args } = call;
  const kind = KINDS.find((each) => each === args[0]);
  if (!kind) {
    throw new CloisterError("USAGE", `${args[0] ?? ""} is nothing to ask for`, { next: `one of: ${KINDS.join(", ")}` });
  }
  const project = await call.project();
  const created = await project.createRequest({
    ...{ kind, reference: args[1] ?? "", to: flags.text("to") },
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: whyOf(call) ?? (await askWhy(call)),
    lastsMs: duration(call, "expires"),
    dryRun: flags.on("dryRun"),
  });
  call.progress.clear();
  if (!flags.on("wait") || created.id === undefined) {
    print(call, "request", created, (page) => showCreated(page, created, call));
    return undefined;
  }
  return await waitFor(call, project, created.id);
}

function whyOf({ flags }: Call): string | undefined {
  return flags.text("why") ?? flags.text("justification");
}

async function askWhy(call: Call): Promise<string> {
  return await call.context.prompter.input({ message: "Why? Those who decide read it:", default: "", flag: "--why" });
}

function showCreated(page: Page, created: RequestCreated, call: Call): void {
  const { id, kind, reference, to, purpose, wanted, expiresAt, logEntry, dryRun } = created;
  const bound = [to === undefined ? "" : ` to ${to}`, purpose === undefined ? "" : ` for ${purpose}`].join("");
  page.done(`${dryRun ? "would ask" : `${id ?? ""} asks`} for ${kind} of ${reference}${bound}`);
  const lasts = left(Date.parse(expiresAt) - call.context.now());
  page.line(`  class ${created.class}   lasts ${lasts}   ${dryRun ? "nothing was written" : log(logEntry)}`);
  page.fields(wantedRows(wanted));
  if (id !== undefined)
    page.hints("They decide with", [`cloister request show ${id}`, `cloister request approve ${id}`]);
}

export async function list(call: Call): Promise<undefined> {
  const { flags } = call;
  const chosen = (["mine", "toApprove", "all"] as const).filter((flag) => flags.on(flag));
  if (chosen.length > 1) throw new CloisterError("USAGE", "--mine, --to-approve or --all: one of them");
  const [flag = "open"] = chosen;
  const which: RequestListOptions["which"] = flag === "toApprove" ? "to-approve" : flag;
  const project = await call.project();
  const listing = await project.listRequests({ which });
  const { joins, junk } = which === "mine" ? { joins: [], junk: 0 } : await project.listJoins();
  print(call, "request-list", { ...listing, joins }, (page) => {
    const rows = listing.requests.map((request) => {
      const { id, kind, state, requestedBy, reference, to, expiresAt, approvedBy, wanted } = request;
      const missing = wanted.flatMap(({ members }) => members);
      const waits = request.waitsForYou ? "you" : [...new Set(missing)].join(" ") || "-";
      const until = page.tty ? minutes(expiresAt) : expiresAt;
      return [
        id,
        kind,
        reference ?? "(sealed)",
        to ?? "-",
        requestedBy,
        state,
        approvedBy.join(" ") || "-",
        waits,
        until,
      ];
    });
    const headings = ["ID", "KIND", "OF", "TO", "BY", "STATE", "APPROVED BY", "WAITS FOR", "UNTIL (UTC)"];
    page.table(headings, rows, ["UNTIL (UTC)", "APPROVED BY", "TO"]);
    listJoins(page, joins);
    if (page.tty && rows.length + joins.length === 0 && !page.quiet) page.line("no requests", page.paint.dim);
  });
  if (junk > 0) warn(call, `${String(junk)} objects among the join requests are none`);
  if (!call.json) for (const { what, why } of listing.ignored) warn(call, `ignored: ${what}: ${why}`);
}

export async function show(call: Call): Promise<undefined> {
  if (isJoin(call)) return await showJoin(call);
  const request = await (await call.project()).showRequest(call.args[0] ?? "");
  print(call, "request-detail", request, (page) => showRequest(page, request));
}

export async function approve(call: Call): Promise<number | undefined> {
  if (isJoin(call)) return await approveJoin(call);
  const { flags } = call;
  const project = await call.project();
  const options = { ...answerOf(call), lastsMs: duration(call, "expires") };
  if (!options.dryRun && !flags.on("yes")) {
    // Before the question: what is no request any more, a refusal of the policy, what cannot be read.
    const { again } = await project.approveRequest({ ...options, dryRun: true });
    if (!again) await confirm(call, project, options.id);
  }
  said(call, await project.approveRequest(options));
  return undefined;
}

/** What is approved is what was on the screen: a request never changes. */
async function confirm(call: Call, project: Project, id: string): Promise<void> {
  const { io, prompter } = call.context;
  if (io.canPrompt) {
    // The question is on standard error, and what it is about stands above it.
    const screen = { ...io, out: io.err, outIsTty: io.errIsTty, outColor: io.errColor };
    showRequest(new Page(screen, true), await project.showRequest(id));
  }
  if (await prompter.confirm({ message: "Approve it?", default: false, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was approved" });
}

export async function deny(call: Call): Promise<undefined> {
  if (isJoin(call)) return await denyJoin(call);
  if (whyOf(call) === undefined) {
    throw new CloisterError("USAGE", "a denial says why", { next: 'add --why "…"' });
  }
  said(call, await (await call.project()).denyRequest(answerOf(call)));
}

export async function withdraw(call: Call): Promise<undefined> {
  said(call, await (await call.project()).withdrawRequest(answerOf(call)));
}

export async function revoke(call: Call): Promise<undefined> {
  said(call, await (await call.project()).revokeRequest(answerOf(call)));
}

export async function wait(call: Call): Promise<number | undefined> {
  return await waitFor(call, await call.project(), call.args[0] ?? "");
}

async function waitFor(call: Call, project: Project, id: string): Promise<undefined> {
  const timeoutMs = duration(call, "timeout");
  const most = timeoutMs === undefined ? "" : `, ${formatDuration(timeoutMs)} at most`;
  call.host.notice(`waiting for ${id}${most} (Ctrl-C: it stays open)`);
  const request = await project.waitForRequest({ id, timeoutMs });
  print(call, "request-detail", request, (page) => showRequest(page, request));
}

function answerOf(call: Call): AnswerOptions {
  const { flags, args } = call;
  return { id: args[0] ?? "", justification: whyOf(call), dryRun: flags.on("dryRun") };
}

const DONE = { approve: "approved", deny: "denied", revoke: "revoked", withdraw: "withdrew" } as const;

function said(call: Call, answered: RequestAnswered): void {
  call.progress.clear();
  print(call, "request-answered", answered, (page) => {
    const { id, verdict, reference, state, wanted, logEntry, again, dryRun } = answered;
    const verb = dryRun && !again ? `would have ${DONE[verdict].replace("withdrew", "withdrawn")}` : DONE[verdict];
    page.done(`${again ? "you approved" : verb} ${id}${reference === undefined ? "" : `   ${reference}`}`);
    const end = dryRun && !again ? "nothing was written" : log(logEntry);
    page.line(`  it is ${state}   ${again ? `since ${end}` : end}`);
    page.fields([["released", releasedText(answered)], ...wantedRows(wanted)]);
  });
}

/** What a version's key is worth once it was given away. */
function releasedText({ released }: RequestAnswered): string | undefined {
  if (!released) return undefined;
  return `your half of the version's key, to ${String(released.devices)} of their devices: with both halves it is theirs for good`;
}

function duration(call: Call, flag: "expires" | "timeout"): number | undefined {
  const text = call.flags.text(flag);
  return text === undefined ? undefined : durationFlagMs(text, `--${flag}`);
}
