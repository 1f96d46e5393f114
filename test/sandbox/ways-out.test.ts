import { waysOut } from "./contract/ways-out.ts";
import { BUBBLEWRAP } from "./here.ts";

waysOut(BUBBLEWRAP);
