// Files of this package that stand beside its code.
import { fileURLToPath } from "node:url";

/** The program as it is started. */
export const PROGRAM = fileURLToPath(new URL("../../bin/cloister.js", import.meta.url));

/** Scripts and data of the demo. */
export const DEMO_FILES = fileURLToPath(new URL("../../templates/demo/", import.meta.url));
