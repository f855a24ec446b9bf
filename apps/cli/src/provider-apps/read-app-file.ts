import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseAtEdge } from "@mailfleet/domain";
import { ProviderAppMaterial, ServiceAccountKeyFile } from "@mailfleet/token-providers";
import { parse } from "yaml";
import type { Variables } from "../config.ts";
import { UsageError } from "../faults.ts";
import { readSecret } from "../provisioning/read-secret.ts";
import type { SecretSource } from "../provisioning/tenants-file.ts";
import { AppFile } from "./app-file.ts";

export type WantedApp = { readonly kind: string; readonly clientId: string; readonly material: ProviderAppMaterial };

/**
 * Reads an app's file and the secrets it names.
 *
 * @throws UsageError for a file that cannot be read, or a secret that is not where it says
 * @throws OperationalError `contract.violated` for one that is no app; paths and rules are named and no values
 */
export function readAppFile(path: string, variables: Variables): WantedApp {
  const file = parseAtEdge(AppFile, readYaml(path), path);
  const secret = (source: SecretSource) => {
    const found = readSecret(source, { environment: variables, folder: dirname(path) }, "text");
    if (typeof found === "string") throw new UsageError(found, "Correct the { env } or { file } it comes from.");
    return found.reveal();
  };
  const material = parseAtEdge(ProviderAppMaterial, materialOf(file, secret), path);
  const clientId = material.kind === "google-service-account" ? material.key.clientEmail : material.clientId;
  return { kind: material.kind, clientId, material };
}

function materialOf(file: AppFile, secret: (source: SecretSource) => string): unknown {
  if (file.kind === "google-service-account") return { kind: file.kind, key: readServiceAccountKey(secret(file.key)) };
  if (file.kind !== "microsoft") return { ...file, clientSecret: secret(file.clientSecret) };
  const { clientSecret, certificate, ...microsoft } = file;
  if ((clientSecret === undefined) === (certificate === undefined)) {
    throw new UsageError("an app has a clientSecret or a certificate", "Name exactly one of them.");
  }
  if (clientSecret !== undefined) {
    return { ...microsoft, secret: { kind: "secret", clientSecret: secret(clientSecret) } };
  }
  const certificatePem = certificate && secret(certificate.certificate);
  const privateKeyPem = certificate && secret(certificate.privateKey);
  return { ...microsoft, secret: { kind: "certificate", certificatePem, privateKeyPem } };
}

/** Checked before anything else sees it; three fields of it are kept. */
export function readServiceAccountKey(text: string): ServiceAccountKeyFile {
  return parseAtEdge(ServiceAccountKeyFile, parseJson(text), "the service account's key");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the parser's own message quotes the text
  }
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, "utf8"), { logLevel: "silent", prettyErrors: false });
  } catch (error) {
    const isFile = error instanceof Error && "syscall" in error;
    throw new UsageError(
      isFile ? `${path} cannot be read` : `${path} is not valid YAML`,
      "Name a file that describes the app with -f FILE.",
    );
  }
}
