import { createHash } from "node:crypto";
import { readServiceAccountKey } from "../provider-apps/read-app-file.ts";
import type { WantedMailbox } from "./read-tenants-file.ts";

export type StoredForm = { readonly flow: string; readonly material: unknown };

/** What is sealed for a wanted mailbox, as its flow reads it. */
export function wantedMaterial({ credential, secret }: WantedMailbox): StoredForm {
  const { flow, user } = credential;
  if (flow === "microsoft-client-credentials") {
    return { flow, material: { user, app: credential.app } };
  }
  if (flow === "google-service-account" && secret === null) return { flow, material: { user, app: credential.app } };
  if (secret === null) throw new Error("a secret was not read");
  const text = secret.reveal();
  if (flow === "google-service-account") return { flow, material: { user, key: readServiceAccountKey(text) } };
  if (flow === "oauth-refresh-token") {
    const material = { user, app: credential.app, refreshToken: text, firstSha256: digestOf(text) };
    return { flow, material };
  }
  return { flow, material: { user, password: text } };
}

/** Told apart by this and not by the refresh token itself: the provider replaces that, and the file keeps the first. */
export function comparable({ flow, material }: StoredForm): string {
  const { refreshToken: _, ...lasting } = material as Record<string, unknown>;
  return digestOf(JSON.stringify([flow, Object.entries(lasting).sort()]));
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
