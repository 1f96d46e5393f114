import { checkName } from "../../base/name.ts";

/** Names of inputs are folder names in the volume. @throws {@link CloisterError} USAGE */
export function checkInputName(name: string): string {
  return checkName(name, "name of an input");
}
