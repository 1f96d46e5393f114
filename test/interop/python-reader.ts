// The Python reader, and what this machine lacks to run it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const MODULES = "cryptography, yaml, zstandard";
const python = ["python3", "/usr/bin/python3"].find(
  (each) => spawnSync(each, ["-c", `import ${MODULES}`]).status === 0,
);
const hasAge = ["age", "age-keygen"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

/** In words; empty where nothing is lacking. */
export const lacking = [...(python ? [] : [`Python's ${MODULES}`]), ...(hasAge ? [] : ["the age tools"])].join(" and ");

/** Program and first argument. */
export const reader = [python ?? "", join(import.meta.dirname, "reader/cloister_reader.py")] as const;
