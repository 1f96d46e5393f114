// Trains a model that tells which customers will leave: logistic regression by gradient descent, in plain Node.
//
// Reads every CSV file under /inputs/<name>/, learns from 80 % of the rows and measures on the rest. CLOISTER_SEED (set
// by `cloister run --seed`) decides which rows are held out; the same seed and data give the same model, byte for byte.
//
// Usage: node train.mjs [INPUTS_DIR] [OUT_DIR]
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [inputs = "/inputs", out = "/workspace/out/model"] = process.argv.slice(2);
const seed = Number(process.env.CLOISTER_SEED ?? "1");
const LABEL = "churned";
/** Columns that name a person: a model must not learn them. */
const IDENTIFYING = ["customer_id", "email"];
const HOLDOUT = 0.2;
const EPOCHS = 300;
const RATE = 0.5;
const DECAY = 1e-3;

/** Random numbers in [0, 1): mulberry32, a public-domain generator by Tommy Ettinger. */
function generator(start) {
  let state = start | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function readRows() {
  const files = readdirSync(inputs, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".csv"));
  const rows = files.sort().flatMap((file) => {
    const [header, ...lines] = readFileSync(join(inputs, file), "utf8").trim().split(/\r?\n/);
    const columns = header.split(",");
    return lines.map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(columns.map((column, at) => [column, cells[at]]));
    });
  });
  if (rows.length < 50 || rows.some((row) => row[LABEL] === undefined)) {
    console.error(`train: no CSV file with a column "${LABEL}" and 50 rows under ${inputs}`);
    process.exit(1);
  }
  return rows;
}

/** Fisher-Yates, so that every split is equally likely. */
function shuffled(items, random) {
  const copy = [...items];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

/** Learns how to turn a row into numbers: scaled where a column is numeric, one number for each value where it is not. */
function fitFeatures(rows) {
  const columns = Object.keys(rows[0]).filter((column) => column !== LABEL && !IDENTIFYING.includes(column));
  return columns.flatMap((column) => {
    const values = rows.map((row) => row[column]);
    if (values.some((value) => !Number.isFinite(Number(value)))) {
      return [...new Set(values)].sort().map((value) => ({ name: `${column}=${value}`, column, value }));
    }
    const numbers = values.map(Number);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
    return [{ name: column, column, mean, deviation: Math.sqrt(variance) || 1 }];
  });
}

function encode(row, features) {
  return features.map(({ column, value, mean, deviation }) =>
    value === undefined ? (Number(row[column]) - mean) / deviation : Number(row[column] === value),
  );
}

function predict({ weights, bias }, x) {
  let score = bias;
  for (let at = 0; at < x.length; at++) score += weights[at] * x[at];
  return 1 / (1 + Math.exp(-score));
}

function evaluate(model, examples) {
  const scored = examples.map(({ x, y }) => ({ p: predict(model, x), y }));
  const right = scored.filter(({ p, y }) => (p >= 0.5 ? 1 : 0) === y).length;
  const loss = scored.reduce((sum, { p, y }) => sum - Math.log(Math.max(y === 1 ? p : 1 - p, 1e-12)), 0);
  return { accuracy: right / scored.length, auc: areaUnderCurve(scored), logLoss: loss / scored.length };
}

/** Area under the ROC curve by ranks (Mann-Whitney U); equal scores share their rank. */
function areaUnderCurve(scored) {
  const sorted = scored.toSorted((a, b) => a.p - b.p);
  const positives = sorted.filter(({ y }) => y === 1).length;
  let ranks = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to].p === sorted[from].p) to++;
    const ties = sorted.slice(from, to).filter(({ y }) => y === 1).length;
    ranks += ties * ((from + 1 + to) / 2);
    from = to;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (sorted.length - positives));
}

function step(model, examples) {
  const gradient = new Float64Array(model.weights.length);
  let biasGradient = 0;
  for (const { x, y } of examples) {
    const error = predict(model, x) - y;
    biasGradient += error;
    for (let at = 0; at < x.length; at++) gradient[at] += error * x[at];
  }
  model.bias -= (RATE * biasGradient) / examples.length;
  model.weights = model.weights.map((w, at) => w - RATE * (gradient[at] / examples.length + DECAY * w));
}

const round = (value) => Number(value.toFixed(6));
const rows = shuffled(readRows(), generator(seed));
const held = Math.floor(rows.length * HOLDOUT);
const trainRows = rows.slice(held);
const features = fitFeatures(trainRows);
const toExample = (row) => ({ x: encode(row, features), y: Number(row[LABEL]) });
const train = trainRows.map(toExample);
const holdout = rows.slice(0, held).map(toExample);
console.log(
  `rows ${rows.length}  train ${train.length}  holdout ${holdout.length}  features ${features.length}  seed ${seed}`,
);

const model = { weights: features.map(() => 0), bias: 0 };
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  step(model, train);
  if (epoch % 60 === 0) {
    const { logLoss, auc } = evaluate(model, holdout);
    console.log(`epoch ${epoch}/${EPOCHS}  loss ${logLoss.toFixed(4)}  auc ${auc.toFixed(4)}`);
  }
}

const measured = evaluate(model, holdout);
const metrics = {
  accuracy: round(measured.accuracy),
  auc: round(measured.auc),
  logLoss: round(measured.logLoss),
  trainRows: train.length,
  holdoutRows: holdout.length,
  seed,
};
const weights = features.map((feature, at) => ({ ...feature, weight: round(model.weights[at]) }));
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
mkdirSync(out, { recursive: true });
writeFileSync(
  join(out, "model.json"),
  json({ kind: "logistic-regression", label: LABEL, bias: round(model.bias), weights }),
);
writeFileSync(join(out, "metrics.json"), json(metrics));
writeFileSync(
  join(out, "README.md"),
  `# Churn model

Logistic regression on ${train.length} customers; measured on ${holdout.length} others (seed ${seed}).

| accuracy | AUC | log loss |
| --- | --- | --- |
| ${metrics.accuracy} | ${metrics.auc} | ${metrics.logLoss} |

Not used: ${IDENTIFYING.join(", ")}.
`,
);
console.log(`accuracy ${metrics.accuracy.toFixed(4)}  auc ${metrics.auc.toFixed(4)}  -> ${out}`);
