import { z } from "zod";

/** One variable, for the configuration reference, `.env.example` and what a fault expected. */
export type EnvironmentVariable = {
  readonly name: string;
  /** In words: `whole number, 1 to 500`. */
  readonly type: string;
  readonly required: boolean;
  /** As it would be written in the environment; null where there is none. */
  readonly default: string | null;
  /** Kept out of every output; `NAME_FILE` may name a file that holds it. */
  readonly secret: boolean;
  readonly description: string;
};

/** The part of JSON Schema that zod writes for one variable. */
type Property = {
  readonly type?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly secret?: boolean;
  /** `.meta({ expects })`: for a type that only the author can put into words. */
  readonly expects?: string;
};

/** What the schema says about each of its variables, in the order of the schema. */
export function describeEnvironment(schema: z.ZodObject): EnvironmentVariable[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const results = z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }).properties ?? {};
  return Object.entries(properties).map(([name, property]) => {
    const given = property as Property;
    const result = results[name] as Property | undefined;
    const fallback = given.default ?? result?.default; // of a transformed variable the default is a result already
    return {
      name,
      type: typeOf(given, result),
      required: required.includes(name),
      default: fallback === undefined || fallback === "" ? null : String(fallback),
      secret: given.secret === true,
      description: given.description ?? "",
    };
  });
}

function typeOf(given: Property, result: Property | undefined): string {
  if (given.expects !== undefined) return given.expects;
  if (given.secret) return given.format === "uri" ? "URL (secret)" : "secret text";
  if (given.enum) return `one of ${given.enum.join(", ")}`;
  if (given.const !== undefined) return `nothing but ${given.const}`;
  if (result?.type === "boolean") return "true or false";
  if (given.format === "uri") return "URL";
  if (given.type === "integer") return `whole number${rangeOf(given)}`;
  if (given.type === "number") return `number${rangeOf(given)}`;
  return "text";
}

/** zod bounds every integer by what a double can count to; that is no bound to tell anybody. */
function rangeOf({ minimum, maximum }: Property): string {
  const least = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least !== undefined && most !== undefined) return `, ${least} to ${most}`;
  if (least !== undefined) return `, ${least} or more`;
  return most === undefined ? "" : `, ${most} or less`;
}
