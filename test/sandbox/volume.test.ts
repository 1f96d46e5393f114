import { volumes } from "./contract/volumes.ts";
import { ENCRYPTED_REASON, ENCRYPTED_WORKS } from "./fuse.ts";
import { BUBBLEWRAP } from "./here.ts";

volumes(BUBBLEWRAP);
volumes({ ...BUBBLEWRAP, works: ENCRYPTED_WORKS, why: ENCRYPTED_REASON }, "encrypted");
