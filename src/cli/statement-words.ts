// Statements about a version, as `show` prints them.
import type { VersionDetail } from "../index.ts";
import type { Call } from "./call.ts";
import { Page } from "./output.ts";
import { log, minutes } from "./words.ts";

/** One line for each statement; one that its member took back by another is dim. */
export function showStatements(page: Page, { statements }: VersionDetail): void {
  if (statements.length === 0) return;
  page.heading("Statements");
  const rows = statements.map(({ kind, result, by, at, logEntry, digest, stands, document, problem }) => {
    const paint = stands ? (result === "pass" ? page.paint.green : page.paint.red) : page.paint.dim;
    const behind = problem ?? document?.name ?? "";
    const state = stands ? result : `${result}, superseded`;
    const short = page.tty ? digest.slice(0, 12) : digest;
    const cells = [kind, { text: state, paint }, by, page.tty ? minutes(at) : at, log(logEntry), short, behind];
    return page.tty ? cells : ["statement", ...cells];
  });
  page.table(["STATES", "RESULT", "BY", "AT (UTC)", "LOG", "STATEMENT", "DOCUMENT"], rows, ["LOG"]);
}

/** The document behind a statement, as it was. */
export async function showDocument(call: Call, reference: string, digest: string): Promise<undefined> {
  const { io } = call.context;
  const document = Buffer.from(await (await call.project()).statementDocument(reference, digest));
  // Somebody else's bytes: a terminal gets only what can be printed.
  if (io.outIsTty) new Page(io, call.quiet).text(document.toString("utf8"));
  else io.stdout.write(document);
}
