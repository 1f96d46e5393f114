import { volumes } from "./contract/volumes.ts";
import { BUBBLEWRAP } from "./here.ts";

volumes(BUBBLEWRAP);
