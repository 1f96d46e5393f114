import type { Prompter } from "./prompter.ts";

const FLAG = "--passphrase-file";
/** Below this, guessing against scrypt is cheap (src/keys/passphrase.ts warns of it in a file). */
const LENGTH_MIN = 10;
const RULE = `at least ${String(LENGTH_MIN)} characters`;

/**
 * Asks for a passphrase, shown as stars; a new one twice. What is refused is asked for anew from nothing: nobody can
 * mend what they cannot see.
 */
export async function askPassphrase(prompter: Prompter, purpose: "new" | "unlock"): Promise<string> {
  const ask = async (message: string): Promise<string> => await prompter.hidden({ message, flag: FLAG });
  if (purpose === "unlock") {
    let typed = "";
    while (typed === "") typed = await ask("Passphrase of your identity:");
    return typed;
  }
  for (let refused = ""; ; ) {
    const first = await ask(`${refused}New passphrase, ${RULE}:`);
    if ([...first].length < LENGTH_MIN) refused = "That was too short. ";
    else if ((await ask("The same once more:")) === first) return first;
    else refused = "The two differ. ";
  }
}
