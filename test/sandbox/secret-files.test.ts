import { secretFiles } from "./contract/secret-files.ts";
import { BUBBLEWRAP } from "./here.ts";

secretFiles(BUBBLEWRAP);
