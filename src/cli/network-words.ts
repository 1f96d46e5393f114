// How what a command reached, and what it was refused, reads.
import { isIP } from "node:net";
import { CloisterError } from "../base/errors.ts";
import { formatBytes } from "../base/units.ts";
import type { NetworkDecision, RunNetwork, WorkspaceDetail } from "../index.ts";
import type { Cell, Page } from "./output.ts";
import { shellLine } from "./words.ts";

/** Named at the end of a run. */
const NAMED_MAX = 5;

/** Hosts that `run --network` names; empty for `none`, undefined where the flag is not there. @throws CloisterError USAGE */
export function onlyHosts(flags: readonly string[]): readonly string[] | undefined {
  if (flags.length === 0) return undefined;
  if (!flags.includes("none")) return flags;
  if (flags.length === 1) return [];
  throw new CloisterError("USAGE", "--network none stands alone", { next: "--network none, or --network HOST:PORT" });
}

/** What a person is told at the end of a run: what was refused, and what to do about it. */
export function refusedLines(workspace: string, network: RunNetwork | undefined): readonly string[] {
  const refused = (network?.decisions ?? []).filter(({ allowed }) => !allowed);
  const lines = refused
    .slice(0, NAMED_MAX)
    .map((one) => `refused by the network list: ${hostOf(one)}${times(one)}: ${one.why ?? ""}`);
  if (lines.length === 0) return [];
  if (refused.length > NAMED_MAX) lines.push(`and ${String(refused.length - NAMED_MAX)} more`);
  // The policy names hosts, never addresses.
  const unlisted = refused.find(
    ({ host, port }) => port !== 0 && isIP(host) === 0 && !network?.allowed.includes(`${host}:${String(port)}`),
  );
  if (unlisted) {
    const create = `cloister ws create NAME --network ${hostOf(unlisted)}`;
    lines.push(`an owner can add it to workspace.network of a role in the policy; then: ${create}`);
  }
  return [...lines, `all of it: cloister ws show ${workspace} --network`];
}

/** The page of `ws show --network`. */
export function showNetwork(page: Page, { name, network = [], runs }: WorkspaceDetail): void {
  if (page.tty) page.line(name, page.paint.bold);
  page.fields([["network", network.length > 0 ? network.join(", ") : "none"]]);
  for (const run of runs) {
    if (!run.network) continue;
    const command = shellLine(run.argv);
    if (!page.tty) page.fields([["run", command]]);
    page.heading(command.length > page.columns ? `${command.slice(0, page.columns - 1)}…` : command);
    page.table(
      ["HOST", "", "TIMES", "OUT", "IN", "WHY"],
      run.network.decisions.map((decision) => row(page, decision)),
    );
    if (page.tty && run.network.decisions.length === 0) page.line("  it went nowhere", page.paint.dim);
  }
}

function row(page: Page, decision: NetworkDecision): readonly Cell[] {
  const { allowed, count, sent, received, why = "" } = decision;
  const verdict = allowed ? { text: "allowed", paint: page.paint.green } : { text: "refused", paint: page.paint.red };
  const bytes = (value: number) => (allowed ? (page.tty ? formatBytes(value) : String(value)) : "-");
  return [hostOf(decision), verdict, String(count), bytes(sent), bytes(received), why];
}

function hostOf({ host, port }: NetworkDecision): string {
  if (host === "?") return "(no host name)";
  if (host === "*") return "(other hosts)";
  return `${host}:${String(port)}`;
}

function times({ count }: NetworkDecision): string {
  return count === 1 ? "" : ` (${String(count)} times)`;
}
