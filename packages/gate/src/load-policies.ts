import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type DetailedError,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  preparseSchema,
  validate,
} from "@cedar-policy/cedar-wasm/nodejs";
import { OperationalError } from "@mailfleet/domain";

/** Named one by one: a file that a package or an image forgot stops the gate from starting, and drops no rule in silence. */
const policyFiles = [
  "actors",
  "operators",
  "processes",
  "recipients",
  "states",
  "tenant-actors",
  "tenant-isolation",
  "tokens",
] as const;

export type PolicyText = { readonly name: string; readonly text: string };

/** Names what Cedar has parsed and keeps for this thread. The same texts always have the same version. */
export type LoadedPolicies = {
  readonly version: string;
  readonly schemaName: string;
  /** Some policy names a mailbox (`Mailbox::"…"`): it decides by which one is asked about, and not only by what it is like. */
  readonly namesMailboxes: boolean;
};

/** Our own policies, as they lie in `policies/`. */
export function readOwnPolicies(): readonly PolicyText[] {
  return policyFiles.map((file) => ({ name: `${file}.cedar`, text: readPolicyFile(`${file}.cedar`) }));
}

/** The operator's own policies. Whatever they permit, ours still forbid. */
export function nameExtraPolicies(texts: readonly string[]): readonly PolicyText[] {
  return texts.map((text, index) => ({ name: `extra policies ${index + 1}`, text }));
}

/**
 * Parses the policies, checks them against the schema and keeps them parsed.
 * A warning refuses too: a policy that can never apply is a rule its author believes in.
 *
 * @throws OperationalError `contract.violated` naming every fault with its file and line
 */
export function loadPolicies(files: readonly PolicyText[]): LoadedPolicies {
  const schema = readPolicyFile("schema.cedarschema");
  const policies = files.flatMap((file) => splitPolicies(file));
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const faults = policies
    .filter((policy) => byId.get(policy.id) !== policy)
    .map((policy) => `${policy.file.name}: there are two policies with the id ${policy.id}`);
  if (faults.length > 0) throw faulty(faults);

  const policySet = { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) };
  const answer = validate({ schema, policies: policySet });
  if (answer.type === "failure") throw faulty(answer.errors.map(({ message }) => message));
  for (const { policyId, error } of [...answer.validationErrors, ...answer.validationWarnings]) {
    const policy = byId.get(policyId);
    faults.push(policy ? describe(policy.file, policy.at + byteStart(error), error) : error.message);
  }
  if (faults.length > 0) throw faulty(faults);

  const version = createHash("sha256")
    .update(JSON.stringify([schema, policySet]))
    .digest("base64url");
  const schemaName = `schema-${version}`;
  for (const parsed of [preparseSchema(schemaName, schema), preparsePolicySet(version, policySet)]) {
    if (parsed.type === "failure") throw faulty(parsed.errors.map(({ message }) => message));
  }
  return { version, schemaName, namesMailboxes: policies.some(({ text }) => namesMailbox(text)) };
}

type Policy = { readonly id: string; readonly text: string; readonly file: PolicyText; readonly at: number };

/** One file's policies, each under its `@id`, so that the audit log names the rule that decided. */
function splitPolicies(file: PolicyText): readonly Policy[] {
  const parts = policySetTextToParts(file.text);
  if (parts.type === "failure") throw faulty(parts.errors.map((error) => describe(file, byteStart(error), error)));
  if (parts.policy_templates.length > 0)
    throw faulty([`${file.name}: templates (?principal, ?resource) are not supported`]);
  if (parts.policies.length === 0) throw faulty([`${file.name}: there is no policy in it`]);
  return parts.policies.map((text, index) => {
    const parsed = policyToJson(text);
    const annotated = parsed.type === "success" ? parsed.json.annotations?.["id"] : undefined;
    const at = Math.max(0, Buffer.from(file.text).indexOf(text));
    return { id: annotated ?? `${file.name} #${index + 1}`, text, file, at };
  });
}

/** In its scope, `{"type": "Mailbox", "id": "…"}`, or as a value in a condition, `{"__entity": {"type": "Mailbox", "id": "…"}}`. */
function namesMailbox(text: string): boolean {
  const parsed = policyToJson(text);
  if (parsed.type === "failure") return true;
  let isNamed = false;
  JSON.stringify(parsed.json, (_key, value: unknown) => {
    if (typeof value === "object" && value !== null && "type" in value && value.type === "Mailbox") isNamed = true;
    return value;
  });
  return isNamed;
}

/** Cedar counts bytes of UTF-8. */
function byteStart(error: DetailedError): number {
  return error.sourceLocations?.[0]?.start ?? 0;
}

function describe(file: PolicyText, byteAt: number, { message, help }: DetailedError): string {
  const line = Buffer.from(file.text).subarray(0, byteAt).toString().split("\n").length;
  return `${file.name} line ${line}: ${message}${help ? ` (${help})` : ""}`;
}

function readPolicyFile(name: string): string {
  return readFileSync(new URL(`../policies/${name}`, import.meta.url), "utf8");
}

function faulty(faults: readonly string[]): OperationalError {
  return new OperationalError("contract.violated", `the gate's policies cannot be used:\n${faults.join("\n")}`);
}
