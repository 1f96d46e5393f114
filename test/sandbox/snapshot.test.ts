import { snapshots } from "./contract/snapshots.ts";
import { BUBBLEWRAP } from "./here.ts";

snapshots(BUBBLEWRAP);
