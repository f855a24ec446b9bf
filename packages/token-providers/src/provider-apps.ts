import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import { ProviderAppMaterial } from "./provider-app-material.ts";

/** An app while it is open, as the app's store hands it over. */
export type OpenProviderApp = {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly kind: string;
  /** The provider refused the app itself; before this moment nobody asks with it. */
  readonly blockedUntil: Date | null;
  readonly material: unknown;
};

/** The operator's clients at providers. The app of a process makes it of its database and its vault. */
export type ProviderApps = {
  /** @throws OperationalError `provider-app.missing`, `credential.unreadable`, `key.unavailable` */
  use<Result>(
    name: string,
    fn: (app: OpenProviderApp) => Promise<Result>,
    options: { signal: AbortSignal },
  ): Promise<Result>;
  /** True for the first to say so. */
  block(app: { id: string; version: number }, refusal: { reason: string; until: Date }): Promise<boolean>;
};

/** @throws OperationalError `credential.unreadable` for one that this version cannot read */
export function readProviderApp({ name, version, material }: OpenProviderApp): ProviderAppMaterial {
  try {
    return parseAtEdge(ProviderAppMaterial, material, `provider app ${name}, version ${version}`);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new OperationalError("credential.unreadable", `${error.message}; rotate the app with its secrets`);
  }
}

/** @throws OperationalError `provider-app.refused` while the app is blocked */
export function requireUnblocked({ name, blockedUntil }: OpenProviderApp, now: Date): void {
  if (blockedUntil === null || blockedUntil <= now) return;
  throw new OperationalError(
    "provider-app.refused",
    `the provider refused the app ${name}; rotate it with new secrets`,
  );
}
