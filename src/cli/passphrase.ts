import type { Prompter } from "./prompter.ts";

const FLAG = "--passphrase-file";
/** A floor against slips, not a judgement of strength: scrypt slows guessing down. */
const LENGTH_MIN = 8;

/** Asks for a passphrase without showing it; a new one twice, until both are the same. */
export async function askPassphrase(prompter: Prompter, purpose: "new" | "unlock"): Promise<string> {
  if (purpose === "unlock") return await prompter.hidden({ message: "Passphrase of your identity:", flag: FLAG });
  const first = await prompter.hidden({
    message: "New passphrase for your identity:",
    flag: FLAG,
    check: (text) => (text.length < LENGTH_MIN ? `at least ${String(LENGTH_MIN)} characters` : undefined),
  });
  await prompter.hidden({
    message: "The same once more:",
    flag: FLAG,
    check: (text) => (text === first ? undefined : "that was not the same"),
  });
  return first;
}
