// The environment of a program that is handed a credential: that one, and no other.
import { AWS_CREDENTIAL_VARIABLES, NO_OTHER_CREDENTIALS } from "../../credentials/aws-environment.ts";
import { TOKEN_VARIABLE } from "../../credentials/token.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Cloister itself finds what opens the identity, what logs in, and tokens. */
export const OUR_SECRETS: readonly string[] = ["CLOISTER_PASSPHRASE_FILE", "CLOISTER_TOKEN_FILE", TOKEN_VARIABLE];

/** Variables that must not stand beside these: others would be found first, or after the end of these. */
export function conflicting(given: Environment): readonly string[] {
  return isAws(given) ? AWS_CREDENTIAL_VARIABLES.filter((name) => given[name] === undefined) : [];
}

/** What is set beside the credential, so that no other is found. */
export function guarding(given: Environment): Readonly<Record<string, string>> {
  return isAws(given) ? NO_OTHER_CREDENTIALS : {};
}

function isAws(given: Environment): boolean {
  return Object.keys(given).some((name) => name.startsWith("AWS_"));
}
