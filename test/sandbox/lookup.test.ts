import { lookups } from "./contract/lookups.ts";
import { BUBBLEWRAP } from "./here.ts";

lookups(BUBBLEWRAP);
