import type { Secret } from "@mailfleet/domain";
import { type Document, type ErrorCode, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { type Fault, FileFaults } from "../faults.ts";
import { parseLifetimeMs } from "../parse-options.ts";
import { type Found, findDuplicates, LooseFile } from "./find-duplicates.ts";
import { createLocator, type Path } from "./locate-in-yaml.ts";
import { readSecret, type SecretPlaces } from "./read-secret.ts";
import {
  type CredentialEntry,
  type MailboxEntry,
  SecretSource,
  type TenantEntry,
  TenantsFile,
} from "./tenants-file.ts";

export type WantedMailbox = Omit<MailboxEntry, "credential" | "backfill"> & {
  readonly backfillMs: number | undefined;
  readonly user: string;
  readonly credential: CredentialEntry;
  /** Null where the flow needs none of the mailbox's own. */
  readonly secret: Secret | null;
  readonly path: Path;
};
export type WantedTenant = Omit<TenantEntry, "mailboxes"> & {
  readonly namespace: string;
  readonly mailboxes: readonly WantedMailbox[];
  readonly path: Path;
};

export type TenantsDocument = {
  readonly tenants: readonly WantedTenant[];
  /** For what is found wrong later: where in the file the wish stands. */
  locate(path: Path, message: string): Fault;
};

/**
 * Reads a tenants file and the secrets it names.
 *
 * @throws FileFaults with every fault at once: what YAML cannot read, what the schema refuses, what stands twice, and
 *   secrets that are not where the file says
 */
export function readTenantsFile(text: string, name: string, places: SecretPlaces): TenantsDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    stringKeys: true,
  });
  const locate = createLocator(document, lines);
  const unreadable = findUnreadable(document);
  if (unreadable.length > 0) {
    const faults = unreadable.map(({ offset, message }) => {
      const { line, col } = lines.linePos(offset);
      return { path: "(file)", line, column: col, message };
    });
    throw new FileFaults("file.faulty", name, faults);
  }

  const value = toValue(document);
  const loose = LooseFile.parse(value);
  const secrets = readSecrets(loose, places);
  const parsed = TenantsFile.safeParse(value, { reportInput: true });
  const found = [
    ...(parsed.error?.issues.flatMap(toFound) ?? []),
    ...findDuplicates(loose),
    ...[...secrets.values()].flatMap(({ path, secret }) =>
      typeof secret === "string" ? [{ path, message: secret }] : [],
    ),
  ];
  if (!parsed.success || found.length > 0) {
    const faults = found.map(({ path, message }) => locate(path, message));
    throw new FileFaults(
      "file.faulty",
      name,
      faults.toSorted((a, b) => a.line - b.line || a.column - b.column),
    );
  }
  return { tenants: parsed.data.tenants.map((tenant, index) => toWanted(tenant, index, secrets)), locate };
}

function toWanted(tenant: TenantEntry, index: number, secrets: Secrets): WantedTenant {
  const mailboxes = tenant.mailboxes.map(({ credential, backfill, ...mailbox }, at): WantedMailbox => {
    const secret = secrets.get(`${index} ${at}`)?.secret ?? null;
    if (typeof secret === "string") throw new Error("a secret was not read");
    const backfillMs = backfill === undefined ? undefined : parseLifetimeMs(backfill);
    const path = ["tenants", index, "mailboxes", at];
    return { ...mailbox, backfillMs, user: credential.user, credential, secret, path };
  });
  return { ...tenant, namespace: tenant.namespace ?? tenant.key, mailboxes, path: ["tenants", index] };
}

/** By the positions of tenant and mailbox in the file. A text says why there is no secret. */
type Secrets = ReadonlyMap<string, { readonly path: Path; readonly secret: Secret | string }>;

/** Where a credential has its secret; each flow has one of them, or none. */
const secretNames = ["password", "key", "refreshToken"] as const;

function readSecrets({ tenants }: LooseFile, places: SecretPlaces): Secrets {
  const secrets = new Map<string, { path: Path; secret: Secret | string }>();
  for (const [tenant, { mailboxes }] of tenants.entries()) {
    for (const [mailbox, { credential }] of mailboxes.entries()) {
      const name = secretNames.find((candidate) => credential[candidate] !== undefined);
      const source = SecretSource.safeParse(name && credential[name]);
      if (name === undefined || !source.success) continue; // the schema says so
      const path = ["tenants", tenant, "mailboxes", mailbox, "credential", name];
      const form = name === "password" ? "password" : "text";
      secrets.set(`${tenant} ${mailbox}`, { path, secret: readSecret(source.data, places, form) });
    }
  }
  return secrets;
}

/** One issue of zod's as faults in our words; names of unknown keys are told, but never below `password`. */
function toFound(issue: z.core.$ZodIssue): readonly Found[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: "there is no such setting" }));
  }
  if (issue.code === "invalid_type") {
    return [{ path, message: issue.input === undefined ? "is missing" : `must be ${articled(issue.expected)}` }];
  }
  if (issue.code === "invalid_value") {
    return [{ path, message: `must be ${issue.values.map((value) => String(value)).join(" or ")}` }];
  }
  return [{ path, message: issue.message }];
}

function articled(expected: string): string {
  const word = { array: "list", record: "map", object: "map", int: "whole number" }[expected] ?? expected;
  return `a ${word}`;
}

function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined; // aliases that multiply beyond all measure: the schema then finds no file at all
  }
}

/** What YAML itself finds wrong, and aliases of nothing, which it finds only when it is too late to say where. */
function findUnreadable(document: Document): readonly { offset: number; message: string }[] {
  const found = document.errors.map(({ code, pos }) => ({ offset: pos[0], message: sayYamlError(code) }));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return;
      found.push({ offset: alias.range?.[0] ?? 0, message: sayYamlError("BAD_ALIAS") });
    },
  });
  return found;
}

const sentenceByYamlError: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: "refers to an anchor that is not there; quote a text that begins with *",
  BAD_DQ_ESCAPE: "has a backslash that means nothing; use single quotes",
  BAD_INDENT: "is indented wrongly",
  BAD_SCALAR_START: "begins with a character that must be quoted",
  DUPLICATE_KEY: "is named twice in one map",
  MISSING_CHAR: "a character is missing here, such as a closing quote or a colon",
  MULTIPLE_DOCS: "a second document begins here; a tenants file is one",
  NON_STRING_KEY: "a name must be text",
  TAB_AS_INDENT: "is indented with a tab; use spaces",
  TAG_RESOLVE_FAILED: "has a tag that is not known here",
};

/** Never the library's own words: they quote what stands there, and that may be a secret. */
function sayYamlError(code: ErrorCode): string {
  return sentenceByYamlError[code] ?? `is not valid YAML (${code.toLowerCase().replaceAll("_", "-")})`;
}
