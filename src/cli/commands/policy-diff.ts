import type { PolicyChange, PolicyDiff } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showChanges } from "../policy-words.ts";

export async function diff(call: Call): Promise<number> {
  const { diffPolicies } = await call.library();
  const [before, after] = call.args;
  const found = await diffPolicies(call.host, call.folder, { before, after });
  print(call, "policy-diff", found, (page) => showDiff(page, found));
  return call.flags.on("exitCode") && !found.same ? exitOf("FAILURE") : 0;
}

function showDiff(page: Page, { before, after, same, changes, asked }: PolicyDiff): void {
  const both = `${before.policy} and ${after.policy}`;
  if (same) {
    // Where they say the same, nothing had to be asked.
    const alike = asked === 0 ? "everything" : `${String(asked / 2)} questions`;
    page.done(`${both} answer ${alike} alike, and name the same people`);
    return;
  }
  showChanges(page, changes);
  const count = (direction: PolicyChange["direction"]) => changes.filter((each) => each.direction === direction).length;
  page.hints("In all", [
    `${String(count("wider"))} allow more, ${String(count("narrower"))} allow less, ${String(count("other"))} neither`,
  ]);
}
