import { listings } from "./contract/listings.ts";
import { BUBBLEWRAP } from "./here.ts";

listings(BUBBLEWRAP);
