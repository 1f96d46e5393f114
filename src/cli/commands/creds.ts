import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { formatDuration } from "../../base/units.ts";
import type { CredentialSummary, Host, IssuedCredential } from "../../index.ts";
import type { Call } from "../call.ts";
import { credentialOptions } from "../credential-flags.ts";
import { print, type Row } from "../output.ts";
import { leaseNamed, printLease, refuseTerminal, secretAskedFor } from "../secret-lease.ts";
import { exportLines, SHELLS } from "../shell-export.ts";
import { left, log, minutesUtc, promptText, shellLine, shellWord } from "../words.ts";

export async function get(call: Call): Promise<undefined> {
  const secret = secretAskedFor(call.flags);
  if (secret !== undefined) {
    refuseTerminal(call, secret);
    printLease(call, await leaseNamed(call, secret, false));
    return;
  }
  const credential = await (await call.project()).getCredential(credentialOptions(call.flags));
  const { environment } = credential;
  print(call, "credential", credential, (page) => {
    // One value alone is what a script wants: `$(cloister creds get)`.
    const values = Object.entries(environment);
    const [only] = values.length === 1 ? values : [];
    if (only) page.drawn(printable(only[1]));
    else for (const [name, value] of values) page.drawn(`${name}=${printable(value)}`);
  });
  tellOf(call, credential);
}

export async function env(call: Call): Promise<undefined> {
  const secret = secretAskedFor(call.flags);
  if (secret !== undefined) {
    refuseTerminal(call, secret);
    const { credential } = await leaseNamed(call, secret, true);
    return printEnvironment(call, credential.environment, new Date(credential.expiresAtMs).toISOString());
  }
  const credential = await (await call.project()).getCredential(credentialOptions(call.flags));
  await printEnvironment(call, credential.environment, credential.expiresAt);
  tellOf(call, credential);
}

async function printEnvironment(
  call: Call,
  environment: IssuedCredential["environment"],
  expiresAt: string,
): Promise<undefined> {
  const { set, unset } = await (await call.library()).credentialEnvironment(environment);
  if (call.json) print(call, "credential-env", { set, unset, expiresAt }, () => {});
  else call.context.io.out(exportLines(call.flags.choice("shell", SHELLS) ?? "bash", set, unset));
}

/** What a person at a terminal wants to know besides, where standard output goes elsewhere. */
export function tellOf(call: Call, { provider, role, leftMs, reused, logEntry }: IssuedCredential): void {
  if (call.json || call.quiet || !call.context.io.errIsTty) return;
  const from = reused ? "kept since" : "issued as";
  call.progress.note(`${provider} credentials of role ${role}, ${left(leftMs)} left; ${from} ${log(logEntry)}`, "dim");
}

/** AWS's credential_process: one document, no questions. */
export async function credentialProcess(call: Call): Promise<undefined> {
  const { env: variables, io } = call.context;
  if (variables[INSIDE]) {
    throw new CloisterError("NOT_AUTHENTICATED", "the profile that cloister asks with asks cloister itself", {
      why: "its credential_process is this command",
      next: "cloister creds process --profile NAME, with a profile that has keys of its own",
    });
  }
  // The SDK may start the credential process of a profile, and hands its own environment on.
  process.env[INSIDE] = "1";
  const library = await call.library();
  const project = await library.open(silent(call), { folder: call.folder });
  io.out(`${JSON.stringify(await project.credentialProcess(credentialOptions(call.flags, "aws")))}\n`);
}

const INSIDE = "CLOISTER_CREDENTIAL_PROCESS";

/** A host where every question is answered with the command that can ask it. */
function silent({ host, flags }: Call): Host {
  const given = ["role", "domain", "purpose", "ttl", "profile"].flatMap((name) => {
    const value = flags.text(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const readOnly = flags.on("readOnly") ? ["--read-only"] : [];
  const next = shellLine(["cloister", "creds", "get", "--provider", "aws", ...given, ...readOnly]);
  const refuse = (message: string) => async (): Promise<string> => {
    const why = "a credential process asks no one";
    throw new CloisterError("NOT_AUTHENTICATED", message, { why, next: `in a terminal: ${next}` });
  };
  return {
    ...host,
    askPassphrase: refuse("the identity of this device is locked"),
    askCode: refuse("AWS asks for a second factor"),
  };
}

export async function list(call: Call): Promise<undefined> {
  const listing = await (await call.library()).listCredentials(call.host, call.folder);
  print(call, "credential-list", listing, (page) => {
    page.table(
      ["PROVIDER", "ROLE", "LEFT", "PURPOSE", "GOOD FOR", "LOG"],
      listing.credentials.map((credential) => {
        const { provider, role, leftMs, purpose, places, logEntry } = credential;
        const time = page.tty ? left(leftMs) : String(Math.round(leftMs / 1000));
        return [provider, role, time, purpose ?? "-", scope(credential, places), entry(logEntry)];
      }),
      ["LOG", "PURPOSE"],
    );
    const { serves } = listing;
    if (serves.length > 0) page.heading("Endpoints");
    page.table(
      ["PID", "ROLE", "SINCE", "AT"],
      serves.map(({ pid, role, since, at }) => [String(pid), role ?? "-", minutesUtc(since), at]),
    );
    if (page.tty && !page.quiet && listing.credentials.length + serves.length === 0) {
      page.line("no credentials are kept: cloister creds get", page.paint.dim);
    }
  });
}

function entry(number: number | undefined): string {
  return number === undefined ? "-" : `#${String(number)}`;
}

function scope({ readOnly }: CredentialSummary, places: readonly string[]): string {
  return `${places.join(" ") || "this device's own work"}${readOnly ? " (read-only)" : ""}`;
}

export async function status(call: Call): Promise<undefined> {
  const { credentials } = await (await call.library()).listCredentials(call.host, call.folder);
  const [soonest] = credentials;
  if (call.flags.on("prompt") && !call.json) {
    if (soonest) call.context.io.out(`${promptText(soonest)}\n`);
    return;
  }
  print(call, "credential-status", { credentials }, (page) => {
    if (credentials.length === 0) page.line("no credentials are kept");
    for (const each of credentials) page.fields(rowsOf(each));
  });
}

function rowsOf(credential: CredentialSummary): readonly Row[] {
  const { provider, role, member, places, purpose, audience, leftMs, expiresAt, kept, logEntry } = credential;
  return [
    ["provider", provider],
    ["role", `${role} (${member})`],
    ["left", `${left(leftMs)} (until ${minutesUtc(expiresAt)})`],
    ["purpose", purpose],
    ["audience", audience],
    ["good for", scope(credential, places)],
    ["kept in", kept],
    ["log", entry(logEntry)],
  ];
}

export async function revoke(call: Call): Promise<undefined> {
  const library = await call.library();
  const here = await library.revokeCredentials(call.host, call.folder);
  const nothing = { serverPolicy: undefined, serverRoles: [] };
  const server = call.flags.on("server") ? await (await call.project()).credentialRevocation() : nothing;
  print(call, "credential-revoked", { ...here, ...server }, (page) => {
    if (server.serverPolicy) {
      page.drawn(JSON.stringify(server.serverPolicy, null, 2));
      for (const arn of server.serverRoles) {
        const name = arn.split("/").at(-1) ?? "";
        const role = `--role-name ${shellWord(name)} --policy-name revoked`;
        call.progress.note(`put it on: aws iam put-role-policy ${role} --policy-document file://FILE`);
      }
      return;
    }
    const ended =
      here.serves === 0 ? "" : `, ${String(here.serves)} ${here.serves === 1 ? "endpoint" : "endpoints"} ended`;
    page.done(
      `${String(here.credentials)} kept ${here.credentials === 1 ? "credential" : "credentials"} forgotten${ended}`,
    );
    page.hints("What programs were handed lives on to its end. In AWS", ["cloister creds revoke --server"]);
  });
}

/** Chooses the role in which this device works with the store. */
export async function use(call: Call): Promise<undefined> {
  const { flags } = call;
  if (flags.on("off")) {
    await (await call.library()).dropOwnRole(call.host, call.folder);
    print(call, "credential-use", { own: null }, (page) => page.done("the store is opened with the keys at hand"));
    return;
  }
  const asked = { role: flags.text("role"), purpose: flags.text("purpose", "CLOISTER_PURPOSE") };
  const own = await (await call.project()).useOwnRole(asked);
  print(call, "credential-use", { own }, (page) => {
    page.done(`the store is opened as ${own.member} in role ${own.role}   ${own.roleArn}`);
  });
}

export async function explain(call: Call): Promise<undefined> {
  const explained = await (await call.project()).explainCredential(credentialOptions(call.flags));
  print(call, "credential-explained", explained, (page) => {
    const { provider, role, roleArn, member, ttlMs, purpose, places, chars, charsMax } = explained;
    page.fields([
      ["provider", provider],
      ["role", `${role} (${member})`],
      ["in AWS", roleArn],
      ["lives", formatDuration(ttlMs)],
      ["purpose", purpose],
      ["good for", places.join(" ")],
      ...explained.refused.map(({ place, why }): Row => ["not for", `${place}: ${why}`]),
      ["size", chars === undefined ? undefined : `${String(chars)} of ${String(charsMax)} characters`],
    ]);
    if (explained.statements.length > 0) page.heading("Statements, and the lines of the policy they come from");
    page.fields(explained.statements.map(({ what, lines }): Row => [linesText(lines), what]));
    if (explained.document) page.heading("Session policy");
    if (explained.document && page.tty) page.text(`${JSON.stringify(explained.document, null, 2)}\n`);
    else if (explained.document) page.drawn(`document\t${printable(JSON.stringify(explained.document))}`);
  });
}

function linesText(lines: readonly number[]): string {
  return lines.length === 0 ? "built in" : `line ${lines.map(String).join(", ")}`;
}

/** Always a JSON Web Key Set: it is for verifiers, who know no schema of ours. */
export async function jwks(call: Call): Promise<undefined> {
  call.context.io.out(`${JSON.stringify(await (await call.project()).credentialKeys(), null, 2)}\n`);
}
