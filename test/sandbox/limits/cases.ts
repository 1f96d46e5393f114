import { MEMORY } from "./memory.ts";
import { PROCESSES } from "./processes.ts";
import { TIME } from "./time.ts";
import type { Case } from "./workspaces.ts";

export const CASES: readonly Case[] = [...MEMORY, ...PROCESSES, ...TIME];
