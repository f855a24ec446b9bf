import { readFileSync } from "node:fs";
import type { z } from "zod";
import { ConfigurationError } from "./configuration-error.ts";
import { describeEnvironment, type EnvironmentVariable } from "./describe-environment.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that the schema names. An empty variable counts as unset. A secret may stand in a file that
 * `NAME_FILE` names; one newline at its end is not part of it.
 *
 * @throws ConfigurationError with every fault at once, one for each variable
 */
export function readEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Environment = process.env,
): z.output<Schema> {
  const variables = new Map(describeEnvironment(schema).map((variable) => [variable.name, variable]));
  const faults = new Map<string, string>();
  const given: Record<string, string> = {};
  for (const [name, variable] of variables) {
    const found = find(variable, environment);
    if (found.fault !== undefined) faults.set(name, found.fault);
    else if (found.value !== undefined) given[name] = found.value;
  }

  const result = schema.safeParse(given);
  for (const issue of result.error?.issues ?? []) {
    const name = String(issue.path[0] ?? "");
    if (!faults.has(name)) faults.set(name, describeFault(issue, name, variables.get(name), name in given));
  }
  if (result.success && faults.size === 0) return result.data;
  throw new ConfigurationError([...faults.values()]);
}

type Found = { readonly value?: string | undefined; readonly fault?: string };

function find({ name, secret }: EnvironmentVariable, environment: Environment): Found {
  const value = environment[name] || undefined;
  const file = secret ? environment[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return { value };
  if (value !== undefined) return { fault: `${name}: set it or ${name}_FILE, not both` };
  try {
    return { value: readFileSync(file, "utf8").replace(/\r?\n$/, "") };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    return { fault: `${name}_FILE: names a file that cannot be read (${code})` };
  }
}

/** In our words, because zod's could repeat a value one day. What a refinement of our own says is taken as it is. */
function describeFault(
  issue: z.core.$ZodIssue,
  name: string,
  variable: EnvironmentVariable | undefined,
  isSet: boolean,
): string {
  if (variable === undefined) return issue.message; // a rule that spans several names, and says which
  if (issue.code === "custom") return `${name}: ${issue.message}`;
  const expected = `expected ${variable.type}${variable.description === "" ? "" : `. ${variable.description}`}`;
  return `${name}: ${isSet ? expected : `is not set; ${expected}`}`;
}
