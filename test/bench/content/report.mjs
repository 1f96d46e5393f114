// The table: medians, ratios to cloister, what of the targets was met.
import { median } from "../common.mjs";
import { MEMORY_MAX, STEPS, words } from "./workloads.mjs";

const DURABLE = "  cloister, restic and borg fsync what they store, rclone and age do not";

/**
 * One step of one workload, from the measurements of each contender, in turns.
 *
 * @returns rows with `ratio`: how many times as fast cloister is; of a ceiling: which part of it cloister reaches
 */
export function summary(workload, step, measured) {
  const targets = workload.steps[step];
  const ours = median(measured.get("cloister").map((turn) => turn.seconds));
  const rows = [...measured].map(([name, turns]) => {
    const seconds = median(turns.map((turn) => turn.seconds));
    const target = targets.find((each) => (name === "cloister" ? "seconds" in each : name === each.than));
    const ratio = name === "cloister" ? undefined : seconds / ours;
    const met = target && (target.seconds === undefined ? ratio >= target.times : seconds <= target.seconds);
    const cpu = turns[0].cpu === undefined ? undefined : median(turns.map((turn) => turn.cpu));
    const memory = turns[0].memory === undefined ? undefined : Math.max(...turns.map((turn) => turn.memory));
    return {
      name,
      seconds,
      all: turns.map((turn) => turn.seconds),
      rate: workload.bytes / seconds,
      ratio,
      cpu,
      memory,
      stored: turns.at(-1).stored,
      target,
      met,
    };
  });
  return { workload: workload.name, step, title: workload.title, memoryMax: workload.memoryMax, rows };
}

export function print(found) {
  console.log(`\n${STEPS[found.step]}: ${found.title}`);
  if (found.step === "push") console.log(DURABLE);
  const head = ["", "seconds", "rate", "CPU s", "peak memory", "stored", "cloister", "target", ""];
  const lines = found.rows.map((row) => [
    row.name,
    row.seconds.toFixed(row.seconds < 10 ? 2 : 1),
    `${words(row.rate)}/s`,
    row.cpu?.toFixed(1) ?? "",
    row.memory ? `${(row.memory / 1e6).toFixed(0)} MB` : "",
    row.stored ? words(row.stored) : "",
    compared(row),
    row.target?.words ?? "",
    row.target ? (row.met ? "met" : "NOT MET") : "",
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column].length)));
  for (const line of [head, ...lines]) {
    const cells = line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    console.log(`  ${cells.join("  ").trimEnd()}`);
  }
}

function compared({ name, ratio }) {
  if (ratio === undefined) return "";
  return name.startsWith("ceiling") ? `${(ratio * 100).toFixed(0)} % of it` : `${ratio.toFixed(2)}x as fast`;
}

/** The most that any of our commands needed, against what it may. */
export function printMemory(all) {
  for (const max of new Set(all.map((found) => found.memoryMax))) {
    const own = all.filter((found) => found.memoryMax === max).map((found) => found.rows.find(isOurs).memory);
    if (own.some((memory) => memory === undefined)) return;
    const most = Math.max(...own);
    const which = max === MEMORY_MAX ? "any size" : "a million files";
    const said = `${(most / 1e6).toFixed(0)} MB`;
    console.log(
      `\npeak memory of cloister, ${which}: ${said}   target <= ${max / 1e6} MB   ${most <= max ? "met" : "NOT MET"}`,
    );
  }
}

const isOurs = ({ name }) => name === "cloister";
