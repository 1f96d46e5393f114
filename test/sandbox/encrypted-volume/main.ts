// Runs every case as the user it is started by.
import { argv } from "node:process";
import { runCases } from "../cases.ts";
import { CASES } from "./cases.ts";

const [, program = "", folder = ""] = argv;
await runCases(CASES, { folder, program });
