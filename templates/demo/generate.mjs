// Writes the demo data set: a table of customers of a telephone company, and whether each of them left.
//
// THE DATA ARE SYNTHETIC. No row describes a person: names, addresses and numbers are drawn from a random number
// generator with a fixed seed, and the domain is reserved for examples (RFC 2606). Whether a customer left is drawn from
// a logistic model of the other columns, so that a classifier has something to find.
//
// Usage: node generate.mjs OUT_DIR [ROWS]
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SEED = 20260105;
const FIRST = ["ana", "ben", "chloe", "dmitri", "elif", "femi", "grace", "hiro", "ines", "jonas", "kavya", "leo"];
const LAST = ["almeida", "brandt", "costa", "dubois", "eriksen", "fischer", "garcia", "haddad", "ito", "jensen"];
const COLUMNS = [
  "customer_id",
  "email",
  "tenure_months",
  "contract",
  "payment",
  "monthly_charge",
  "data_gb",
  "support_calls",
  "late_payments",
  "discount",
  "churned",
];

/** Random numbers in [0, 1): mulberry32, a public-domain generator by Tommy Ettinger. */
function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function customer(number, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const exponential = (mean) => -mean * Math.log(1 - random());
  const contract = pick(["monthly", "monthly", "yearly", "two-year"]);
  const tenure = Math.min(96, 1 + Math.floor(exponential(contract === "monthly" ? 18 : 40)));
  const payment = pick(["direct-debit", "card", "invoice"]);
  const charge = 15 + 70 * random();
  const data = exponential(charge / 6);
  const calls = Math.min(12, Math.floor(exponential(1.6)));
  const late = Math.min(6, Math.floor(exponential(payment === "invoice" ? 1.2 : 0.5)));
  const discount = random() < 0.3 ? 1 : 0;
  const score =
    -1.7 +
    (contract === "monthly" ? 1.3 : 0) -
    (contract === "two-year" ? 0.9 : 0) -
    0.035 * tenure +
    0.025 * (charge - 50) +
    0.42 * calls +
    0.35 * late -
    0.5 * discount;
  const churned = random() < 1 / (1 + Math.exp(-score)) ? 1 : 0;
  const id = `C-${String(100000 + number)}`;
  const email = `${pick(FIRST)}.${pick(LAST)}${String(number)}@example.com`;
  const amounts = [charge.toFixed(2), data.toFixed(1), calls, late, discount, churned];
  return [id, email, tenure, contract, payment, ...amounts].join(",");
}

const [folder, rowsText = "5000"] = process.argv.slice(2);
const rows = Number(rowsText);
if (folder === undefined || !Number.isInteger(rows) || rows < 1 || rows > 1_000_000) {
  console.error("usage: node generate.mjs OUT_DIR [ROWS]");
  process.exit(2);
}
const random = generator(SEED);
const lines = Array.from({ length: rows }, (_, number) => customer(number, random));
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "customers.csv"), `${[COLUMNS.join(","), ...lines].join("\n")}\n`);
writeFileSync(
  join(folder, "README.md"),
  "# Customers\n\nSynthetic: no row describes a person. One row for each customer; `churned` is 1 where they left.\n",
);
console.log(`wrote ${String(rows)} synthetic customers to ${join(folder, "customers.csv")}`);
