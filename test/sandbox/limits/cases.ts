import type { Case } from "../cases.ts";
import { MEMORY } from "./memory.ts";
import { PROCESSES } from "./processes.ts";
import { TIME } from "./time.ts";

export const CASES: readonly Case[] = [...MEMORY, ...PROCESSES, ...TIME];
