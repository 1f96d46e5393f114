import type { Case } from "../cases.ts";
import { ERASURE } from "./erasure.ts";
import { FILES } from "./files.ts";
import { REMOVAL } from "./removal.ts";
import { SERVER } from "./server.ts";
import { SIZE } from "./size.ts";

/** What is true of encrypted volumes, whoever makes them. */
export const CASES: readonly Case[] = [...FILES, ...ERASURE, ...SERVER, ...REMOVAL, ...SIZE];
