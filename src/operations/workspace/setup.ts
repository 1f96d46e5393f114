// The commands of an environment template, run once in a workspace that is not made before they have succeeded.
import { Readable, Writable } from "node:stream";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { mayI } from "../guard.ts";
import type { Session } from "../session.ts";
import { outputAsk, run } from "./run.ts";
import type { WorkspaceState } from "./state.ts";

const SHOWN_BYTES_MAX = 2000;

/** @throws CloisterError FAILURE where the command fails, POLICY_DENIED (logged) */
export async function setUp(session: Session, state: WorkspaceState, command: readonly string[]): Promise<void> {
  let text = "";
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text = `${text}${String(chunk)}`.slice(-SHOWN_BYTES_MAX);
      done();
    },
  });
  const { name, environment } = state;
  const streams = { stdin: Readable.from([]), stdout: sink, stderr: sink };
  const { exit, network } = await run(session, { workspace: name, argv: command }, streams, {
    output: "withheld",
    making: state,
  });
  const refused = (network?.decisions ?? []).flatMap(({ allowed, host, port }) =>
    allowed ? [] : [`${host}:${String(port)}`],
  );
  if (exit === 0) {
    if (refused.length > 0) session.host.notice(`refused by the network list during setup: ${refused.join(", ")}`);
    return;
  }
  const reached = refused.length === 0 ? "" : `; refused by the network list: ${refused.join(", ")}`;
  throw new CloisterError("FAILURE", `environment template ${environment.template?.name ?? ""} could not be set up`, {
    why: `${command[0] ?? ""} ended with ${String(exit)}${(await mayShow(session, state)) ? lastLines(text) : ""}${reached}`,
    next: "no workspace was made; create it without --template and run the command by hand to see more",
  });
}

/** What it printed may hold what is in the inputs: it is shown where they could be taken out. */
async function mayShow(session: Session, state: WorkspaceState): Promise<boolean> {
  for (const input of state.inputs) if (!(await mayI(session, outputAsk(state, input, "")))) return false;
  return true;
}

function lastLines(text: string): string {
  const lines = text.split("\n").map((line) => printable(line).trim());
  const last = lines.filter((line) => line !== "").slice(-3);
  return last.length === 0 ? "" : `: ${last.join(" / ")}`;
}
