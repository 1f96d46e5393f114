import { CloisterError } from "../../base/errors.ts";
import type { BreakGlassSaid, BreakGlassSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { Page, print, warn } from "../output.ts";
import { log, minutes, minutesUtc } from "../words.ts";

export async function invoke(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const reference = args[0] ?? "";
  const options = {
    ...{ reference, justification: await whyOf(call, "What happened? Those who are told read it:") },
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    dryRun: flags.on("dryRun"),
  };
  const made = await (await call.project()).invokeBreakGlass(options);
  if (!made) {
    print(call, "break-glass-dry-run", { reference, allowed: true }, (page) => {
      page.done(`you could break the glass for ${reference}: nothing was written`);
    });
    return;
  }
  print(call, "break-glass", made, (page) => {
    page.done(`${made.id}: break-glass for ${made.reference ?? reference}   ${log(made.logEntry)}`);
    page.line(`  opens once one of them consents until ${minutesUtc(made.until)}: ${made.waitsFor.join(", ")}`);
    if (!page.quiet) page.hints("They decide with", [`cloister break-glass approve ${made.id}`]);
  });
}

export async function approve(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const id = args[0] ?? "";
  const dryRun = flags.on("dryRun");
  const project = await call.project();
  if (!dryRun && !flags.on("yes")) {
    const { io, prompter } = call.context;
    await project.consentToBreakGlass({ id, dryRun: true });
    if (io.canPrompt) {
      // The question is on standard error, and what it is about stands above it.
      const screen = { ...io, out: io.err, outIsTty: io.errIsTty, outColor: io.errColor };
      showOne(new Page(screen, true), await project.showBreakGlass(id));
    }
    if (!(await prompter.confirm({ message: "Consent to it?", default: false, flag: "--yes" }))) {
      throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was opened" });
    }
  }
  said(call, await project.consentToBreakGlass({ id, dryRun }), ({ invokedBy, until }, page) => {
    page.line(`  ${invokedBy} can open it until ${minutesUtc(until)}, and has its key for good`);
  });
}

export async function review(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const outcome = flags.text("outcome");
  if (outcome !== "justified" && outcome !== "unjustified") {
    throw new CloisterError("USAGE", "what does it look like to you?", { next: "--outcome justified or unjustified" });
  }
  const justification = await whyOf(call, "What did you look at, and find?");
  const options = { id: args[0] ?? "", outcome, justification, dryRun: flags.on("dryRun") } as const;
  said(call, await (await call.project()).reviewBreakGlass(options), ({ invokedBy, review: state }, page) => {
    if (state === outcome) page.line(`  ${invokedBy} can be granted access again`);
  });
}

async function whyOf({ flags, context }: Call, message: string): Promise<string> {
  const given = flags.text("why") ?? flags.text("justification");
  return given ?? (await context.prompter.input({ message, default: "", flag: "--why" }));
}

function said(call: Call, answered: BreakGlassSaid, more: (answered: BreakGlassSaid, page: Page) => void): void {
  print(call, "break-glass", answered, (page) => {
    const { id, dryRun, logEntry } = answered;
    if (dryRun) {
      page.done(`${id} stands as it is: nothing was written`);
      return;
    }
    page.done(`${id} is ${answered.state}, its review ${answered.review}   ${log(logEntry)}`);
    more(answered, page);
  });
}

export async function list(call: Call): Promise<undefined> {
  const listing = await (await call.project()).listBreakGlass();
  print(call, "break-glass-list", listing, (page) => {
    const rows = listing.emergencies.map((each) => {
      const until = page.tty ? minutes(each.until) : each.until;
      const waits = each.waitsForYou ? "you" : each.waitsFor.join(" ") || "-";
      const of = each.reference ?? `${each.domain}/${each.class}`;
      return [each.id, of, each.invokedBy, each.consentedBy ?? "-", each.state, until, each.review, waits];
    });
    page.table(["ID", "OF", "BY", "WITH", "STATE", "UNTIL (UTC)", "REVIEW", "WAITS FOR"], rows, ["UNTIL (UTC)", "OF"]);
    if (page.tty && rows.length === 0 && !page.quiet) page.line("no emergencies", page.paint.dim);
  });
  if (!call.json) for (const { what, why } of listing.ignored) warn(call, `ignored: ${what}: ${why}`);
}

export async function show(call: Call): Promise<undefined> {
  const emergency = await (await call.project()).showBreakGlass(call.args[0] ?? "");
  print(call, "break-glass", emergency, (page) => showOne(page, emergency));
}

function showOne(page: Page, emergency: BreakGlassSummary): void {
  const { id, state, reference, problem, used } = emergency;
  const time = (text: string) => (page.tty ? minutesUtc(text) : text);
  const paint = state === "open" || state === "active" ? page.paint.yellow : page.paint.dim;
  page.fields([
    ["emergency", id],
    ["state", { text: state, paint }],
    ["of", reference ?? "a version that is sealed to others"],
    ["class", `${emergency.domain}/${emergency.class}`],
    ["version id", emergency.versionId],
    ["invoked by", `${emergency.invokedBy} on ${time(emergency.invokedAt)}`],
    ["why", emergency.justification],
    ["consent", emergency.consentedBy ?? "none yet"],
    [state === "open" ? "consent until" : "open until", time(emergency.until)],
    ["used", used.length === 0 ? undefined : used.map((entry) => log(entry)).join(", ")],
    ["review", reviewText(emergency, time)],
    ["waits for", emergency.waitsFor.join(", ") || undefined],
    ["problem", problem === undefined ? undefined : { text: problem, paint: page.paint.red }],
  ]);
  if (!emergency.waitsForYou || page.quiet) return;
  const review = `cloister break-glass review ${id} --outcome justified --why "…"`;
  page.hints("It waits for you", [state === "open" ? `cloister break-glass approve ${id}` : review]);
}

function reviewText({ review, reviewBy, reviewedBy }: BreakGlassSummary, time: (text: string) => string): string {
  if (reviewedBy !== undefined) return `${review}, by ${reviewedBy}`;
  return reviewBy === undefined ? review : `${review}, by ${time(reviewBy)}`;
}
