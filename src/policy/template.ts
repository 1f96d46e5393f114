// Fills a policy template. Values come from people and machines: each is written as a quoted YAML scalar.
import { CloisterError } from "../base/errors.ts";

/** What a template leaves open, as `{{name}}`. */
export type TemplateValues = Readonly<Record<string, string>>;

/**
 * Replaces every `{{key}}` by its value as a double-quoted YAML scalar, which holds as a key too. Values are not
 * replaced again, so they cannot bring placeholders of their own.
 *
 * @throws {@link CloisterError} FAILURE where the template has a placeholder without a value
 */
export function fillTemplate(text: string, values: TemplateValues): string {
  return text.replace(/\{\{([a-z]+)\}\}/g, (_, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined) throw new CloisterError("FAILURE", `the template needs a value for ${key}`);
    return quoted(value);
  });
}

/**
 * A YAML scalar: bare where it is a plain word that YAML reads as text, else in double quotes. JSON text is a YAML 1.2
 * double-quoted scalar (YAML 1.2.2, section 1.2); what JSON leaves as it is but YAML does not print is escaped.
 */
export function quoted(value: string): string {
  if (PLAIN.test(value) && !RESERVED.test(value)) return value;
  return JSON.stringify(value).replace(UNPRINTED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Words of letters and hyphens, and days: no number, no indicator, nothing with a second meaning. */
const PLAIN = /^(?:[a-z]+(?:-[a-z]+)*|\d{4}-\d{2}-\d{2})$/;
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/;
const UNPRINTED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
