import { readFile, stat } from "node:fs/promises";
import { relative, resolve } from "node:path";
import type { Joined } from "../../index.ts";
import type { Call } from "../call.ts";
import { nameProblem } from "../init-answers.ts";
import { type Page, print } from "../output.ts";
import { projectFolder } from "../project-folder.ts";
import { reachOf } from "../reach.ts";
import { shellWord } from "../words.ts";

export async function join(call: Call): Promise<undefined> {
  const place = call.args[0] ?? "";
  const invitation = await invitationIn(call, place);
  await joinStore(call, invitation === undefined ? place : "", call.args[1], invitation);
}

const INVITATION = "cloister-invite-1.";
const INVITATION_BYTES_MAX = 64 * 1024;

/** The line of an invitation, given as it is or in a file. */
async function invitationIn(call: Call, place: string): Promise<string | undefined> {
  if (place.startsWith(INVITATION)) return place;
  const file = resolve(call.context.cwd, place);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > INVITATION_BYTES_MAX) return undefined;
  const text = (await readFile(file, "utf8")).trim();
  return text.startsWith(INVITATION) ? text : undefined;
}

/** Joins the project in a store; also what `init --join` does. */
export async function joinStore(
  call: Call,
  store: string,
  dir: string | undefined,
  invitation?: string,
): Promise<void> {
  const { flags, host } = call;
  const library = await call.library();
  const folder = projectFolder(call, dir);
  const found = await library.detect(host, folder);
  const joined = await library.join(host, {
    folder,
    store,
    ...reachOf(flags),
    invitation,
    deviceOf: flags.text("deviceOf"),
    member:
      flags.text("as") ??
      flags.text("deviceOf") ??
      (await ask(call, "--as", "Member id you would like:", found.member, nameProblem)),
    name: flags.text("name") ?? (await ask(call, "--name", "Your name, as colleagues read it:", found.name)),
    expectPolicy: flags.text("expect"),
    signingKey: flags.text("signingKey"),
  });
  call.progress.clear();
  print(call, "join", joined, (page) => showJoined(page, joined, call));
}

/** What was detected is good enough where no one can be asked. */
async function ask(
  call: Call,
  flag: string,
  message: string,
  initial: string,
  check?: (text: string) => string | undefined,
): Promise<string> {
  const { io, prompter } = call.context;
  if (!io.canPrompt || call.flags.on("yes")) return initial;
  return await prompter.input({ message, default: initial, flag, ...(check && { check }) });
}

function showJoined(page: Page, joined: Joined, call: Call): void {
  if (joined.member) page.done(`you are a member of ${joined.project}: ${joined.member}`);
  else page.done(`asked to join ${joined.project}`);
  page.fields([
    ["folder", joined.folder],
    ["store", joined.store],
    ["policy", `v${String(joined.policyVersion)}`],
    ["policy fingerprint", joined.policyFingerprint],
    ["your fingerprint", joined.fingerprint],
    ["kept in", joined.identityStorage],
    ["invited by", joined.invitedBy],
    ["request", joined.request],
    ["line", page.tty || joined.member ? undefined : joined.line],
  ]);
  if (joined.member || !page.tty) return;
  if (joined.request === undefined) {
    page.heading("Hand this line to a steward of the project");
    page.line(joined.line);
    page.hints("They add you with", ["cloister member add 'LINE' --role ROLE"]);
  } else {
    page.hints("Tell a steward, and read your fingerprint to them. They let you in with", [
      `cloister request approve ${joined.request} --role ROLE`,
    ]);
    page.heading("Or hand them this line, for: cloister member add 'LINE' --role ROLE");
    page.line(joined.line);
  }
  if (!page.quiet && call.flags.text("expect") === undefined && joined.invitedBy === undefined) {
    page.heading("Before you trust what you pull");
    page.line("  Read the policy fingerprint to them: theirs (cloister status) must be the same.");
  }
  const away = relative(call.context.cwd, joined.folder);
  page.hints("Once they added you", [...(away === "" ? [] : [`cd ${shellWord(away)}`]), "cloister status"]);
}
