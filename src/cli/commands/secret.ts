import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs, formatDuration } from "../../base/units.ts";
import type { SecretChanged, SecretSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Cell, type Page, print, warn } from "../output.ts";
import { leaseNamed, printLease, refuseTerminal } from "../secret-lease.ts";
import { readValue } from "../secret-words.ts";
import { log, minutes, minutesUtc, shellWord } from "../words.ts";

export async function set(call: Call): Promise<undefined> {
  const { flags } = call;
  const changed = await (await call.project()).setSecret({
    ...common(call),
    class: flags.text("class"),
    value: () => readValue(call, `Value of ${call.args[0] ?? ""}`),
  });
  said(call, changed, changed.dryRun ? "would set" : "set");
}

export async function rotate(call: Call): Promise<undefined> {
  const { flags, rest, args } = call;
  if (rest?.length === 0 || args.length > 1 + (rest?.length ?? 0)) throw noHook(call);
  const timeout = flags.text("timeout");
  const timeoutMs = timeout === undefined ? HOOK_MS : durationFlagMs(timeout, "--timeout");
  if (flags.on("kept") && rest) throw new CloisterError("USAGE", "--kept stores what a hook gave: it runs none");
  const byHand = () => readValue(call, `New value of ${args[0] ?? ""}`);
  const changed = await (await call.project()).rotateSecret({
    ...common(call),
    value: rest ? { hook: rest, timeoutMs } : flags.on("kept") ? "kept" : byHand,
  });
  said(call, changed, changed.dryRun ? "would rotate" : "rotated");
}

const HOOK_MS = 60_000;

function noHook({ args, rest }: Call): CloisterError {
  const name = args[0] ?? "NAME";
  return new CloisterError("USAGE", "rotate takes one name, and a hook after --", {
    next: `cloister secret rotate ${shellWord(name)} -- ${rest?.length ? "HOOK" : shellWord(args[1] ?? "HOOK")}`,
  });
}

function common(call: Call) {
  const { flags, args } = call;
  const every = flags.text("rotateEvery");
  return {
    ...named(call),
    env: flags.text("env"),
    note: flags.text("note"),
    rotateMs: every === undefined ? undefined : durationFlagMs(every, "--rotate-every"),
    dryRun: flags.on("dryRun"),
    name: args[0] ?? "",
  };
}

function named({ flags, args }: Call) {
  return {
    name: args[0] ?? "",
    domain: flags.text("domain"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
  };
}

function said(call: Call, changed: SecretChanged, verb: string): void {
  call.progress.clear();
  print(call, "secret", changed, (page) => {
    const { reference, class: klass, number, env, dueAt, logEntry, dryRun } = changed;
    page.done(`${verb} secret ${reference}   class ${klass}   value ${String(number)}`);
    const due = dueAt === undefined ? "no rotation asked for" : `due ${dueText(page, dueAt)}`;
    page.line(
      `  ${env === undefined ? "" : `variable ${env}   `}${due}   ${dryRun ? "nothing was written" : log(logEntry)}`,
    );
    if (!dryRun && number === 1) {
      page.hints("Next", [`cloister run WORKSPACE --secret ${changed.name} -- COMMAND`, "cloister secret list"]);
    }
  });
}

export async function list(call: Call): Promise<undefined> {
  const listing = await (await call.project()).listSecrets();
  print(call, "secret-list", listing, (page) => {
    const rows = listing.secrets.map((secret) => listRow(page, secret));
    page.table(["NAME", "DOMAIN", "CLASS", "VALUE", "VARIABLE", "AGE", "DUE (UTC)", "STATE"], rows, [
      "VARIABLE",
      "DOMAIN",
    ]);
    if (page.tty && rows.length === 0 && !page.quiet) {
      page.line("no secrets: cloister secret set NAME", page.paint.dim);
    }
  });
  if (call.json) return;
  for (const { where, count } of listing.hidden) {
    warn(call, `${String(count)} more in ${where}, which you may not read`);
  }
  for (const { what, why } of listing.ignored) warn(call, `ignored: ${what}: ${why}`);
}

function listRow(page: Page, secret: SecretSummary): readonly Cell[] {
  const { name, domain, class: klass, number, env, ageMs, dueAt, overdue } = secret;
  const age = page.tty ? formatDuration(ageMs) : String(Math.round(ageMs / 1000));
  const due = dueAt === undefined ? "-" : page.tty ? minutes(dueAt) : dueAt;
  const state = overdue ? { text: "overdue", paint: page.paint.yellow } : { text: "good", paint: page.paint.green };
  return [name, domain, klass, String(number), env ?? "-", age, due, state];
}

function dueText(page: Page, dueAt: string): string {
  return page.tty ? minutesUtc(dueAt) : dueAt;
}

export async function show(call: Call): Promise<undefined> {
  const { name, domain } = named(call);
  const secret = await (await call.project()).showSecret({ name, domain });
  print(call, "secret", secret, (page) => {
    const { rotateMs, dueAt, overdueWhy } = secret;
    page.fields([
      ["name", secret.reference],
      ["class", secret.class],
      [
        "value",
        `${String(secret.number)}, set by ${secret.setBy} on ${dueText(page, secret.setAt)}   ${log(secret.logEntry)}`,
      ],
      ["variable", secret.env],
      ["note", secret.note],
      ["rotate every", rotateMs === undefined ? undefined : formatDuration(rotateMs)],
      ["due", dueAt === undefined ? undefined : dueText(page, dueAt)],
      ["overdue", overdueWhy === undefined ? undefined : { text: overdueWhy, paint: page.paint.yellow }],
    ]);
  });
}

/** For a pipe or a file. */
export async function lease(call: Call): Promise<undefined> {
  const name = call.args[0] ?? "";
  refuseTerminal(call, name);
  printLease(call, await leaseNamed(call, name, false));
}

export async function remove(call: Call): Promise<undefined> {
  const { flags, context } = call;
  const project = await call.project();
  const options = named(call);
  const dryRun = flags.on("dryRun");
  if (!dryRun && !flags.on("yes")) {
    // Before the question: a secret that is not there, a refusal of the policy.
    const { reference } = await project.removeSecret({ ...options, dryRun: true });
    const message = `Erase secret ${reference} for everybody?`;
    if (!(await context.prompter.confirm({ message, default: false, flag: "--yes" }))) {
      throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was removed" });
    }
  }
  const removed = await project.removeSecret({ ...options, dryRun });
  print(call, "secret-removed", removed, (page) => {
    const end = dryRun ? "nothing was written" : log(removed.logEntry);
    page.done(`${dryRun ? "would remove" : "removed"} secret ${removed.reference}   class ${removed.class}   ${end}`);
  });
}
