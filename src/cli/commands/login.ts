import { CloisterError } from "../../base/errors.ts";
import { printable, printableJson } from "../../base/terminal.ts";
import type { LoggedIn, LoginOptions, LoginPlace } from "../../index.ts";
import { openInBrowser } from "../browser.ts";
import type { Call } from "../call.ts";
import { howText } from "../login-words.ts";
import { type Page, print } from "../output.ts";
import { minutesUtc } from "../words.ts";

export async function login(call: Call): Promise<undefined> {
  const { way, tokenFile } = wayOf(call);
  const project = await call.project();
  const show = (place: LoginPlace): void => call.context.io.err(directions(call, place));
  const done = await project.login({ way, tokenFile, secondFactor: call.flags.on("mfa"), show });
  call.progress.clear();
  print(call, "login", done, (page) => showLogin(page, done));
}

export async function logout(call: Call): Promise<undefined> {
  const done = await (await call.project()).logout();
  print(call, "logout", done, (page) => {
    if (!done.forgotten) return page.done("nobody was logged in");
    page.done(done.revoked ? "logged out, here and at the provider" : "logged out on this device");
  });
}

/** A flag first, then the token file of a CI system, then the browser where somebody sits in front of one. */
function wayOf({ flags, context }: Call): Pick<LoginOptions, "way" | "tokenFile"> {
  const given = flags.text("tokenFile");
  if (flags.on("device") && given !== undefined) {
    throw new CloisterError("USAGE", "--device and --token-file exclude each other", { next: "leave one of them out" });
  }
  if (flags.on("device")) return { way: "device" };
  const tokenFile = given ?? (flags.off("browser") ? undefined : context.env["CLOISTER_TOKEN_FILE"]);
  if (tokenFile) return { way: "token-file", tokenFile };
  if (context.io.canPrompt || flags.off("browser")) return { way: "browser" };
  throw new CloisterError("USAGE", "no one can be asked to log in here", {
    why: "this is no terminal",
    next: "give --token-file FILE (or CLOISTER_TOKEN_FILE) in CI; --device or --no-browser where somebody waits",
  });
}

/** What the person has to do; a program that shows it gets one line of JSON. Not left out by --quiet: it is the way on. */
function directions(call: Call, place: LoginPlace): string {
  if (call.json) return `${printableJson({ login: place })}\n`;
  if (place.way === "device") {
    const complete = place.completeUrl === undefined ? "" : `\n  or    ${printable(place.completeUrl)}`;
    const steps = `  open  ${printable(place.url)}\n  code  ${printable(place.code)}${complete}`;
    return `Log in with a browser, on any machine\n${steps}\nwaiting (Ctrl-C stops)\n`;
  }
  const opened = !call.flags.off("browser") && openInBrowser(place.url, call.context.env);
  const lead = opened ? "Your browser opens. Where it does not, open" : "Open in a browser on this machine";
  const elsewhere = opened ? "" : "\nwhere the browser is on another machine: cloister login --device";
  return `${lead}\n  ${printable(place.url)}${elsewhere}\nwaiting (Ctrl-C stops)\n`;
}

function showLogin(page: Page, done: LoggedIn): void {
  page.done(`logged in to ${done.project} as ${done.member}`);
  page.fields([
    ["issuer", done.issuer],
    ["subject", done.sub],
    ["audience", done.audience.join(", ")],
    ["token", `until ${minutesUtc(done.expiresAt)}${done.renewable ? ", renewed without asking" : ""}`],
    [
      "second factor",
      done.secondFactor ? howText(done) : `no${done.amr.length > 0 ? ` (${done.amr.join(", ")})` : ""}`,
    ],
    ["kept in", done.storage],
  ]);
}
