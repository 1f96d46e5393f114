// What benches share: whether a program is there, and the middle of several measurements.
import { spawnSync } from "node:child_process";

export const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
