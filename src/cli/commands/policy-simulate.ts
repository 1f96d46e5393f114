import { durationFlagMs } from "../../base/units.ts";
import type { PolicySimulated, SimulatedEntry } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { minutes } from "../words.ts";

export async function simulate(call: Call): Promise<undefined> {
  const { simulatePolicy } = await call.library();
  const since = durationFlagMs(call.flags.text("since") ?? "30d", "--since");
  const simulated = await simulatePolicy(call.host, call.folder, { policy: call.flags.text("file"), sinceMs: since });
  print(call, "policy-simulate", simulated, (page) => showSimulated(page, simulated));
}

function showSimulated(page: Page, simulated: PolicySimulated): void {
  const { policy, since, replayed, refused, allowed, unclear, notKnown } = simulated;
  const entries = `${String(replayed)} entries since ${minutes(since)} UTC`;
  showEntries(page, "refused", refused);
  showEntries(page, "allowed", allowed);
  showEntries(page, "unclear", unclear);
  const counts = `${String(refused.length)} refused now, ${String(allowed.length)} allowed now`;
  const open = unclear.length === 0 ? "" : `, ${String(unclear.length)} by what is not known`;
  if (refused.length + unclear.length + allowed.length === 0) page.done(`${policy} decides ${entries} as they were`);
  else page.line(`${policy} on ${entries}: ${counts}${open}`);
  for (const text of notKnown) page.line(`  not known, taken as it was: ${text}`);
}

/** One entry a line: what would become of it, and the first rule that decides it. */
function showEntries(page: Page, what: string, entries: readonly SimulatedEntry[]): void {
  page.table(
    ["", "entry", "time", "member", "action", "class", "rule"],
    entries.map(({ entry, time, member, action, domain, class: klass, rules }) => {
      const place = domain === undefined ? "-" : `${domain}/${klass ?? "-"}`;
      const [first] = rules;
      const line = first?.line === undefined ? "" : `, line ${String(first.line)}`;
      return [what, `#${String(entry)}`, minutes(time), member, action, place, `${first?.rule ?? ""}${line}`];
    }),
    ["time"],
  );
}
